"""How strongly events belong together: the formula, and the graph of recent ones.

    strength(a, b) = 1 - Π (1 - weight) over all that a and b share

What they share is a correlation id (0.8), a session (0.6), a service (0.4), and time: 0.3 at the
same moment, falling evenly to 0 at 5 s apart. So it is the same in both directions, lies from 0 to
below 1, and grows with each thing shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest
from itertools import combinations
from typing import NamedTuple

WEIGHTS = {"correlation": 0.8, "session": 0.6, "service": 0.4}
TIME_WEIGHT = 0.3
NEAR_MS = 5000


class Node(NamedTuple):
    """An event: when it came (epoch ms), and what it can share: (key of `WEIGHTS`, value)."""

    id: str
    type: str
    came_at: int
    timestamp: int
    severity: str | None = None
    nature: str | None = None
    shares: frozenset[tuple[str, str]] = frozenset()


class Edge(NamedTuple):
    """Two events that belong together; the source came first. 0 < strength < 1."""

    source: str
    target: str
    strength: float


def strength(one: Node, other: Node) -> float:
    """How strongly two events belong together, as the module says; 0 where not at all."""
    apart_ms = abs(one.came_at - other.came_at)
    rest = 1 - TIME_WEIGHT * max(0.0, 1 - apart_ms / NEAR_MS)
    for kind in {kind for kind, _ in one.shares & other.shares}:
        rest *= 1 - WEIGHTS[kind]
    return 1 - rest


def edges(nodes: Sequence[Node], most: int) -> list[Edge]:
    """The strongest edges among `nodes`, which stand in the order in which they came."""
    return nlargest(most, _all(nodes), key=lambda edge: edge.strength)


def _all(nodes: Iterable[Node]) -> Iterator[Edge]:
    for one, other in combinations(nodes, 2):
        found = round(strength(one, other), 3)
        if found > 0:
            yield Edge(one.id, other.id, found)
