"""What is asked of the engine, and what it brings back."""

from __future__ import annotations

from typing import NamedTuple

import httpx

from prober.model import Phase, Reason, Timings
from prober.probes.certificates import Tls
from prober.wire import PLAIN, Wire


class Options(NamedTuple):
    """What a request is, but for its URL. Transfers with equal options share easy handles.

    `headers` are sent as they are. `body_limit` is in bytes: what comes after is not read.
    `keep_alive` reuses a connection and keeps it, where a fresh one is made and closed otherwise.
    `wants_headers` and `wants_tls` have these of the exchange filled in, which costs time.
    """

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    follow_redirects: bool = True
    keep_alive: bool = False
    body_limit: int = 65_536
    wire: Wire = PLAIN
    wants_headers: bool = False
    wants_tls: bool = False


class Request(NamedTuple):
    """One request, ready to be sent. `host` and `port` are those of the URL.

    Where `options` ask for a server name, that stands in the URL in place of `host`.
    """

    url: str
    host: str
    port: int
    options: Options


class Exchange(NamedTuple):
    """How a request went. Where it failed, `error` says so: it is data, and never raised here.

    `http_code` is that of the last answer, or None where none came. `body` ends at the limit, and
    `cut` says that it went on. `timings` add up over the requests of a chain of redirects, and so
    does `total_ms`. `tls_expiry` is the leaf certificate's notAfter in epoch seconds; a reused
    connection has none. `reason`, `phase` and `message` are None where `error` is. `os_errno` is
    0 or the system's last error. `tls` is what was shown, where that was asked for or a request
    of libcurl's failed. `headers` are those of the last answer, where they were asked for;
    `http_version` is like "1.1" or "2".
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
    http_version: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
