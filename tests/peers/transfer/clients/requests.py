"""Sends requests with `requests`: a JSON object per line of input, and one per line of output.

Says `ready` first, where `requests` is installed.
"""

import base64
import json
import sys

try:
    import requests
except ImportError:
    sys.exit()

session = requests.Session()
# No proxy and no credentials of this machine.
session.trust_env = False
print("ready", flush=True)

for line in sys.stdin:
    wanted = json.loads(line)
    body = None if wanted["body"] is None else base64.b64decode(wanted["body"])
    answer = session.request(
        wanted["method"],
        wanted["url"],
        headers=wanted["headers"],
        data=body,
        allow_redirects=False,
        # `content` would be decoded by its Content-Encoding.
        stream=True,
        timeout=20,
    )
    content = answer.raw.read(decode_content=False)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    print(
        json.dumps({
            "status": answer.status_code,
            "headers": headers,
            "body": base64.b64encode(content).decode(),
        }),
        flush=True,
    )
