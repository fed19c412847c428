"""The words of prober: frozen values that flow from configuration to the sinks.

Standard library only. Times are integers in milliseconds since the epoch (UTC) where they say
when, and floats in milliseconds where they say how long; other units stand in the name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from prober.expectation import ANYTHING, Expectation
from prober.wire import PLAIN, OAuth2, Wire


class Outcome(StrEnum):
    """What one probe found, before it is weighed into a status."""

    SUCCESS = "success"  # an endpoint answered as expected
    SLOW = "slow"  # it did, but took longer than the service's slow_over
    FAILURE = "failure"  # the service's own failure
    FAULT = "fault"  # prober's own trouble: says nothing about the service


class Status(StrEnum):
    """How a service is, as people and programs read it."""

    OK = "OK"
    DEGRADED = "DEGRADED"
    BROKEN = "BROKEN"
    UNKNOWN = "UNKNOWN"


class Reason(StrEnum):
    """Why a probe did not succeed: a closed set, fit for a metric label."""

    STATUS = "status"
    CONDITION = "condition"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    DNS = "dns"
    TLS = "tls"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    PROBER = "prober"


class Phase(StrEnum):
    """Where in a request a failure happened, or time was spent, in the order of a request."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PROCESSING = "processing"
    TRANSFER = "transfer"


class Timings(NamedTuple):
    """How long each phase of one request took, in milliseconds; one field per `Phase`."""

    resolve: float
    connect: float
    tls: float
    processing: float
    transfer: float


@dataclass(frozen=True, slots=True)
class Service:
    """What is watched. Compiled from configuration, and trusted from there on.

    `endpoints` are request targets (path and query) that are tried in order against `url`, which
    is scheme, host and port only. `headers` are sent as they are. `expected` are the status codes
    that count as success, and `expects` says what else an answer must be. `timeout_s` bounds the
    whole probe, fallbacks included.
    """

    name: str
    url: str
    host: str
    port: int
    endpoints: tuple[str, ...] = ("/health",)
    kind: str = "http"
    interval_s: float = 30.0
    timeout_s: float = 5.0
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # may hold secrets
    body: bytes | None = field(default=None, repr=False)
    expected: frozenset[int] = frozenset({200})
    expects: Expectation = ANYTHING
    follow_redirects: bool = True
    keep_alive: bool = False
    body_limit: int = 65_536
    oauth2: OAuth2 | None = field(default=None, repr=False)
    wire: Wire = field(default=PLAIN, repr=False)  # a proxy's url may hold a password
    slow_over_ms: float | None = None
    critical: bool = True
    depends_on: tuple[str, ...] = ()
    group: str | None = None
    tags: tuple[str, ...] = ()
    enabled: bool = True
    was: str | None = None  # the name under which history knows it

    def __reduce__(self) -> tuple[type[Service], tuple[object, ...]]:
        # Half of what the dataclass's own way takes: a plan may hold tens of thousands.
        return Service, tuple([getattr(self, name) for name in self.__slots__])


class Result(NamedTuple):
    """One probe of one service; a named tuple, since a thousand a second are built and sent.

    `checked_at` is when it started. `http_code` and `latency_ms` are those of the endpoint that
    answered as expected, or else of the first answer, or None where nothing answered.
    `endpoint_ok` is the endpoint that answered as expected. `timings` belong to the same request
    as `latency_ms`. `tls_expiry` is the certificate's notAfter in epoch seconds. `lag_ms` is how
    late the probe started (start - slot). `message` is why it did not succeed, in a sentence for
    people; it is shown and not stored, and never a metric's label. `stalled` says that prober
    itself stood still while it measured: the latency is left out of statistics, and makes nobody
    slow.
    """

    service: str
    checked_at: int
    outcome: Outcome
    http_code: int | None = None
    latency_ms: float | None = None
    endpoint_ok: str | None = None
    snippet: str | None = None
    reason: Reason | None = None
    phase: Phase | None = None
    timings: Timings | None = None
    tls_expiry: int | None = None
    lag_ms: float = 0.0
    message: str | None = None
    stalled: bool = False


class Transition(NamedTuple):
    """A change of status at `at`; `reason` is None where the new status needs none."""

    service: str
    at: int
    old: Status
    new: Status
    reason: Reason | None = None


class Observation(NamedTuple):
    """What every sink is told: a service's status, and what led to it.

    `result` is None where no probe was behind it (a service went stale, or was disabled).
    """

    service: str
    at: int
    status: Status
    result: Result | None = None
    transition: Transition | None = None
