"""Keys that stand twice are found wherever they stand, whatever texts look like keys."""

from __future__ import annotations

import pytest
from fastapi import HTTPException
from hypothesis import given
from hypothesis import strategies as st

from prober.gateway.parsing import UNIQUE, parse

NAMES = st.sampled_from(['"a"', '"\\u0061"', '"b"', '"a:"', '"\\":"', '"a" ', '"b"\n'])
TEXTS = st.sampled_from(['"x"', '":"', '"\\":"', '"a\\":1"', '"http://x"', "1", "null", "{}", "[]"])


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(NAMES, values), max_size=4)
    return pairs.map(lambda found: "{" + ", ".join(f"{k}:{v}" for k, v in found) + "}")


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda found: "[" + ",".join(found) + "]")


VALUES = st.recursive(TEXTS, lambda inner: objects(inner) | lists(inner), max_leaves=12)


def twice(text: str) -> bool:
    """What a reading of each key says."""
    try:
        UNIQUE.decode(text)
    except ValueError:
        return True
    return False


@given(VALUES)
def test_an_event_is_refused_exactly_where_a_key_stands_twice(value: str) -> None:
    event = f'{{"type":"x","payload":{value}}}'

    if twice(event):
        with pytest.raises(HTTPException, match="stands there twice"):
            parse(event.encode())
    else:
        assert parse(event.encode())["type"] == "x"
