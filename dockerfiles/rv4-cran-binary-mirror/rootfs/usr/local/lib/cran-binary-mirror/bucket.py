"""S3: objects of one folder of a bucket, and what S3 says where it refuses, in one sentence."""

import time
from dataclasses import dataclass
from datetime import datetime

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from speech import Trouble

# Two that write one object at once: S3 lets one of them, and says one of these to the other.
_conflicts = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_missing = {"NoSuchKey", "404", "NotFound"}
_patient = Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=10, read_timeout=120, max_pool_connections=50)
# Seconds in which the network, or the credentials of a task that has just begun, may come.
patience = 15
authorities = "/etc/ssl/certs/ca-certificates.crt"


class Conflict(Exception):
    """Somebody else has written the object meanwhile."""


@dataclass(frozen=True)
class Found:
    etag: str
    changed: datetime
    # Of what was written with the object; not known from a list.
    metadata: dict
    content: bytes = b""


class Bucket:
    def __init__(self, name, folder, region):
        self._name = name
        self._folder = folder
        self._where = f"s3://{name}/{folder}"
        self._client = self._asked("use", lambda: boto3.client("s3", region_name=region, verify=authorities, config=_patient))

    def list(self, below=""):
        """Key below the folder → what is there."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=self._folder + below)
        return {
            entry["Key"].removeprefix(self._folder): Found(entry["ETag"], entry["LastModified"], {})
            for page in self._asked("list", lambda: list(pages))
            for entry in page.get("Contents", ())
        }

    def head(self, key):
        """None where there is no such object."""
        return self._found("read", lambda: self._client.head_object(Bucket=self._name, Key=self._folder + key))

    def get(self, key):
        """None where there is no such object."""

        def read():
            answer = self._client.get_object(Bucket=self._name, Key=self._folder + key)
            return answer | {"Content": answer["Body"].read()}

        return self._found("read", read)

    def _found(self, verb, call):
        try:
            answer = self._asked(verb, call)
        except _Missing:
            return None
        return Found(answer["ETag"], answer["LastModified"], answer["Metadata"], answer.get("Content", b""))

    def put(self, key, content, replaces, metadata=None, kind="application/octet-stream"):
        """Writes an object where the one that it replaces is still there, or still none; answers its ETag."""
        condition = {"IfMatch": replaces.etag} if replaces else {"IfNoneMatch": "*"}

        def write():
            return self._client.put_object(
                Bucket=self._name, Key=self._folder + key, Body=content, Metadata=metadata or {}, ContentType=kind, **condition
            )

        try:
            return self._asked("write", write)["ETag"]
        except _Missing:
            # What was to be replaced is gone.
            raise Conflict from None

    def copy(self, key, to):
        source = {"Bucket": self._name, "Key": self._folder + key}
        self._asked("write", lambda: self._client.copy_object(Bucket=self._name, Key=self._folder + to, CopySource=source))

    def remove(self, key):
        self._asked("delete from", lambda: self._client.delete_object(Bucket=self._name, Key=self._folder + key))

    def _asked(self, verb, call):
        give_up = time.monotonic() + patience
        while True:
            try:
                return call()
            except ClientError as error:
                answer = error.response.get("Error", {})
                code = answer.get("Code", "")
                if code in _conflicts:
                    raise Conflict from error
                if code in _missing:
                    raise _Missing from error
                if code == "NoSuchBucket":
                    raise Trouble(f"there is no bucket called {self._name}") from error
                said = f"{code}: {answer.get('Message', 'no reason given')}"
                raise Trouble(f"S3 does not let the job {verb} {self._where} ({said})") from error
            except (BotoCoreError, OSError) as error:
                if isinstance(error, NoCredentialsError) or time.monotonic() > give_up:
                    raise Trouble(f"{self._where} cannot be used: {' '.join(str(error).split())}") from error
                time.sleep(1)


class _Missing(Exception):
    pass
