"""Run a coroutine on uvloop where it is installed, and keep its pauses short."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

GARBAGE = (20_000, 20, 20)  # new objects that make the collector look, and looks at older ones


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in a new event loop, and return what it returns."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def settle() -> None:
    """Tell the collector of garbage that what is there now stays, and to look less often.

    A walk over 50,000 services and their last results takes 0.2 s, in which nothing else runs;
    what a probe or a request leaves has few cycles.
    """
    gc.freeze()
    gc.set_threshold(*GARBAGE)
