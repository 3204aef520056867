# The key in forms of Python's requests, and in JSON.
import base64
import sys
from urllib.parse import urlsplit

import requests

base, token, key = sys.stdin.read().splitlines()
session = requests.Session()
session.trust_env = False
headers = {"authorization": f"Bearer {token}"}


def downloaded(answer, url_of):
    answer.raise_for_status()
    content = session.get(url_of(answer.json()))
    content.raise_for_status()
    print(urlsplit(answer.request.url).query or "-", base64.b64encode(content.content).decode())


downloaded(session.get(f"{base}/presignedurl", params={"key": key}, headers=headers), lambda body: body["url"])
message = {"bucket": "media", "key": key}
for answer in [
    session.get(f"{base}/v1/downloadUrl", params=message, headers=headers),
    session.post(f"{base}/v1/downloadUrl", json=message, headers=headers),
]:
    downloaded(answer, lambda body: body["get"]["url"])
