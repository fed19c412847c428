"""When requests are told that their time is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest

from prober.probes.connection import now_us
from prober.probes.deadlines import TICK_US, Deadlines


@pytest.fixture
async def deadlines() -> AsyncIterator[Deadlines]:
    deadlines = Deadlines(asyncio.get_running_loop())
    yield deadlines
    deadlines.close()


@pytest.mark.parametrize("left_ms", [-5, 0, 1, 20, 33])
async def test_it_tells_at_most_a_tick_late_and_never_early(
    deadlines: Deadlines, left_ms: int
) -> None:
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    due_us = now_us() + left_ms * 1000

    deadlines.add(due_us, lambda: told.set_result(now_us()))

    assert 0 <= await told - due_us < TICK_US + 50_000  # the machine may be busy


async def test_who_is_removed_is_not_told(deadlines: Deadlines) -> None:
    told: list[str] = []
    removed, stays = partial(told.append, "removed"), partial(told.append, "stays")
    due_us = now_us() + 1000

    tick = deadlines.add(due_us, removed)
    deadlines.add(due_us, stays)
    deadlines.remove(tick, removed)
    await asyncio.sleep(0.03)
    deadlines.remove(tick, stays)

    assert told == ["stays"]


async def test_an_earlier_deadline_is_told_before_a_later_one(deadlines: Deadlines) -> None:
    told: list[int] = []

    for left_ms in (40, 10, 25):
        deadlines.add(now_us() + left_ms * 1000, partial(told.append, left_ms))
    await asyncio.sleep(0.08)

    assert told == [10, 25, 40]


async def test_a_deadline_is_told_though_the_one_before_was_removed(deadlines: Deadlines) -> None:
    told = asyncio.Event()
    tick = deadlines.add(now_us() + 1000, told.clear)
    deadlines.remove(tick, told.clear)

    deadlines.add(now_us() + 20_000, told.set)

    async with asyncio.timeout(1):
        await told.wait()


async def test_who_is_told_may_spare_another_one(deadlines: Deadlines) -> None:
    told: list[str] = []
    due_us = now_us()

    def one() -> None:
        told.append("one")
        deadlines.remove(tick, other)

    def other() -> None:
        told.append("other")
        deadlines.remove(tick, one)

    tick = deadlines.add(due_us, one)
    deadlines.add(due_us, other)
    await asyncio.sleep(0.03)

    assert len(told) == 1


async def test_a_defect_of_one_spares_the_others_nothing(deadlines: Deadlines) -> None:
    loop, told, defects = asyncio.get_running_loop(), list[int](), list[object]()
    loop.set_exception_handler(lambda _, context: defects.append(context.get("exception")))

    for n in range(2):
        deadlines.add(now_us(), partial(told.__delitem__, 5))
        deadlines.add(now_us() + n * TICK_US, partial(told.append, n))
    await asyncio.sleep(0.05)

    assert told == [0, 1]
    assert [type(defect) for defect in defects] == [IndexError, IndexError]


async def test_nobody_is_told_after_the_end(deadlines: Deadlines) -> None:
    told: list[float] = []
    deadlines.add(now_us(), lambda: told.append(time.monotonic()))

    deadlines.close()
    await asyncio.sleep(0.02)

    assert told == []
