"""Patience with a machine that is busy, which keeps from a test what it holds against prober."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
TIMEOUTS_S = (0.1, 1.0, 10.0)
TRIES = 6


async def until(condition: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
    """Return when the condition holds; fail when it doesn't within that time."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"not within {limit_s} s"
        await asyncio.sleep(0.01)


async def took_s(act: Callable[[], Awaitable[object]]) -> float:
    """How long an act takes, in seconds."""
    began = time.monotonic()
    await act()
    return time.monotonic() - began


async def least(measure: Callable[[], Awaitable[float]], enough: float) -> float:
    """The least of what is measured, which is done once more where that is more than `enough`.

    A promise about time is prober's, and the machine may stand still for a moment.
    """
    found = await measure()
    for _ in range(TRIES - 1):
        if found <= enough:
            break
        found = min(found, await measure())
    return found


async def given_time(
    ask: Callable[[float], Awaitable[T]], is_it: Callable[[T], object], *timeouts_s: float
) -> T:
    """What is found with the first timeout that suffices for `is_it`, or else with the last one.

    For what times out in a certain place: a machine that is busy takes its time to come there.
    """
    *short, long = timeouts_s or TIMEOUTS_S
    for timeout_s in short:
        found = await ask(timeout_s)
        if is_it(found):
            return found
    return await ask(long)
