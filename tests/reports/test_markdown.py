from __future__ import annotations

import json
import re

import pytest
from fleets import member, refusal, success, wrong_answer

from prober.reports.fleet import as_json
from prober.reports.markdown import render


def test_the_table_has_the_columns_of_the_runtime_truth() -> None:
    lines = render([member(success())]).splitlines()

    assert "| Service | Port | Status | Code | Latency | Endpoint | Snippet |" in lines
    assert '| madre | 8001 | OK | 200 | 12 ms | /health | {"status":"ok"} |' in lines


def test_the_verdict_and_the_counts_are_told() -> None:
    text = render([member(success("a")), member(refusal("b"))])

    assert "1/2 OK, b BROKEN, at 2026-11-22T15:00:00.123Z." in text
    assert "OK 1 · DEGRADED 0 · BROKEN 1 · UNKNOWN 0 of 2" in text


def test_a_broken_service_shows_its_cause() -> None:
    assert "| BROKEN (refused in connect) |" in render([member(refusal())])


@pytest.mark.parametrize("snippet", ["```", "a ```` b", "plain"])
def test_the_raw_json_can_be_read_back(snippet: str) -> None:
    fleet = [member(wrong_answer(snippet=snippet))]

    found = re.search(r"^(`{3,})json\n(.*)\n\1$", render(fleet), re.DOTALL | re.MULTILINE)

    assert found
    assert json.loads(found[2]) == as_json(fleet)
    assert found[1] not in found[2]


@pytest.mark.parametrize("mark", ["|", "`", "<", "*", "[", "\\", "&"])
def test_an_answer_cannot_break_out_of_its_cell(mark: str) -> None:
    (row,) = (
        line
        for line in render([member(success(snippet=f"a{mark}b"))]).splitlines()
        if line.startswith("| madre")
    )

    assert row.endswith(f"| a\\{mark}b |")
