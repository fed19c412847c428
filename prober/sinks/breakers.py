"""The breaker of every service, told of the calls to it and, where wanted, of its probes."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from functools import partial

import structlog

from prober import breaker, clock
from prober.breaker import Breaker, Phase, Policy
from prober.model import Observation, Outcome, Service
from prober.sinks.base import Sink
from prober.telemetry import Telemetry

TELLS: dict[Outcome, bool] = {
    Outcome.SUCCESS: True,
    Outcome.SLOW: True,
    Outcome.FAILURE: False,
}
"""Whether a probe with this outcome counts as a success; a fault of prober's own tells nothing."""

log = structlog.get_logger(__name__)


class Call:
    """A call that was let through; it ends with one of its methods."""

    def __init__(self, breakers: Breakers, service: str, trial: bool) -> None:
        self._breakers = breakers
        self._service = service
        self._trial = trial

    def end(self, well: bool) -> None:
        """The service answered well, or not."""
        self._breakers.tell(self._service, well)

    def abandon(self) -> None:
        """It is not known whether the service would have answered."""
        if self._trial:
            self._breakers.release(self._service)


class Breakers(Sink):
    """All breakers. Every method is for the event loop's thread, and returns at once.

    `called` are the services that calls lead to: only theirs are series of the metrics.
    """

    name = "breakers"
    lossless = False
    linger_s = 0.0

    def __init__(
        self,
        policy: Policy,
        probes: bool,
        called: Collection[str],
        telemetry: Telemetry,
    ) -> None:
        self._policy = policy
        self._probes = probes
        self._called = frozenset(called)
        self._series = telemetry.breaker_state
        self._breakers: dict[str, Breaker] = {}

    def retarget(self, services: Sequence[Service]) -> None:
        """Follow a new configuration: what stays keeps its breaker, what left loses it."""
        known = self._breakers
        self._breakers = {s.name: known.get(s.name, Breaker()) for s in services}
        for name in self._called & (known.keys() - self._breakers.keys()):
            for phase in Phase:
                self._series.remove(name, phase)
        for name in self._called & (self._breakers.keys() - known.keys()):
            for phase in Phase:
                series = self._series.labels(name, phase)
                series.set_function(partial(self._is, name, phase))

    async def write(self, batch: Sequence[Observation]) -> None:
        """Count probes like calls, where that is wanted."""
        if self._probes:
            for observation in batch:
                well = TELLS.get(observation.result.outcome) if observation.result else None
                if well is not None:
                    self.tell(observation.service, well)

    async def close(self) -> None:
        """Nothing to let go of."""

    def seen(self) -> dict[str, Breaker]:
        """Every breaker as it is now."""
        now_s = time.monotonic()
        return {n: breaker.look(b, self._policy, now_s) for n, b in self._breakers.items()}

    def admit(self, service: str) -> Call | None:
        """A call to begin now, or None where the service's breaker is open."""
        admitted = breaker.admit(self._breakers[service], self._policy, time.monotonic())
        if admitted is None:
            return None
        self._breakers[service] = admitted
        return Call(self, service, admitted.trying)

    def tell(self, service: str, well: bool) -> None:
        """A service answered well, or not; one that left is ignored."""
        held = self._breakers.get(service)
        if held is None:
            return
        now_s = time.monotonic()
        held = breaker.look(held, self._policy, now_s)
        failed = partial(breaker.fail, held, self._policy, now_s, clock.epoch_ms())
        told = self._breakers[service] = breaker.succeed(held) if well else failed()
        if told.phase is not held.phase:
            log.info("breaker turned", service=service, state=told.phase, was=held.phase)

    def release(self, service: str) -> None:
        """The trial that was let through told nothing."""
        if service in self._breakers:
            self._breakers[service] = breaker.abandon(self._breakers[service])

    def _is(self, service: str, phase: Phase) -> float:
        held = self._breakers.get(service, Breaker())
        return float(breaker.look(held, self._policy, time.monotonic()).phase is phase)
