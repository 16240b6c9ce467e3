"""What the platform says in variables: which bucket, which part of it, and where that is."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit


class Unusable(Exception):
    """One sentence on variables that nothing can be synchronised with."""


@dataclass(frozen=True)
class Settings:
    bucket: str
    prefix: str
    region: str
    # With {} for the bucket, and a slash at the end.
    endpoint: str


def read(environment):
    names = ("S3_BUCKET", "S3_PREFIX", "S3_REGION")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise Unusable(f"{' and '.join(missing)} not set: nothing is synchronised")
    bucket, prefix, region = (environment[name] for name in names)
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
        raise Unusable(f"S3_BUCKET is {bucket!r}, not the name of a bucket: nothing is synchronised")
    if not re.fullmatch(r"[a-z0-9-]+", region):
        raise Unusable(f"S3_REGION is {region!r}, not the name of a region: nothing is synchronised")
    return Settings(bucket, folder(prefix), region, endpoint(environment, bucket, region))


def folder(prefix):
    parts = prefix.removesuffix("/").split("/")
    if not prefix.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise Unusable(f"S3_PREFIX is {prefix!r}, not a folder such as user/name/: nothing is synchronised")
    return "/".join(parts) + "/"


def endpoint(environment, bucket, region):
    """Another S3 server is named by the variables that AWS's own clients know."""
    name = next((name for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") if environment.get(name)), None)
    if name:
        url = environment[name]
        if not re.fullmatch(r"https?://[A-Za-z0-9._:/\[\]-]+", url) or not urlsplit(url).hostname:
            raise Unusable(f"{name} is {url!r}, not an http or https URL: nothing is synchronised")
        return url.rstrip("/") + "/{}/"
    if "." in bucket:
        # A certificate for *.s3 does not cover a name with more dots.
        return f"https://s3.{region}.amazonaws.com/{{}}/"
    return f"https://{{}}.s3.{region}.amazonaws.com/"
