from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from prober.model import Outcome, Phase, Reason
from prober.storage.codes import OUTCOME_OF, OUTCOMES, PHASE_OF, PHASES, REASON_OF, REASONS
from prober.storage.tables import metadata

DOCUMENT = Path(__file__).parents[2] / "docs" / "storage.md"


@pytest.mark.parametrize(
    ("words", "codes", "back"),
    [(Outcome, OUTCOMES, OUTCOME_OF), (Reason, REASONS, REASON_OF), (Phase, PHASES, PHASE_OF)],
)
def test_every_word_has_a_code_of_its_own(
    words: type[StrEnum], codes: dict[Any, Any], back: dict[Any, Any]
) -> None:
    assert set(words) <= codes.keys()
    assert {word: back[code] for word, code in codes.items()} == {word: word for word in codes}


@pytest.mark.parametrize("codes", [OUTCOMES, REASONS, PHASES])
def test_every_code_is_documented(codes: dict[Any, Any]) -> None:
    text = DOCUMENT.read_text()

    assert [f"{c} {w}" for w, c in codes.items() if w and f" {c} {w}" not in text] == []


def test_every_table_is_documented() -> None:
    text = DOCUMENT.read_text()

    assert [name for name in metadata.tables if f"`{name}`" not in text] == []
