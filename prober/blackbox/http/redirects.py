"""Follow redirects as Go's client does: which ones, how far, and what a request takes along."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import cast

from prober.blackbox import addresses
from prober.blackbox.guard import is_address
from prober.blackbox.http import trips
from prober.blackbox.http.answers import Answer
from prober.blackbox.http.bodies import UNKNOWN
from prober.blackbox.http.cookies import Jar
from prober.blackbox.http.heads import Malformed
from prober.blackbox.http.requests import Request, with_credentials
from prober.blackbox.http.trips import Trace, Way
from prober.blackbox.http.urls import DEFAULT_PORTS, BadUrl, Url, is_absolute, resolved
from prober.blackbox.job import Job
from prober.blackbox.streams import Stream
from prober.module import HttpModule

MOST = 10
SLURP = 2048  # so much of a redirect's body is read, where it may be short

# Whether the request's method and body go along; other codes are no redirects.
KEEPS_METHOD = {301: False, 302: False, 303: False, 307: True, 308: True}
SENSITIVE = frozenset({"Authorization", "Www-Authenticate", "Cookie", "Cookie2"})


class Chase:
    """One request and those that its answers redirect to.

    `answer` is the last one, with `redirects` before it, and `traces` has every trip. `way` is
    how the first server is reached, and `name` what the target calls it.
    """

    def __init__(self, job: Job, request: Request, way: Way, name: Url) -> None:
        self._job = job
        self._module = cast(HttpModule, job.module.spec)
        self._first = request
        self._way = way
        self._name = name
        self._jar = Jar()
        self._cookies = request.headers.get("Cookie", "")
        self._stream: Stream | None = None
        self.redirects = 0
        self.traces: list[Trace] = []
        self.answer: Answer | None = None

    async def run(self) -> bool:
        """Whether the answer is final: one that redirects where none is followed has no body.

        Raises OSError, `Malformed`, `BadUrl`, `BadRequest`, `NoAddress` and `Refused`; then
        there is no answer.
        """
        request = self._first
        while True:
            answer = await self._send(request)
            following = self._following(request, answer)
            if following is None:
                self.answer = answer
                return True
            self.redirects += 1
            self._job.report.say(f"redirected to {following.url}")
            if self.redirects > MOST or not self._module.follow_redirects:
                self._job.report.say("the redirect is not followed")
                self.answer = answer
                return False
            with suppress(OSError, Malformed):
                await _slurp(answer)
            self.close()
            request = following

    def close(self) -> None:
        """Let go of the connection."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def _send(self, request: Request) -> Answer:
        url = request.url
        self._job.report.say(f"{request.method} {url}")
        trace = Trace(url.scheme == "https", time.monotonic())
        self.traces.append(trace)
        if url.scheme not in DEFAULT_PORTS or not url.host:
            raise BadUrl(f"{url} can't be asked by HTTP")
        way = await self._way_to(url)
        trace.resolved = time.monotonic()
        self._stream = await trips.connect(url, way, trace)
        answer = await trips.ask(self._dressed(request), self._stream, way, trace)
        self._job.report.say(f"{answer.head.proto} {answer.head.status}")
        self._note_cookies(url, answer)
        return answer

    async def _way_to(self, url: Url) -> Way:
        if url.host == self._first.url.host:
            return self._way
        tls = self._way.tls._replace(server_name=None)
        way = self._way._replace(server_name=url.hostname, tls=tls)
        if way.proxy is not None:
            check_unresolved(self._job, url.hostname)
            return way._replace(proxy_name=way.proxy.hostname)
        return way._replace(addresses=await addresses.allowed(self._job, url.hostname))

    def _dressed(self, request: Request) -> Request:
        pairs = self._jar.pairs(request.url)
        if pairs:
            cookies = "; ".join(filter(None, [request.headers.get("Cookie", ""), *pairs]))
            request = request._replace(headers={**request.headers, "Cookie": cookies})
        return with_credentials(request)

    def _note_cookies(self, url: Url, answer: Answer) -> None:
        kept = self._jar.keep(url, answer.head.headers.get("Set-Cookie", []))
        # The jar's cookies take the place of those of the same name in the module's headers.
        given = [pair.strip() for pair in self._cookies.split(";")]
        left = [pair for pair in given if pair.partition("=")[0] not in kept]
        if len(left) < len(given):
            self._cookies = "; ".join(sorted(left))

    def _following(self, request: Request, answer: Answer) -> Request | None:
        location = answer.head.first("Location")
        if answer.head.status not in KEEPS_METHOD or not location:
            return None
        url = resolved(request.url, location)
        keeps = KEEPS_METHOD[answer.head.status]
        host = request.host if not is_absolute(location) else ""
        return Request(
            request.method if keeps or request.method == "HEAD" else "GET",
            url,
            host if host != request.url.host else "",
            self._headers(request.url, url),
            self._first.body if keeps else b"",
        )

    def _headers(self, last: Url, url: Url) -> dict[str, str]:
        headers = {**self._first.headers, "Cookie": self._cookies}
        if not headers["Cookie"]:
            del headers["Cookie"]
        if not self._trusts(last, url):
            headers = {name: value for name, value in headers.items() if name not in SENSITIVE}
        if not (last.scheme == "https" and url.scheme == "http"):
            headers["Referer"] = str(last)
        return headers

    def _trusts(self, last: Url, url: Url) -> bool:
        """Whether the next server may see what the last one did: it is the same or below it."""
        known = {last.authority}
        if last.host == self._first.url.host:
            known.add(self._name.authority)  # the first request names its server by address
        there = url.authority
        return any(there == here or there.endswith("." + here) for here in known)


def check_unresolved(job: Job, host: str) -> None:
    """Check what can be known of a host that a proxy will look up. Raises `Refused`."""
    job.guard.check_host(host)
    if is_address(host):
        job.guard.check_address(host)


async def _slurp(answer: Answer) -> None:
    if answer.length != UNKNOWN and answer.length > SLURP:
        return
    taken = 0
    async for data in answer.body:
        taken += len(data)
        if taken >= SLURP:
            return
