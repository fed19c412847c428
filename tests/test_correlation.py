"""How strongly events belong together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.correlation import NEAR_MS, WEIGHTS, Node, edges, strength

NODES = st.builds(
    Node,
    id=st.uuids().map(str),
    type=st.text(max_size=3),
    came_at=st.integers(0, 20_000),
    timestamp=st.integers(),
    shares=st.frozensets(st.tuples(st.sampled_from([*WEIGHTS]), st.sampled_from("ab"))),
)
APART = NEAR_MS + 1


def node(at: int = 0, **shares: str) -> Node:
    return Node(f"id-{at}", "t", at, at, shares=frozenset(shares.items()))


@given(NODES, NODES)
def test_strength_lies_from_0_to_below_1_and_is_the_same_in_both_directions(
    one: Node, other: Node
) -> None:
    found = strength(one, other)

    assert 0 <= found < 1
    assert found == strength(other, one)


@given(NODES, NODES, st.sampled_from([*WEIGHTS]))
def test_one_thing_more_that_is_shared_never_weakens(one: Node, other: Node, kind: str) -> None:
    more = frozenset({(kind, "more")})

    found = strength(
        one._replace(shares=one.shares | more), other._replace(shares=other.shares | more)
    )

    assert found >= strength(one, other)


@given(NODES, NODES, st.integers(0, 10_000))
def test_more_time_between_never_strengthens(one: Node, other: Node, later: int) -> None:
    last = other._replace(came_at=max(one.came_at, other.came_at))
    assert strength(one, last._replace(came_at=last.came_at + later)) <= strength(one, last)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (node(), node(APART), 0),
        (node(), node(), 0.3),
        (node(), node(NEAR_MS // 2), 0.15),
        (node(service="s"), node(APART, service="s"), 0.4),
        (node(service="s"), node(APART, service="t"), 0),
        (node(session="s"), node(APART, service="s"), 0),
        (node(session="s", service="x"), node(APART, session="s", service="x"), 0.76),
        (node(correlation="c"), node(0, correlation="c"), 0.86),
    ],
)
def test_the_formula(one: Node, other: Node, expected: float) -> None:
    assert strength(one, other) == pytest.approx(expected)


@given(st.lists(NODES, max_size=12, unique_by=lambda n: n.id), st.integers(0, 20))
def test_edges_are_bounded_sorted_and_never_of_a_node_with_itself(
    nodes: list[Node], most: int
) -> None:
    found = edges(nodes, most)

    assert len(found) <= most
    assert [e.strength for e in found] == sorted((e.strength for e in found), reverse=True)
    assert all(e.source != e.target and e.strength > 0 for e in found)


def test_an_edge_leads_from_the_earlier_event_to_the_later() -> None:
    [edge] = edges([node(0), node(100)], 10)

    assert (edge.source, edge.target) == ("id-0", "id-100")
