"""Readers take the hot table as they find it."""

from __future__ import annotations

from collections.abc import MutableMapping
from contextlib import closing
from typing import Any

import pytest
from databases import AT, execute, ok

from prober.errors import StoreUnfit
from prober.model import Reason
from prober.storage import lenient
from prober.storage.compaction import Compaction
from prober.storage.reader import Reader
from prober.storage.writer import Writer

FIELDS = {
    "http_code": "http_code",
    "latency_us": "latency_ms",
    "endpoint_id": "endpoint_ok",
    "snippet_id": "snippet",
    "reason": "reason",
}


def lacking(url: str, *columns: str) -> None:
    for column in columns:
        execute(url, f"ALTER TABLE results DROP COLUMN {column}")


def write(url: str, at: int) -> None:
    with closing(Writer(url)) as writer:
        writer.write([ok(at=at, reason=Reason.STATUS)])


@pytest.mark.parametrize("column", FIELDS)
def test_a_missing_column_reads_as_empty(url: str, column: str) -> None:
    write(url, AT)
    [whole] = Reader(url).results("madre")
    lacking(url, column, "phase")

    reader = Reader(url)

    nothing: dict[str, Any] = {FIELDS[column]: None}
    expected = whole._replace(**nothing)
    assert [*reader.results("madre"), reader.latest()["madre"]] == [expected, expected]


def test_it_is_said_once(url: str, logs: list[MutableMapping[str, Any]]) -> None:
    lenient._say.cache_clear()
    write(url, AT)
    lacking(url, "phase", "stalled")

    for _ in range(2):
        with closing(Reader(url)) as reader:
            list(reader.results("madre"))

    told = [line["columns"] for line in logs if "read as empty" in line["event"]]
    assert told == [["phase", "stalled"]]


def test_an_open_reader_finds_its_way_after_one_failure(url: str) -> None:
    write(url, AT)
    reader = Reader(url)
    list(reader.results("madre"))
    lacking(url, "phase")

    with pytest.raises(StoreUnfit):
        list(reader.results("madre"))

    assert len(list(reader.results("madre"))) == 1


def test_rows_without_a_column_are_packed(url: str) -> None:
    write(url, AT)
    lacking(url, "phase")
    before = list(Reader(url).results("madre"))

    with closing(Compaction(url)) as compaction:
        moved = compaction.step(AT + 10_000_000)

    assert (moved, list(Reader(url).results("madre"))) == (1, before)


def test_a_column_that_prober_needs_is_asked_for(url: str) -> None:
    write(url, AT)
    lacking(url, "outcome")

    with pytest.raises(StoreUnfit, match="outcome"):
        list(Reader(url).results("madre"))
