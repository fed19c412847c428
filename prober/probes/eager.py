"""Run a coroutine at once, and in a task only from where it needs one.

A probe over a kept connection waits once, for its answer. A task for that, and the turns of the
loop in which it begins and goes on, would cost a tenth of the whole.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def in_task() -> Generator[None, None, None]:
    """Go on in a task: for what asks for the current one, as `asyncio.timeout` does."""
    if asyncio.current_task() is None:
        yield


class Prompt(asyncio.Future[T]):
    """A future that an `Eager` coroutine goes on with as soon as it is settled or cancelled."""

    wake: Callable[[], None] | None = None

    def settle(self, outcome: T | Exception) -> None:
        """Set the result, or an exception."""
        if isinstance(outcome, Exception):
            self.set_exception(outcome)
        else:
            self.set_result(outcome)
        if self.wake is not None:
            self.wake()

    def cancel(self, msg: Any | None = None) -> bool:
        """See `asyncio.Future`."""
        is_cancelled = super().cancel(msg)
        if is_cancelled and self.wake is not None:
            self.wake()
        return is_cancelled


class Eager:
    """A coroutine that runs from `begin` on; that is to be called outside of tasks."""

    __slots__ = ("_coroutine", "_loop", "_task")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, None, None]
    ) -> None:
        self._loop = loop
        self._coroutine = coroutine
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Run to where it waits; from there it goes on by itself. What it raises is raised here."""
        self._go_on(None)

    def cancel(self) -> asyncio.Task[None]:
        """Cancel it; gives the task in which it ends."""
        task = self._task or self._in_task()
        task.cancel()
        return task

    def _go_on(self, _: object = None) -> None:
        if self._task is not None:  # cancelled since what it waited for was done
            return
        try:
            awaited = self._coroutine.send(None)
        except (StopIteration, asyncio.CancelledError):
            return
        if isinstance(awaited, Prompt):
            awaited.wake = self._go_on
        elif isinstance(awaited, asyncio.Future):
            awaited.add_done_callback(self._go_on)
        else:
            self._in_task()

    def _in_task(self) -> asyncio.Task[None]:
        self._task = self._loop.create_task(self._coroutine)
        return self._task
