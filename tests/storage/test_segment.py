"""Segments: the packed rows of one service and one hour."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.storage.segment import HOUR_MS, Damaged, Raw, fold, pack, unpack

HOUR = 494_000
START = HOUR * HOUR_MS
SMALL = st.none() | st.integers(0, 600)

RAWS = st.builds(
    Raw,
    checked_at=st.integers(START, START + HOUR_MS - 1),
    latency_us=st.none() | st.integers(0, 2**40),
    outcome=st.integers(0, 3),
    http_code=SMALL,
    endpoint_id=st.none() | st.integers(1, 2**31),
    snippet_id=st.none() | st.integers(1, 2**31),
    reason=SMALL,
    phase=SMALL,
    stalled=st.none() | st.just(1),
)
GOOD = Raw(START, 5_000, 0, 200, 1, 5, None, None, None)
BAD = Raw(START, None, 2, None, None, None, 4, 2, None)
FIRST = (  # packed by the first releases, and what it holds
    bytes.fromhex(
        "0100000003737ce7fc789c0dc94111c0201004c1b9bd2080aa88c006fb0a7278201211311015e1db0d24"
        "ace64879b32de4e432059f32e8e9371f8c9759a810703cf403f1d90796"
    ),
    [
        Raw(START + 7, 1_500, 0, 200, 1, 2, None, None, None),
        Raw(START + 30_009, None, 2, None, None, None, 4, 2, None),
        Raw(START + 60_001, 70_000, 1, 200, 1, 3, None, None, 1),
    ],
)
ROWS = st.lists(RAWS, min_size=1, max_size=40, unique_by=lambda raw: raw.checked_at).map(sorted)


def a_day(step_ms: int) -> list[Raw]:
    """An hour as it is: a jittering rhythm, spread latencies, some failures."""
    chance = random.Random(1)
    rows = []
    for slot in range(START + 7_123, START + HOUR_MS, step_ms):
        at = slot + int(chance.expovariate(0.5))
        latency_us = int(chance.lognormvariate(8.3, 0.35))
        good = Raw(at, latency_us, 0, 200, 1, 5, None, None, None)
        bad = Raw(at, None, 2, None, None, None, 4, 2, None)
        rows.append(good if chance.random() > 0.01 else bad)
    return rows


@given(rows=ROWS)
def test_rows_come_back_as_they_were_packed(rows: list[Raw]) -> None:
    assert unpack(HOUR, pack(HOUR, fold(rows))) == rows


def test_a_segment_of_the_first_releases_is_read() -> None:
    segment, rows = FIRST

    assert unpack(HOUR, segment) == rows


def test_what_is_packed_is_what_the_first_releases_packed() -> None:
    segment, rows = FIRST

    packed = pack(HOUR, fold(rows))

    assert packed[:5] == segment[:5]
    assert zlib.decompress(packed[9:]) == zlib.decompress(segment[9:])


@pytest.mark.parametrize(
    "turns",
    [
        pytest.param([GOOD], id="nothing changes"),
        pytest.param([GOOD, GOOD._replace(snippet_id=6)], id="one column changes"),
        pytest.param([GOOD, GOOD, GOOD._replace(snippet_id=None)], id="one is empty at times"),
        pytest.param([BAD, GOOD, GOOD], id="several change together"),
        pytest.param([GOOD._replace(snippet_id=n) for n in range(300)], id="each has its own text"),
        pytest.param(
            [GOOD._replace(snippet_id=n, http_code=n % 7) for n in range(300)], id="and code"
        ),
    ],
)
def test_what_rows_share_is_told_once_in_the_order_it_comes(turns: list[Raw]) -> None:
    rows = [raw._replace(checked_at=START + n) for n, raw in enumerate(turns * 3)]

    folded = fold(rows)

    assert folded.kinds == tuple(dict.fromkeys(raw[2:] for raw in turns))
    assert folded.rows() == unpack(HOUR, pack(HOUR, folded)) == rows


@given(rows=ROWS, since=st.integers(-1, HOUR_MS), until=st.integers(-1, HOUR_MS))
def test_a_part_of_folded_rows_has_the_rows_of_its_span(
    rows: list[Raw], since: int, until: int
) -> None:
    part = fold(rows).between(START + since, START + until)

    assert part.rows() == [row for row in rows if since <= row.checked_at - START < until]


@given(rows=ROWS)
def test_the_head_tells_the_number_of_rows(rows: list[Raw]) -> None:
    assert int.from_bytes(pack(HOUR, fold(rows))[1:5]) == len(rows)


@pytest.mark.parametrize("step_ms", [5_000, 30_000])
def test_a_result_takes_less_than_four_bytes(step_ms: int) -> None:
    rows = a_day(step_ms)

    assert len(pack(HOUR, fold(rows))) / len(rows) < 4


@given(rows=ROWS, data=st.data())
def test_any_changed_bit_is_noticed(rows: Sequence[Raw], data: st.DataObject) -> None:
    segment = bytearray(pack(HOUR, fold(rows)))
    place = data.draw(st.integers(1, len(segment) - 1))

    segment[place] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(Damaged, match="its checksum doesn't fit"):
        unpack(HOUR, bytes(segment))


@pytest.mark.parametrize(
    ("segment", "complaint"),
    [
        (b"", "it has 0 bytes, and its head alone has 9"),
        (
            b"\x02" + pack(HOUR, fold(a_day(30_000)))[1:],
            "its format is 2, and this prober knows 1",
        ),
        (pack(HOUR, fold(a_day(30_000)))[:-1], "its checksum doesn't fit"),
    ],
)
def test_what_is_no_segment_is_told(segment: bytes, complaint: str) -> None:
    with pytest.raises(Damaged, match=complaint):
        unpack(HOUR, segment)
