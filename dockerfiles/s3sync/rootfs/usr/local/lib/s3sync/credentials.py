"""Credentials of the task's role, which ECS changes every few hours, or those of the environment."""

import asyncio
import json
from datetime import datetime, timezone

import httpx

ahead = 300  # seconds before their end that credentials are renewed


class Unavailable(Exception):
    """No credentials can be had now."""


def source(environment):
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    url = f"http://169.254.170.2{relative}" if relative else environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    if url:
        return RoleCredentials(url)
    return EnvironmentCredentials(environment)


class EnvironmentCredentials:
    def __init__(self, environment):
        self._environment = environment

    def renew(self):
        """They are what they are."""

    async def __call__(self, _client):
        try:
            key, secret = (self._environment[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
        except KeyError as missing:
            raise Unavailable(f"no credentials for S3: neither {missing.args[0]} nor a role's") from None
        token = self._environment.get("AWS_SESSION_TOKEN")
        return key, secret, (("x-amz-security-token", token),) if token else ()


class RoleCredentials:
    def __init__(self, url):
        self._url = url
        self._lock = asyncio.Lock()
        self._client = httpx.AsyncClient(timeout=5, trust_env=False)
        self._current = None
        self._ends = self._renew_at = 0.0

    def renew(self):
        """S3 has refused the current ones."""
        self._renew_at = 0.0
        self._ends = 0.0

    async def __call__(self, _client):
        async with self._lock:
            now = datetime.now(timezone.utc).timestamp()
            if now >= self._renew_at:
                await self._fetch(now)
            return self._current

    async def _fetch(self, now):
        try:
            response = await self._client.get(self._url)
            response.raise_for_status()
            answer = json.loads(response.content)
            current = (
                answer["AccessKeyId"],
                answer["SecretAccessKey"],
                (("x-amz-security-token", answer["Token"]),),
            )
            ends = datetime.strptime(answer["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            if now < self._ends:
                self._renew_at = now + 10
                return
            raise Unavailable(f"no credentials for S3 from {self._url} ({str(error) or type(error).__name__})") from error
        self._current = current
        self._ends = ends
        # Some last less than that.
        self._renew_at = max(ends - ahead, now + (ends - now) / 2)
