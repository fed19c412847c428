"""One libcurl easy handle: prepared once for a set of options, then used for a URL at a time."""

from __future__ import annotations

import asyncio
import ssl
import time
from itertools import pairwise
from typing import Any, NamedTuple

import certifi
import httpx
import pycurl

from prober import __version__
from prober.model import Phase, Reason, Timings
from prober.probes import certificates
from prober.probes.certificates import Tls
from prober.probes.faults import Failed, explain
from prober.probes.snippet import printable

USER_AGENT = f"prober/{__version__}"
HTTP = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
LONGEST_MESSAGE = 300  # characters
NEVER_MS = 2**31 - 1  # libcurl's own limit for connecting is 300 s: the whole's limit is enough


class Options(NamedTuple):
    """What a request is, but for its URL. Transfers with equal options share easy handles.

    `headers` are sent as they are. `body_limit` is in bytes: what comes after is not read.
    `keep_alive` reuses a connection and keeps it, where a fresh one is made and closed otherwise.
    """

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    follow_redirects: bool = True
    keep_alive: bool = False
    body_limit: int = 65_536


class Request(NamedTuple):
    """One request, ready to be sent. `host` and `port` are those of the URL."""

    url: str
    host: str
    port: int
    options: Options


class Exchange(NamedTuple):
    """How a request went. Where it failed, `error` says so: it is data, and never raised here.

    `http_code` is that of the last answer, or None where none came. `body` ends at the limit.
    `timings` add up over the requests of a chain of redirects, and so does `total_ms`.
    `tls_expiry` is the leaf certificate's notAfter in epoch seconds; a reused connection has none.
    `reason`, `phase` and `message` are None where `error` is. `os_errno` is 0 or the system's
    last error. `tls` is what was shown where the request failed.
    """

    http_code: int | None
    body: bytes
    timings: Timings
    total_ms: float
    tls_expiry: int | None = None
    error: httpx.RequestError | None = None
    reason: Reason | None = None
    phase: Phase | None = None
    message: str | None = None
    os_errno: int = 0
    tls: Tls | None = None


class Transfer:
    """An easy handle with the body that it gathers; `done` is the future of the one who waits."""

    __slots__ = ("_chunks", "_known", "_limit", "_size", "_url", "curl", "done", "options")

    def __init__(self, options: Options, ca_file: str) -> None:
        self.options = options
        self.curl = pycurl.Curl()
        self.done: asyncio.Future[Exchange]
        self._limit = options.body_limit
        self._chunks: list[bytes] = []
        self._size = 0
        self._url = ""
        self._known: list[str] = []
        for option, value in (*_common(ca_file), *_particular(options)):
            self.curl.setopt(option, value)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._write)

    def aim(
        self, url: str, timeout_s: float, done: asyncio.Future[Exchange], known: list[str]
    ) -> None:
        """Make ready for a request to `url` that may take `timeout_s` in all.

        `known` is the addresses of its host as libcurl's RESOLVE wants them, or empty.
        """
        self._chunks = []
        self._size = 0
        self._url = url
        self.done = done
        self.curl.setopt(pycurl.URL, url.encode())
        self.curl.setopt(pycurl.TIMEOUT_MS, max(int(timeout_s * 1000), 1))
        if known != self._known:  # an empty list clears what the one before has set
            self._known = known
            self.curl.setopt(pycurl.RESOLVE, known)

    def exchange(self) -> Exchange:
        """What a transfer that came to its end has brought."""
        get = self.curl.getinfo
        resolved = get(pycurl.NAMELOOKUP_TIME_T)
        connected = get(pycurl.CONNECT_TIME_T)
        secured = get(pycurl.APPCONNECT_TIME_T)
        started = get(pycurl.STARTTRANSFER_TIME_T)
        total = get(pycurl.TOTAL_TIME_T)
        # A kept connection has nothing to connect: its marks may be 0, or before each other.
        ready = max(secured, connected, resolved)
        timings = Timings(
            resolved / 1000,
            max(connected - resolved, 0) / 1000,
            max(secured - connected, 0) / 1000,
            max(started - ready, 0) / 1000,
            max(total - started, 0) / 1000,
        )
        expiry = self._tls_expiry() if secured else None
        return Exchange(get(pycurl.HTTP_CODE), self._body(), timings, total / 1000, expiry)

    def failure(self, code: int, detail: str) -> Exchange:
        """What a transfer that libcurl ended with an error has brought.

        That prober itself stopped reading at the body's limit is no failure.
        """
        if code == pycurl.E_WRITE_ERROR and self._size >= self._limit:
            return self.exchange()
        get = self.curl.getinfo
        reached, timings = self._progress()
        http_code, os_errno = get(pycurl.HTTP_CODE), get(pycurl.OS_ERRNO)
        if self._awaits_redirect(http_code):
            reached = self._phase_after_redirect(code, detail)
        tls = self._tls()
        if code == pycurl.E_PEER_FAILED_VERIFICATION:
            detail = certificates.complaint(detail, tls, time.time())
        failed = Failed(code, detail, os_errno, reached, self._peer())
        total_ms = get(pycurl.TOTAL_TIME_T) / 1000
        return failed_exchange(failed, timings, total_ms)._replace(
            http_code=http_code or None,
            body=self._body(),
            tls_expiry=tls and tls.expiry,
            tls=tls,
        )

    def _write(self, data: bytes) -> int | None:
        self._chunks.append(data)
        self._size += len(data)
        return 0 if self._size >= self._limit else None  # 0 makes libcurl stop, None go on

    def _body(self) -> bytes:
        return b"".join(self._chunks)[: self._limit]

    def _progress(self) -> tuple[Phase, Timings]:
        """The first phase that was not completed, which is charged with the time that is left."""
        get = self.curl.getinfo
        marks = [get(pycurl.NAMELOOKUP_TIME_T), get(pycurl.CONNECT_TIME_T)]
        marks.append(get(pycurl.APPCONNECT_TIME_T) if self._url[:5] == "https" else marks[1])
        marks.append(get(pycurl.STARTTRANSFER_TIME_T))
        reached = marks.index(0) if 0 in marks else len(marks)
        ends = [0, *marks[:reached], get(pycurl.TOTAL_TIME_T)]
        spans = [max(end - start, 0) / 1000 for start, end in pairwise(ends)]
        return list(Phase)[reached], Timings(*spans, *[0.0] * (len(marks) - reached))

    def _awaits_redirect(self, http_code: int) -> bool:
        return 300 <= http_code < 400 and self.curl.getinfo(pycurl.REDIRECT_COUNT) > 0

    def _phase_after_redirect(self, code: int, detail: str) -> Phase:
        # The marks of all requests of a chain are added up, so they don't tell about the last one.
        if code != pycurl.E_OPERATION_TIMEDOUT or detail.startswith("Operation"):
            return Phase.PROCESSING
        get = self.curl.getinfo
        connected = get(pycurl.NUM_CONNECTS) > get(pycurl.REDIRECT_COUNT)
        return Phase.TLS if connected else Phase.CONNECT

    def _peer(self) -> str:
        address = self.curl.getinfo(pycurl.PRIMARY_IP)
        if not address:
            # By hand, since what libcurl refused may be no URL at all.
            return self._url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        host = f"[{address}]" if ":" in address else address
        return f"{host}:{self.curl.getinfo(pycurl.PRIMARY_PORT)}"

    def _tls_expiry(self) -> int | None:
        chain = self.curl.getinfo_raw(pycurl.INFO_CERTINFO)
        return certificates.expiry(chain[0]) if chain else None

    def _tls(self) -> Tls | None:
        return certificates.read(self.curl.getinfo_raw(pycurl.INFO_CERTINFO))


def failed_exchange(failed: Failed, timings: Timings, total_ms: float) -> Exchange:
    """An exchange that brought nothing but the reason why."""
    fault = explain(failed)
    message = printable(fault.message, LONGEST_MESSAGE)  # a server may have put in it what it liked
    return Exchange(
        None,
        b"",
        timings,
        total_ms,
        None,
        fault.error(message),
        fault.reason,
        fault.phase,
        message,
        failed.os_errno,
    )


def system_ca_file() -> str:
    """The bundle of trusted certificates: the system's (or SSL_CERT_FILE), else certifi's."""
    return ssl.get_default_verify_paths().cafile or certifi.where()


def _common(ca_file: str) -> list[tuple[int, Any]]:
    return [
        (pycurl.NOSIGNAL, 1),
        (pycurl.USERAGENT, USER_AGENT),
        (pycurl.PROXY, ""),  # else libcurl takes one from the environment
        (pycurl.PROTOCOLS, HTTP),
        (pycurl.REDIR_PROTOCOLS, HTTP),
        (pycurl.MAXREDIRS, 10),
        (pycurl.CONNECTTIMEOUT_MS, NEVER_MS),
        (pycurl.PATH_AS_IS, 1),
        (pycurl.HTTP09_ALLOWED, 0),
        (pycurl.CAINFO, ca_file),
        (pycurl.OPT_CERTINFO, 1),
        # A resumed session shows no certificate, and costs less than a real visitor's first one.
        (pycurl.SSL_SESSIONID_CACHE, 0),
    ]


def _particular(options: Options) -> list[tuple[int, Any]]:
    return [
        (pycurl.FOLLOWLOCATION, int(options.follow_redirects)),
        (pycurl.FRESH_CONNECT, int(not options.keep_alive)),
        (pycurl.FORBID_REUSE, int(not options.keep_alive)),
        # A monitor must see that a name is gone as soon as it is. The second is for what RESOLVE
        # says of the host, which is true for this transfer only.
        (pycurl.DNS_CACHE_TIMEOUT, 1),
        (pycurl.HTTPHEADER, _header_lines(options)),
        *_method(options),
    ]


def _method(options: Options) -> list[tuple[int, Any]]:
    method, body = options.method, options.body
    if method == "POST":
        return [(pycurl.POSTFIELDS, body or b"")]
    if body is not None:
        return [(pycurl.POSTFIELDS, body), (pycurl.CUSTOMREQUEST, method)]
    if method == "HEAD":
        return [(pycurl.NOBODY, 1)]
    return [] if method == "GET" else [(pycurl.CUSTOMREQUEST, method)]


def _header_lines(options: Options) -> list[bytes]:
    """The headers as libcurl wants them: `Name;` is an empty one, `Name:` drops its own."""
    given = {name.lower() for name, _ in options.headers}
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in options.headers]
    lines += [f"{n}:" for n in ("Accept", "Expect", "Content-Type") if n.lower() not in given]
    return [line.encode() for line in lines]
