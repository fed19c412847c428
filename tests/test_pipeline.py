"""From results to sinks: one status for all, a queue for each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from prober import status
from prober.model import Observation, Outcome, Reason, Result, Service, Status
from prober.pipeline import Lane, Pipeline
from prober.status import Signal, State
from prober.telemetry import Telemetry

MADRE = Service("madre", "http://h:1", "h", 1)


class Recorder:
    """A sink that keeps what it is told, as slowly as it is asked to."""

    def __init__(self, name: str = "recorder", *, lossless: bool = False) -> None:
        self.name = name
        self.lossless = lossless
        self.linger_s = 0.0
        self.told: list[Observation] = []
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.closed = False

    def retarget(self, services: Sequence[Service]) -> None:
        self.services = services

    async def write(self, batch: Sequence[Observation]) -> None:
        await self.may_write.wait()
        self.told.extend(batch)

    async def close(self) -> None:
        self.closed = True

    def statuses(self) -> list[Status]:
        return [observation.status for observation in self.told]


class Defective(Recorder):
    """A sink that raises at every batch."""

    async def write(self, batch: Sequence[Observation]) -> None:
        raise KeyError("a defect")


def result(outcome: Outcome, at: int = 1, name: str = "madre") -> Result:
    reason = Reason.STATUS if outcome is Outcome.FAILURE else None
    return Result(name, at, outcome, reason=reason)


def watched(*sinks: Recorder, known: State | None = None) -> Pipeline:
    line = Pipeline(sinks, Telemetry())
    line.watch([MADRE], {"madre": known} if known else {})
    return line


async def test_every_sink_is_told_the_same() -> None:
    one, other = Recorder("one"), Recorder("other")
    line = watched(one, other)

    line.results([result(Outcome.SUCCESS, 1), result(Outcome.FAILURE, 2)])
    await line.close()

    assert one.told == other.told
    assert one.statuses() == [Status.OK, Status.BROKEN]
    assert one.closed


async def test_a_stuck_sink_stalls_no_other() -> None:
    stuck, quick = Recorder("stuck"), Recorder("quick")
    stuck.may_write.clear()
    line = watched(stuck, quick)

    line.results([result(Outcome.SUCCESS)])
    await asyncio.sleep(0.01)

    assert (stuck.told, quick.statuses()) == ([], [Status.OK])
    stuck.may_write.set()
    await line.close()


async def test_a_full_queue_drops_the_oldest_and_counts_them() -> None:
    telemetry, slow = Telemetry(), Recorder()
    lane = Lane(slow, telemetry, most=2)

    for at in range(5):
        lane.put([Observation("madre", at, Status.OK)])
    await lane.close()

    assert [o.at for o in slow.told] == [3, 4]
    assert 'prober_sink_dropped_total{sink="recorder"} 3.0' in telemetry.render()


async def test_the_queue_of_a_lossless_sink_never_drops() -> None:
    store = Recorder(lossless=True)
    lane = Lane(store, Telemetry(), most=2)

    for at in range(5):
        lane.put([Observation("madre", at, Status.OK)])
    await lane.close()

    assert len(store.told) == 5


async def test_a_sink_with_a_defect_is_counted_and_silences_no_other() -> None:
    telemetry, good = Telemetry(), Recorder("good")
    line = Pipeline([Defective("bad"), good], telemetry)
    line.watch([MADRE], {})

    line.results([result(Outcome.SUCCESS)])
    await line.close()

    assert good.statuses() == [Status.OK]
    assert 'prober_sink_dropped_total{sink="bad"} 1.0' in telemetry.render()


async def test_a_result_of_a_service_that_left_is_ignored() -> None:
    sink = Recorder()
    line = watched(sink)

    line.results([result(Outcome.SUCCESS, name="gone")])
    await line.close()

    assert sink.told == []


async def test_a_state_from_history_makes_no_transition_when_nothing_changed() -> None:
    sink = Recorder()
    line = watched(sink, known=State(Status.OK, 5))

    line.results([result(Outcome.SUCCESS)])
    await line.close()

    assert [o.transition for o in sink.told] == [None]


async def test_a_reload_keeps_the_state_of_what_stays() -> None:
    sink = Recorder()
    line = watched(sink)
    line.results([result(Outcome.SUCCESS)])
    line.watch([replace(MADRE, interval_s=1), replace(MADRE, name="new")], {})

    line.results([result(Outcome.SUCCESS, 2)])
    await line.close()

    assert [o.transition is None for o in sink.told] == [False, True]


async def test_a_lost_worker_turns_its_services_unknown_and_not_broken() -> None:
    sink = Recorder()
    line = watched(sink, known=State(Status.OK, 5))

    line.signal([MADRE], Signal.LOST, 9)
    line.signal([MADRE], Signal.LOST, 10)
    await line.close()

    assert [o.transition for o in sink.told] == [
        ("madre", 9, Status.OK, Status.UNKNOWN, Reason.PROBER)
    ]


async def test_a_service_that_is_disabled_turns_unknown() -> None:
    sink = Recorder()
    line = watched(sink, known=State(Status.BROKEN, 5))

    line.watch([replace(MADRE, enabled=False)], {})
    await line.close()

    assert sink.statuses() == [Status.UNKNOWN]


async def test_a_service_that_came_back_goes_stale_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "STALE_MIN_S", 0.01)
    sink = Recorder()
    line = Pipeline([sink], Telemetry())
    seldom = replace(MADRE, name="seldom", interval_s=60)
    line.watch([replace(MADRE, interval_s=0.01, timeout_s=0.01), seldom], {})
    await asyncio.sleep(0.1)
    line.expire()

    line.results([result(Outcome.SUCCESS)])
    await asyncio.sleep(0.1)
    line.expire()
    await line.close()

    assert sink.statuses() == [Status.OK, Status.UNKNOWN]


async def test_a_service_without_results_for_too_long_goes_stale_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status, "STALE_MIN_S", 0.01)
    sink = Recorder()
    line = Pipeline([sink], Telemetry())
    line.watch([replace(MADRE, interval_s=0.01, timeout_s=0.01)], {"madre": State(Status.OK, 5)})

    line.expire()
    await asyncio.sleep(0.1)
    line.expire()
    line.expire()
    await line.close()

    assert sink.statuses() == [Status.UNKNOWN]
