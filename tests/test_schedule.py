"""When services are probed: rhythm, phases, reloads and clock jumps."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, defaultdict
from dataclasses import replace
from statistics import median

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from patience import least

from prober.model import Service
from prober.schedule import EARLY_S, GRAIN_S, MonotonicZone, Ring, Schedule, anchor, fraction


def service(name: str, interval_s: float = 0.2, timeout_s: float = 0.1) -> Service:
    return Service(name, "http://h:1", "h", 1, interval_s=interval_s, timeout_s=timeout_s)


class Starts:
    """Records what a schedule starts, and how late."""

    def __init__(self) -> None:
        self.slots: dict[str, list[float]] = defaultdict(list)
        self.lags: list[float] = []
        self.came = asyncio.Event()

    def __call__(self, started: Service, slot_s: float) -> None:
        self.slots[started.name].append(slot_s)
        self.lags.append(time.monotonic() - slot_s)
        self.came.set()

    async def until(self, starts: int) -> None:
        async with asyncio.timeout(60):
            while len(self.lags) < starts:
                self.came.clear()
                await self.came.wait()


async def turned(until: int, *services: Service) -> Starts:
    starts = Starts()
    schedule = Schedule(starts, anchor(time.time(), time.monotonic()))
    schedule.replace(services)
    await starts.until(until)
    schedule.close()
    return starts


@given(st.text())
def test_a_phase_is_a_fraction_and_stable(name: str) -> None:
    assert 0 <= fraction(name) < 1
    assert fraction(name) == fraction(name)


def test_phases_spread_the_load() -> None:
    tenths = Counter(int(fraction(f"service-{n}") * 10) for n in range(10_000))

    assert min(tenths.values()) > 850


@given(
    st.sets(st.text(min_size=1, max_size=5), min_size=1, max_size=20),
    st.floats(0.1, 1e5),
    st.floats(0, 1e6),
    st.floats(0, 1e9),
)
def test_a_ring_gives_each_service_one_slot_in_each_interval(
    names: set[str], interval_s: float, start_s: float, anchor_s: float
) -> None:
    ring = Ring(interval_s, [service(name) for name in names], anchor_s)
    ring.seek(start_s)

    slots = list(ring.turn(start_s + interval_s))

    assert abs(len(slots) - len(names)) <= 1  # a slot on the very edge may fall to either side
    assert len({s.name for _, s in slots}) >= len(names) - 1
    assert [slot for slot, _ in slots] == sorted(slot for slot, _ in slots)


def test_a_restart_keeps_the_rhythm() -> None:
    madre = service("madre", 30.0)
    before, after = Ring(30.0, [madre], 1000.0), Ring(30.0, [madre], 400.0)
    before.seek(50.0)
    after.seek(50.0 + 600.0)

    assert before.next_slot() + 1000.0 == pytest.approx(after.next_slot() + 400.0)


async def test_slots_come_at_a_fixed_rate() -> None:
    starts = await turned(120, *(service(f"s{n}") for n in range(20)))

    for slots in starts.slots.values():
        assert len(slots) >= 3
        steps = [b - a for a, b in itertools.pairwise(slots)]
        assert steps == pytest.approx([0.2] * len(steps))


async def test_services_start_at_their_slots_and_not_in_bursts() -> None:
    async def lag_s() -> float:
        starts = await turned(100, *(service(f"s{n}", 0.5) for n in range(50)))
        return median(starts.lags)

    assert await least(lag_s, 0.02) < 0.02


async def test_a_stall_of_the_loop_is_made_up_for_without_losing_a_slot() -> None:
    starts = Starts()
    schedule = Schedule(starts, 0.0)
    schedule.replace([service("madre")])
    await starts.until(2)

    time.sleep(0.7)  # noqa: ASYNC251  the stall is the point
    await starts.until(7)
    schedule.close()

    slots = starts.slots["madre"]
    assert [b - a for a, b in itertools.pairwise(slots)] == pytest.approx([0.2] * (len(slots) - 1))


async def test_a_reload_after_a_stall_of_the_loop_loses_no_slot() -> None:
    starts = Starts()
    schedule = Schedule(starts, 0.0)
    schedule.replace([service("madre")])
    await starts.until(1)

    time.sleep(0.7)  # noqa: ASYNC251  the stall is the point
    schedule.replace([service("madre")])
    await starts.until(6)
    schedule.close()

    slots = starts.slots["madre"]
    assert [b - a for a, b in itertools.pairwise(slots)] == pytest.approx([0.2] * (len(slots) - 1))


async def test_a_wall_clock_that_jumps_moves_nothing() -> None:
    starts = Starts()
    schedule = Schedule(starts, 0.0)
    schedule.replace([service("madre")])
    with time_machine.travel(time.time() - 3600):
        await starts.until(4)
    with time_machine.travel(time.time() + 7200):
        await starts.until(8)
    schedule.close()

    slots = starts.slots["madre"]
    assert max(b - a for a, b in itertools.pairwise(slots)) == pytest.approx(0.2)


async def test_a_reload_keeps_the_slots_of_what_stays() -> None:
    starts = Starts()
    schedule = Schedule(starts, 0.0)
    for extra in range(6):
        schedule.replace([service("madre"), service(f"extra-{extra}")])
        await asyncio.sleep(0.15)
    await starts.until(14)
    schedule.close()

    slots = starts.slots["madre"]
    assert len(slots) >= 3
    assert [b - a for a, b in itertools.pairwise(slots)] == pytest.approx([0.2] * (len(slots) - 1))


async def test_a_service_without_history_gets_a_first_look_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("prober.schedule.FIRST_LOOK_S", 0.2)
    starts = Starts()
    schedule = Schedule(starts, 0.0)
    schedule.replace([service("hourly", 3600.0), service("known", 3600.0)], frozenset({"hourly"}))

    await starts.until(1)
    await asyncio.sleep(0.2)
    schedule.close()

    assert list(starts.slots) == ["hourly"]


async def test_an_empty_schedule_waits_for_services() -> None:
    starts = Starts()
    schedule = Schedule(starts, 0.0)
    schedule.replace([])
    await asyncio.sleep(0.05)
    schedule.replace([service("madre", 0.1)])
    await starts.until(2)
    schedule.close()

    assert list(starts.slots) == ["madre"]


def test_the_monotonic_zone_answers_now_from_its_clock() -> None:
    from datetime import datetime

    zone = MonotonicZone(lambda: 12.5)

    assert datetime.now(zone) == zone.at(12.5)


async def test_a_new_connection_is_not_begun_before_its_time() -> None:
    starts = await turned(1000, *(service(f"s{n}") for n in range(300)))

    assert min(starts.lags) > -GRAIN_S


async def test_slots_of_kept_connections_that_are_nearly_due_are_taken_along() -> None:
    async def punctual() -> float:
        kept = (replace(service(f"s{n}"), keep_alive=True) for n in range(300))
        starts = await turned(1000, *kept)
        assert min(starts.lags) > -EARLY_S
        return sum(lag >= 0 for lag in starts.lags) / len(starts.lags)

    assert await least(punctual, 0.9) < 0.9


async def test_a_start_that_fails_keeps_no_other_service_from_its_own() -> None:
    starts = Starts()

    def start(started: Service, slot_s: float) -> None:
        if started.name == "s0":
            raise LookupError
        starts(started, slot_s)

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    schedule = Schedule(start, 0.0)
    schedule.replace([service(f"s{n}") for n in range(20)])
    await starts.until(60)
    schedule.close()

    assert min(len(starts.slots[f"s{n}"]) for n in range(1, 20)) >= 2
