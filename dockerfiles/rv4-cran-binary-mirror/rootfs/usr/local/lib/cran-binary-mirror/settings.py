"""What the platform says in variables: where sources come from, where binaries go to, and which."""

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from speech import Unusable

default_list = "/usr/local/share/dw/cran-binary-packages"
name_of_package = re.compile(r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]")


@dataclass(frozen=True)
class Settings:
    # The mirror of CRAN that sources come from, without a slash at the end; None for R's own default.
    source: str | None
    bucket: str
    # With a slash at the end, or empty.
    prefix: str
    region: str
    packages: tuple
    jobs: int


def read(environment):
    missing = [name for name in ("S3_BUCKET", "S3_REGION") if not environment.get(name)]
    if missing:
        raise Unusable(f"{' and '.join(missing)} not set: there is nowhere to put packages")
    bucket, region = environment["S3_BUCKET"], environment["S3_REGION"]
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
        raise Unusable(f"S3_BUCKET is {bucket!r}, not the name of a bucket")
    if not re.fullmatch(r"[a-z0-9-]+", region):
        raise Unusable(f"S3_REGION is {region!r}, not the name of a region")
    return Settings(
        source(environment), bucket, folder(environment.get("S3_PREFIX", "")), region, packages(environment), jobs(environment)
    )


def source(environment):
    name, url = "CRAN_SOURCE", environment.get("CRAN_SOURCE")
    if not url:
        name, root = "MIRROR_ROOT", environment.get("MIRROR_ROOT")
        if not root:
            return None
        url = root.rstrip("/") + "/cran"
    if not re.fullmatch(r"https?://[A-Za-z0-9._~:/@%+\[\]-]+", url) or not urlsplit(url).hostname:
        raise Unusable(f"{name} is {environment[name]!r}, not an http or https URL")
    return url.rstrip("/")


def folder(prefix):
    """The mirror root may be the bucket itself."""
    if prefix in ("", "/"):
        return ""
    parts = prefix.removesuffix("/").split("/")
    if not prefix.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise Unusable(f"S3_PREFIX is {prefix!r}, not a folder such as mirrors/")
    return "/".join(parts) + "/"


def packages(environment):
    """Those of the image's list, or of a variable."""
    text, where = environment.get("CRAN_BINARY_PACKAGES"), "CRAN_BINARY_PACKAGES"
    if not text:
        where = default_list
        with open(default_list, encoding="utf-8") as file:
            text = re.sub(r"#.*", "", file.read())
    names = tuple(dict.fromkeys(re.split(r"[\s,]+", text.strip())))
    for name in names:
        if not name_of_package.fullmatch(name):
            raise Unusable(f"{where} has {name!r}, not the name of a package of R")
    return names


def jobs(environment):
    text = environment.get("CRAN_BINARY_JOBS")
    if not text:
        return len(os.sched_getaffinity(0))
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise Unusable(f"CRAN_BINARY_JOBS is {text!r}, not a number of packages to compile at once")
    return int(text)
