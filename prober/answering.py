"""Answer the main process's questions beside the schedule, each in a task of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prober.channel import Ask, Channel

if TYPE_CHECKING:
    from prober.blackbox.asking import Asking


class Answering:
    """Runs the probes that are asked for, and puts their answers on the worker's channel.

    How many run at once is for the asker to bound: see `prober.inquiry`.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._loading: asyncio.Task[Asking] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, ask: Ask) -> None:
        """Answer a question when its probe is over."""
        if self._loading is None:
            self._loading = asyncio.create_task(_load())
        task = asyncio.create_task(self._answer(ask, self._loading))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def end(self) -> None:
        """Cancel what runs; nobody waits for its answers any more."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Cancelled where it is not done: results that are finished must not wait for libraries.
        if self._loading is not None:
            self._loading.cancel()

    async def _answer(self, ask: Ask, loading: asyncio.Task[Asking]) -> None:
        # Shielded, since other questions wait for it as well.
        asking = await asyncio.shield(loading)
        self._channel.send(await asking.answer(ask))


async def _load() -> Asking:
    # Libraries that most workers do without, and so large that the schedule would wait for them.
    return (await asyncio.to_thread(_import))()


def _import() -> type[Asking]:
    from prober.blackbox.asking import Asking

    return Asking
