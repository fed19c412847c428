"""What leads from the gateway to services: their breakers, the way to them, and what was said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from prober.breaker import Policy
from prober.config.tree import Chat, Gateway, Store
from prober.sinks.breakers import Breakers
from prober.storage.sessions import USUAL, Bounds, Sessions
from prober.telemetry import Telemetry
from prober.upstream import Upstreams

T = TypeVar("T")


class Outward:
    """Built by the composition root, which also hands `breakers` to the pipeline as a sink."""

    def __init__(self, gateway: Gateway, store: Store, telemetry: Telemetry) -> None:
        called = {forward.service for forward in gateway.forward}
        called |= {gateway.chat.service} if gateway.chat else set()
        policy = Policy(gateway.breaker.failures, gateway.breaker.reset)
        self.breakers = Breakers(policy, gateway.breaker.probes, called, telemetry)
        self.upstreams = Upstreams()
        self._sessions = Sessions(store.url, _bounds(gateway.chat), migrate=store.migrate)
        # One thread, which is what sessions may be used from.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sessions")

    async def talks(self, work: Callable[[Sessions], T]) -> T:
        """Do what reads or writes sessions, beside the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, self._sessions)

    async def close(self) -> None:
        """Let go of connections; what waits for a database that is stuck is not waited for."""
        await self.upstreams.close()
        self._thread.submit(self._sessions.close)
        self._thread.shutdown(wait=False)


def _bounds(chat: Chat | None) -> Bounds:
    return Bounds(chat.messages, chat.sessions, round(chat.ttl * 1000)) if chat else USUAL
