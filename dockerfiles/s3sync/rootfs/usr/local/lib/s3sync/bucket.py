"""mobius3's way to S3. What fails because S3 is away, or because of credentials, is done again until it succeeds."""

import asyncio
import time
from contextlib import asynccontextmanager
from xml.etree import ElementTree

import httpx

from credentials import Unavailable
from speech import say

largest = 5 * 1024**3  # that S3 takes in one request
longest_pause = 10
of_credentials = {
    "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "TokenRefreshRequired",
}


class Bucket(httpx.AsyncClient):
    def __init__(self, settings, credentials):
        super().__init__(timeout=httpx.Timeout(20, connect=5, pool=None))
        self._url = settings.endpoint.format(settings.bucket)
        self._name = f"{settings.bucket}/{settings.prefix}"
        self._prefix = settings.prefix
        self._credentials = credentials
        self._away_since = None

    async def request(self, method, url, *, content=None, headers=(), **rest):
        is_file = method == "PUT" and not url.endswith("/") and not any(name == "x-amz-copy-source" for name, _ in headers)
        if is_file:
            size = next((int(value) for name, value in headers if name == "content-length"), 0)
            if size > largest:
                say(f"{self._key(url)} is not synchronised: it is larger than 5 GiB, the most that S3 takes at once")
                return httpx.Response(400)
            # S3 says that it has a file when it has stored all of it.
            rest.setdefault("timeout", httpx.Timeout(60, connect=5, read=300, pool=None))
        pause = 0.5
        while True:
            response, error = None, None
            try:
                response = await super().request(method, url, content=content if is_file else None, headers=headers, **rest)
                trouble = self._trouble(method, response)
            except httpx.LocalProtocolError:
                # The file became shorter or longer while it was read; its next version is on the way.
                raise
            except (httpx.TransportError, Unavailable) as caught:
                error = caught
                trouble = self._what_is_wrong(error)
            if trouble is None:
                if response.is_success:
                    self._is_back()
                elif method != "HEAD":
                    say(f"{self._key(url)} is not synchronised: S3 refuses it ({self._answer(response)})")
                return response
            self._is_away(trouble)
            if is_file:
                # Its content is used up. mobius3 uploads it anew when this one has failed, which is worth it only once
                # S3 answers.
                await asyncio.sleep(pause)
                listing = (("list-type", "2"), ("max-keys", "1"), ("prefix", self._prefix))
                await self.request("GET", self._url, params=listing, auth=rest.get("auth"))
                if error:
                    raise error
                return response
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest_pause)

    @asynccontextmanager
    async def stream(self, method, url, **rest):
        async with super().stream(method, url, **rest) as response:
            if not response.is_success:
                await response.aread()
                if self._trouble(method, response) is None and response.status_code != 404:
                    say(f"{self._key(url)} is not synchronised: S3 refuses it ({self._answer(response)})")
            yield response

    def _trouble(self, method, response):
        """What is wrong, where it is worth to try again; None for an answer that stands."""
        code = self._code(response)
        refused = response.status_code == 403
        if code in of_credentials or (refused and method in ("HEAD", "GET")):
            self._credentials.renew()
        if code in of_credentials:
            return f"S3 refuses the credentials ({self._answer(response)})"
        if response.status_code == 429 or response.status_code >= 500:
            return f"S3 is out of order ({self._answer(response)})"
        # Without a list there is nothing to do.
        if str(response.request.url).partition("?")[0] == self._url and not response.is_success:
            return f"the bucket refuses to list {self._name} ({self._answer(response)})"
        return None

    def _what_is_wrong(self, error):
        if isinstance(error, Unavailable):
            return str(error)
        return f"S3 cannot be reached at {httpx.URL(self._url).netloc.decode()} ({type(error).__name__})"

    def _is_away(self, trouble):
        if self._away_since is None:
            self._away_since = time.monotonic()
        say(f"{trouble}; it is tried again and again")

    def _is_back(self):
        if self._away_since is not None:
            say(f"S3 answers again, after {time.monotonic() - self._away_since:.0f} s")
            self._away_since = None

    def _key(self, url):
        return httpx.URL(url).path.removeprefix(httpx.URL(self._url).path)

    def _answer(self, response):
        return " ".join(filter(None, (str(response.status_code), self._code(response))))

    @staticmethod
    def _code(response):
        if not response.is_closed or not response.content:
            return None
        try:
            return ElementTree.fromstring(response.content).findtext("Code")
        except ElementTree.ParseError:
            return None
