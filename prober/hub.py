"""Broadcast within this process: who publishes knows nobody, and who listens waits for nobody."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

STATUS = "status"  # changes of status
RESULT = "result"  # every probe
EVENT = "event"  # events that were taken in

TOPICS = frozenset({STATUS, RESULT, EVENT})


class Listener(Protocol):
    """Somebody who is told what is published."""

    def hear(self, texts: tuple[str, ...]) -> None:
        """Take texts that were published together; returns at once, and never raises.

        All listeners are given the same tuple, one directly after the other.
        """


class Hub:
    """Hands texts to whoever listens to their topic; for one event loop."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[Listener, None]] = {topic: {} for topic in TOPICS}
        self._listeners: dict[Listener, frozenset[str]] = {}

    def __len__(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def join(self, listener: Listener, topics: Collection[str]) -> None:
        """Listen from now on; raises KeyError where that is no topic."""
        self._listeners[listener] = frozenset(topics)
        for topic in topics:
            self._topics[topic][listener] = None

    def leave(self, listener: Listener) -> None:
        """Hear nothing more; a listener may have left before."""
        for topic in self._listeners.pop(listener, ()):
            del self._topics[topic][listener]

    def wanted(self, topic: str) -> bool:
        """Whether anybody listens: a text that nobody wants need not be written."""
        return bool(self._topics[topic])

    def publish(self, topic: str, *texts: str, but: Listener | None = None) -> None:
        """Hand texts to all listeners of a topic, `but` for one of them."""
        for listener in list(self._topics[topic]):
            if listener is not but:
                listener.hear(texts)
