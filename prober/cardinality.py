"""Count events by type in a sliding window, in bounded memory."""

from __future__ import annotations

from collections import Counter, deque

MAX_TYPES = 1000
OTHERS = "(others)"
"""What events are counted as once the window holds `MAX_TYPES` types."""


class Cardinality:
    """Counts per second; `since_s` and all moments are seconds of one clock that never goes back.

    The memory is bounded by the window's seconds times `MAX_TYPES`, whatever comes in.
    """

    def __init__(self, window_s: float, since_s: float) -> None:
        self._window_s = window_s
        self._since_s = since_s
        self._seconds: deque[tuple[int, Counter[str]]] = deque()
        self._counts: Counter[str] = Counter()

    def add(self, type_: str, now_s: float) -> None:
        """Count one event of this type."""
        second = int(now_s)
        if not self._seconds or self._seconds[-1][0] != second:
            self._prune(now_s)
            self._seconds.append((second, Counter()))
        name = type_ if type_ in self._counts or len(self._counts) < MAX_TYPES else OTHERS
        self._seconds[-1][1][name] += 1
        self._counts[name] += 1

    def covered_s(self, now_s: float) -> float:
        """How much of the window has been watched yet: at first it began later."""
        return min(self._window_s, now_s - self._since_s)

    def counts(self, now_s: float) -> dict[str, int]:
        """How often each type came within the window, to a second."""
        self._prune(now_s)
        return dict(self._counts)

    def _prune(self, now_s: float) -> None:
        while self._seconds and self._seconds[0][0] <= now_s - self._window_s:
            self._counts -= self._seconds.popleft()[1]  # which also drops what comes to nothing


def per_minute(count: int, covered_s: float) -> float:
    """A count over so many seconds as a rate; those of the first second count as its whole."""
    return round(count * 60 / max(covered_s, 1.0), 2)
