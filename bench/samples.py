"""A fleet's history as probes would make it: jitter, latencies of each service's own, outages.

The same arguments give the same history. Random numbers are drawn beforehand and taken in turn, so
that making a result costs less than storing it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain, islice

from prober.model import Observation, Outcome, Phase, Reason, Result, Status, Transition

HOUR_MS = 3_600_000
START = 20_500 * 24 * HOUR_MS  # a midnight, epoch milliseconds
DRAWN = 65_521  # prime, so that services don't come by the same number at every probe
SNIPPETS = ('{"status":"ok"}', '{"status":"ok","queue":0}', "<!doctype html><title>ok</title>")
OUTAGE_EVERY_MS = 3 * 24 * HOUR_MS  # of a service, on average
OUTAGE_MS = 600_000  # on average


class Samples:
    """The observations of a number of services that are probed at one interval."""

    def __init__(self, services: int, interval_s: float) -> None:
        self.interval_ms = round(interval_s * 1000)
        self.names = [f"service-{number:04}" for number in range(services)]
        draw = random.Random(1)
        self._late_ms = [round(draw.lognormvariate(0.7, 0.6)) for _ in range(DRAWN)]
        self._factor = [draw.lognormvariate(0, 0.35) for _ in range(DRAWN)]
        self._usual_ms = [draw.lognormvariate(3, 1) for _ in self.names]
        self._outages = [_outages(draw) for _ in self.names]
        self._until = [next(outage) for outage in self._outages]
        self._down = [False for _ in self.names]

    def batches(self, duration_ms: int, size: int) -> Iterator[list[Observation]]:
        """The history of so long a time from `START` on, oldest first, in batches."""
        moments = range(START, START + duration_ms, self.interval_ms)
        observations = chain.from_iterable(map(self._round, moments))
        while batch := list(islice(observations, size)):
            yield batch

    def _round(self, start: int) -> Iterator[Observation]:
        """One probe of each service, spread over the interval."""
        count = len(self.names)
        place = start // self.interval_ms * count
        for number in range(count):
            drawn = (place + number) % DRAWN
            at = start + number * self.interval_ms // count + self._late_ms[drawn]
            yield self._observation(number, at, self._factor[drawn])

    def _observation(self, number: int, at: int, factor: float) -> Observation:
        name, first = self.names[number], at - START < self.interval_ms
        turned = at >= self._until[number]
        if turned:
            self._down[number] = not self._down[number]
            self._until[number] = next(self._outages[number])
        if self._down[number]:
            result = Result(name, at, Outcome.FAILURE, reason=Reason.REFUSED, phase=Phase.CONNECT)
            turn = Transition(name, at, Status.OK, Status.BROKEN, Reason.REFUSED)
            return Observation(name, at, Status.BROKEN, result, turn if turned else None)
        snippet = SNIPPETS[0 if factor < 1.5 else 1 + number % 2]
        latency_ms = round(self._usual_ms[number] * factor, 3)
        result = Result(name, at, Outcome.SUCCESS, 200, latency_ms, "/health", snippet)
        old = Status.UNKNOWN if first else Status.BROKEN
        back = Transition(name, at, old, Status.OK) if first or turned else None
        return Observation(name, at, Status.OK, result, back)


def _outages(draw: random.Random) -> Iterator[float]:
    """When a service goes down, when it is back, when it goes down again, and so on."""
    at: float = START
    while True:
        at += draw.expovariate(1 / OUTAGE_EVERY_MS)
        yield at
        at += draw.expovariate(1 / OUTAGE_MS)
        yield at
