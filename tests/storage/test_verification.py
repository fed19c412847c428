"""What `prober db verify` finds in history whose texts are gone."""

from __future__ import annotations

import pytest
from databases import AT, execute, ok

from prober.storage.compaction import Compaction
from prober.storage.segment import HOUR_MS
from prober.storage.verification import faults
from prober.storage.writer import Writer

GONE = "madre, 2026-09-21 14:00 UTC: texts of 1 results are missing"
MINE = "WHERE text = 'mine'"


@pytest.fixture
def written(url: str) -> str:
    """A database with two hot results, one of which has a snippet of its own."""
    Writer(url).write([ok(snippet="mine"), ok("switch", AT + 1)])
    return url


def packed(url: str) -> str:
    assert Compaction(url).step(AT + 2 * HOUR_MS) == 2
    return url


def test_history_with_all_its_texts_is_sound(written: str) -> None:
    hot = list(faults(written))

    assert (hot, list(faults(packed(written)))) == ([], [])


@pytest.mark.parametrize("text", ["snippets WHERE text = 'mine'", "snippets", "endpoints"])
def test_a_missing_text_of_a_hot_row_is_told(written: str, text: str) -> None:
    execute(written, f"DELETE FROM {text}")

    assert GONE in map(str, faults(written))


@pytest.mark.parametrize("text", ["snippets WHERE text = 'mine'", "snippets", "endpoints"])
def test_a_missing_text_of_a_packed_hour_is_told(written: str, text: str) -> None:
    execute(packed(written), f"DELETE FROM {text}")

    assert GONE in map(str, faults(written))


def test_a_column_of_texts_that_is_missing_is_no_fault(written: str) -> None:
    execute(written, "ALTER TABLE results DROP COLUMN snippet_id")

    assert list(faults(written)) == []
