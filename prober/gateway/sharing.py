"""Work whose outcome is shared by all who ask for it before it is begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """One piece of work at a time; for one event loop.

    However many ask at once, it is done twice at most: what runs already may be of before, and
    one more is begun after it for all who wait.
    """

    def __init__(self) -> None:
        self._next: asyncio.Task[T] | None = None
        self._turn = asyncio.Lock()

    async def get(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, begun after this call; raises what it raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._do(work))
        return await asyncio.shield(self._next)  # who hangs up ends it for nobody else

    async def _do(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            self._next = None
            return await work()
