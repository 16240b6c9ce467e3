"""
s3sync: keeps the home folder of a tool and a folder of a bucket the same, with mobius3.

It waits for what is not there yet: S3, credentials, a home that can be written. At SIGTERM it uploads what is not.
"""

import asyncio
import logging
import os
import shutil
import signal
import sys

from mobius3 import Syncer

import credentials
import excludes
import settings
from bucket import Bucket
from speech import Failures, say

directory = "/home/s3sync/data"
own = f"{directory}/.mobius3"

# Together less than the ten seconds that the platform gives: the tool beside it, which ends at the same time, saves at its
# own SIGTERM; and the upload of that.
seconds_for_the_tool = 2
seconds_to_upload = 6


async def writable():
    """Waits until files can be made; what half a download left of a former life goes."""
    while True:
        try:
            shutil.rmtree(own, ignore_errors=True)
            os.makedirs(own, exist_ok=True)
            return
        except OSError as error:
            say(f"{directory} cannot be written ({error.strerror}): nothing is synchronised until it can")
            await asyncio.sleep(10)


async def until(stopping, work):
    """Whether work was done before the end was asked for."""
    stop = asyncio.ensure_future(stopping.wait())
    task = asyncio.ensure_future(work)
    await asyncio.wait((stop, task), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if task.done():
        task.result()
        return True
    task.cancel()
    await asyncio.wait((task,))
    return False


async def main():
    wanted = settings.read(os.environ)
    source = credentials.source(os.environ)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    if not await until(stopping, writable()):
        return
    start, stop = Syncer(
        directory, wanted.bucket, wanted.endpoint, wanted.region,
        prefix=wanted.prefix,
        get_credentials=source,
        get_pool=lambda: Bucket(wanted, source),
        exclude_remote=excludes.remote(),
        exclude_local=excludes.local(directory),
        upload_on_create=excludes.upload_on_create(directory),
        # How late its own events may be: on a busy machine they are.
        flush_file_timeout=60,
        directory_watch_timeout=60,
    )
    say(f"{directory} with {wanted.bucket}/{wanted.prefix} at {wanted.endpoint.format(wanted.bucket)}")
    if await until(stopping, start()):
        say("everything is there; from here on every change goes both ways")
        await stopping.wait()
    await asyncio.sleep(seconds_for_the_tool)
    try:
        await asyncio.wait_for(stop(), seconds_to_upload)
        say("everything is uploaded")
    except TimeoutError:
        say(f"not everything is uploaded: S3 did not take it in {seconds_to_upload} s")


logging.getLogger("mobius3").addHandler(Failures(logging.ERROR))
logging.getLogger("mobius3").propagate = False
logging.getLogger("asyncio").addHandler(Failures(logging.ERROR))
os.chdir(directory)
try:
    asyncio.run(main())
except settings.Unusable as error:
    say(str(error))
    sys.exit(2)
