"""Channels of grpcio, each with a connection of its own.

The first line of standard input is a JSON object that says what to do. What was seen is written to standard output, a JSON
object in a line. Ends when standard input does.
"""

import asyncio
import base64
import collections
import json
import os
import sys
import time

import grpc

DOWNLOAD = "/accessbroker.v1.AccessBrokerService/IssueDownloadUrl"
# The bucket "media" and the key "x".
DOWNLOAD_MESSAGE = b"\x0a\x05media\x12\x01x"
WATCH = "/grpc.health.v1.Health/Watch"

# How long anything may take before it counts as failed, in seconds.
PATIENCE = 60


def channel(task):
    options = [("grpc.use_local_subchannel_pool", 1)]
    if "service_config" in task:
        options.append(("grpc.service_config", task["service_config"]))
    if "default_authority" in task:
        options.append(("grpc.default_authority", task["default_authority"]))
    return grpc.aio.insecure_channel(task["target"], options=options)


async def ask(channel, token):
    metadata = (("authorization", f"Bearer {token}"),)
    await channel.unary_unary(DOWNLOAD)(DOWNLOAD_MESSAGE, metadata=metadata, timeout=PATIENCE)


async def be_a_good_caller(channel, tokens, seen):
    """Waits until the channel is ready, then calls with each token in turn."""
    try:
        await asyncio.wait_for(channel.channel_ready(), PATIENCE)
    except asyncio.TimeoutError:
        seen["failures"].append("not ready: " + str(channel.get_state()))
        return
    seen["ready"] += 1
    for token in tokens:
        begun = time.monotonic()
        try:
            await ask(channel, token)
        except grpc.aio.AioRpcError as error:
            seen["failures"].append(f"{error.code().name}: {error.details()}")
            continue
        seen["seconds"].append(time.monotonic() - begun)


async def be_good_callers(task, _ended):
    """One channel for each list of tokens, all of them open at once."""
    seen = {"ready": 0, "seconds": [], "failures": []}
    channels = [channel(task) for _ in task["callers"]]
    await asyncio.gather(*(be_a_good_caller(*each, seen) for each in zip(channels, task["callers"])))
    say(seen)


async def keep_on(task, ended, attack):
    """Makes calls on some channels, as many at a time on each, until the end of standard input."""
    codes = collections.Counter()

    async def make_calls(channel):
        while not ended.done():
            try:
                await attack(channel)
                codes["OK"] += 1
            except grpc.aio.AioRpcError as error:
                codes[error.code().name] += 1
                # What is refused at once is not asked for at once again.
                await asyncio.sleep(0.01)

    channels = [channel(task) for _ in range(task["channels"])]
    calls = [asyncio.ensure_future(make_calls(each)) for each in channels for _ in range(task["calls"])]
    await asyncio.sleep(1)
    say({"begun": True})
    await ended
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    say({"codes": codes})


async def flood_with_calls(task, ended):
    await keep_on(task, ended, lambda channel: ask(channel, task["token"]))


async def flood_with_health_streams(task, ended):
    async def watch(channel):
        async for _ in channel.unary_stream(WATCH)(b""):
            pass

    await keep_on(task, ended, watch)


async def forge(task, ended):
    """Tokens that are right but for their signatures, each another one."""
    head, payload, signature = task["token"].split(".")
    length = len(signature) * 3 // 4

    def forged():
        signature = base64.urlsafe_b64encode(b"\0" + os.urandom(length - 1)).rstrip(b"=").decode()
        return f"{head}.{payload}.{signature}"

    await keep_on(task, ended, lambda channel: ask(channel, forged()))


def say(what):
    print(json.dumps(what), flush=True)


async def main():
    task = json.loads(sys.stdin.readline())
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await globals()[task["do"]](task, ended)
    await ended


asyncio.run(main())
