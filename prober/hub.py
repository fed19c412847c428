"""Broadcast within this process: who publishes knows nobody, and who is slow hurts only itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection

STATUS = "status"  # changes of status
RESULT = "result"  # every probe
EVENT = "event"  # events that were taken in

TOPICS = frozenset({STATUS, RESULT, EVENT})


class TooSlow(Exception):
    """A subscriber left so many messages unread that it was dropped."""


class Subscription:
    """One subscriber's bounded queue of texts; from one hub, and for one reader."""

    def __init__(self, hub: Hub, topics: frozenset[str], limit: int) -> None:
        self.topics = topics
        self._hub = hub
        self._limit = limit
        self._queue: deque[str] = deque()
        self._ready = asyncio.Event()
        self._dropped = False

    async def next(self) -> str:
        """The next text; raises `TooSlow` once this subscriber was dropped."""
        while not self._queue:
            if self._dropped:
                raise TooSlow
            self._ready.clear()
            await self._ready.wait()
        return self._queue.popleft()

    def close(self) -> None:
        """Get nothing more."""
        self._hub.leave(self)

    def put(self, text: str) -> None:
        """For the hub: queue a text, or drop this subscriber where its queue is full."""
        if len(self._queue) >= self._limit:
            self._queue.clear()
            self._dropped = True
            self._hub.leave(self)
        else:
            self._queue.append(text)
        self._ready.set()


class Hub:
    """Hands texts to whoever subscribed to their topic; for one event loop."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, dict[Subscription, None]] = {t: {} for t in TOPICS}

    def subscribe(self, topics: Collection[str], limit: int) -> Subscription:
        """From now on; `limit` is how many texts may wait unread. Raises KeyError at no topic."""
        subscription = Subscription(self, frozenset(topics), limit)
        for topic in subscription.topics:
            self._subscriptions[topic][subscription] = None
        return subscription

    def wanted(self, topic: str) -> bool:
        """Whether anybody listens: a text that nobody wants need not be written."""
        return bool(self._subscriptions[topic])

    def publish(self, topic: str, text: str, but: Subscription | None = None) -> None:
        """Hand a text to all subscribers of a topic, `but` for one of them."""
        for subscription in list(self._subscriptions[topic]):
            if subscription is not but:
                subscription.put(text)

    def leave(self, subscription: Subscription) -> None:
        """Forget a subscription; it may have left before."""
        for topic in subscription.topics:
            self._subscriptions[topic].pop(subscription, None)
