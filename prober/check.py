"""One probe of one service under one deadline: its endpoints in turn, weighed into a Result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import structlog

from prober.model import Outcome, Phase, Reason, Result, Service
from prober.probes import PROBES
from prober.probes.base import Attempt, Probe
from prober.probes.engine import Engine
from prober.probes.pulse import Pulse

log = structlog.get_logger(__name__)

DEFECT = "prober's own trouble, not the service's: a defect, which is logged"
BEFORE_REQUEST = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS})
# What a stall of prober's own does to a probe that it falls into, as a part of the probe's time:
UNFAIR = 0.5  # the service can't be blamed for a failure,
UNFAIR_S = 0.25  # where it was as long as this, too: a busy start is no standstill
DISTORTED = 0.1  # the latency says too little about the service


class Checker:
    """Probes services on the running event loop; `close` it there.

    `probes` replaces the probes by kind, for tests.
    """

    def __init__(self, probes: Mapping[str, Probe] | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._engine = Engine(loop)
        self._pulse = Pulse(loop)
        self._probes = probes or {kind: make(self._engine) for kind, make in PROBES.items()}

    async def check(self, service: Service, checked_at_ms: int, lag_ms: float = 0.0) -> Result:
        """Probe a service once, `service.timeout_s` at most; `checked_at_ms` is the time now.

        Where this process stood still meanwhile, the service is not blamed for it.
        """
        stalled_s = self._pulse.stalled_s()
        try:
            attempts = await self._attempts(service)
        except Exception:  # a probe's defect must not end the probing of all other services
            log.exception("probe_defect", service=service.name)
            attempts = [Attempt(False, reason=Reason.PROBER, message=DEFECT)]
        lost_s = self._pulse.stalled_s() - stalled_s
        if lost_s > max(UNFAIR * service.timeout_s, UNFAIR_S):
            attempts = [_pardon(attempt) for attempt in attempts]
        return _weigh(service, attempts, checked_at_ms, lag_ms, lost_s * 1000)

    def close(self) -> None:
        """Cancel what runs, and let go of every connection."""
        self._pulse.stop()
        self._engine.close()

    async def _attempts(self, service: Service) -> list[Attempt]:
        probe = self._probes[service.kind]
        deadline = time.monotonic() + service.timeout_s
        attempts: list[Attempt] = []
        for endpoint in service.endpoints:
            attempt = await probe.run(service, endpoint, deadline)
            attempts.append(attempt)
            if attempt.ok or _is_final(attempt) or time.monotonic() >= deadline:
                break
        return attempts


def _pardon(attempt: Attempt) -> Attempt:
    """The attempt, with its failure blamed on prober; an answer stays an answer."""
    answered = attempt.ok or attempt.reason in {Reason.STATUS, Reason.CONDITION}
    return attempt if answered else attempt._replace(reason=Reason.PROBER)


def _is_final(attempt: Attempt) -> bool:
    # All endpoints share a host and port. What fails before a request is sent would fail for the
    # next endpoint as well; an answer (a redirect) shows that it was another host that failed.
    return attempt.http_code is None and attempt.phase in BEFORE_REQUEST


def _weigh(
    service: Service, attempts: list[Attempt], at: int, lag_ms: float, lost_ms: float
) -> Result:
    said = attempts[-1] if attempts[-1].ok else _telling(attempts)
    answered = said.http_code is not None
    return Result(
        service.name,
        at,
        _outcome(service, said, lost_ms),
        said.http_code,
        said.latency_ms if answered else None,
        service.endpoints[len(attempts) - 1] if said.ok else None,
        said.snippet,
        said.reason,
        said.phase,
        said.timings,
        said.tls_expiry or next((a.tls_expiry for a in attempts if a.tls_expiry), None),
        lag_ms,
        said.message,
        lost_ms > DISTORTED * (said.latency_ms or 0.0),
    )


def _telling(attempts: list[Attempt]) -> Attempt:
    """Of attempts that all failed, the one whose code, latency and reason are told.

    prober's own trouble comes first: an endpoint that could not be tried might have been the good
    one. Else it is the first answer of 400 or above, the first answer, the first attempt.
    """
    return min(attempts, key=_rank)  # of equals, the first


def _rank(attempt: Attempt) -> int:
    if attempt.reason is Reason.PROBER:
        return 0
    if attempt.http_code is None:
        return 3
    return 1 if attempt.http_code >= 400 else 2


def _outcome(service: Service, said: Attempt, lost_ms: float) -> Outcome:
    if not said.ok:
        return Outcome.FAULT if said.reason is Reason.PROBER else Outcome.FAILURE
    limit, latency = service.slow_over_ms, said.latency_ms
    slow = limit is not None and latency is not None and latency - lost_ms > limit
    return Outcome.SLOW if slow else Outcome.SUCCESS
