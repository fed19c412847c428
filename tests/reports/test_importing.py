from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from fleets import AT, refusal, success, wrong_answer
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.errors import BadInput, ExtraMissing
from prober.model import Result
from prober.reports import delimited
from prober.reports.exporting import FORMATS
from prober.reports.importing import MOST_PROBLEMS, READERS, results, survey
from prober.reports.records import COLUMNS, record, result

FOUND = [
    success(),
    success('a, "b"\n', snippet="")._replace(stalled=True),
    refusal(),
    wrong_answer(snippet='","\r\n')._replace(latency_ms=0.001),
]


def exported(tmp_path: Path, kind: str, found: Sequence[Result] = FOUND) -> Path:
    path = tmp_path / f"history.{kind}"
    with path.open("wb") as file:
        FORMATS[kind](found, file)
    return path


def changed(tmp_path: Path, **values: object) -> Path:
    """A file of one good row and one with these values."""
    path = tmp_path / "some.jsonl"
    good = record(success())
    path.write_text(f"{json.dumps(good)}\n{json.dumps(good | values)}\n")
    return path


def faults(*paths: Path) -> list[str]:
    with pytest.raises(BadInput) as caught:
        survey(paths, None, AT, lambda _: None)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("kind", FORMATS)
def test_what_was_exported_is_read_back_as_it_was(tmp_path: Path, kind: str) -> None:
    path = exported(tmp_path, kind)

    assert list(results([path], None, AT)) == FOUND


@pytest.mark.parametrize("kind", FORMATS)
def test_nothing_is_exported_as_a_file_that_can_be_read(tmp_path: Path, kind: str) -> None:
    path = exported(tmp_path, kind, [])

    assert survey([path], None, AT, lambda _: None) == (0, {})


def test_the_formats_are_the_same_both_ways() -> None:
    assert FORMATS.keys() == READERS.keys()


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=2))
@settings(max_examples=100)
def test_any_texts_survive_as_a_row_of_csv(texts: list[str | None]) -> None:
    lines = io.StringIO(delimited.line(texts), newline="\n")

    assert [row.cells for row in delimited.rows(lines)] == [texts]


def test_columns_may_be_missing_unknown_and_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("\ufeffoutcome,more,checked_at,service\r\nsuccess,x,2026-11-22T15:00:00Z,a\r\n")

    [found] = results([path], None, AT)

    assert (found.service, found.checked_at, found.http_code) == ("a", AT - 123, None)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"service": None}, "service: is missing"),
        ({"service": "a\0"}, "service: 'a\\x00' is not a name"),
        ({"checked_at": "soon"}, "checked_at: 'soon' is not a time; write it like 2026-11-22T15"),
        ({"checked_at": "2027-01-01T00:00:00Z"}, "checked_at: 2027-01-01T00:00:00.000Z lies in"),
        ({"outcome": "fine"}, "outcome: 'fine' is not one of success, slow, failure, fault"),
        ({"http_code": "2xx"}, "http_code: '2xx' is not a status code"),
        ({"http_code": True}, "http_code: 'True' is not a status code"),
        ({"latency_ms": -1}, "latency_ms: '-1' is not a latency"),
        ({"latency_ms": "nan"}, "latency_ms: 'nan' is not a latency"),
        ({"reason": "bad"}, "reason: 'bad' is not one of status, condition,"),
        ({"phase": 7}, "phase: '7' is not one of resolve, connect,"),
        ({"stalled": "yes"}, "stalled: 'yes' is not true or false"),
        ({"stalled": []}, "stalled: '[]' is not true or false"),
    ],
)
def test_a_wrong_value_is_told_with_file_line_and_remedy(
    tmp_path: Path, values: dict[str, object], said: str
) -> None:
    [fault] = faults(changed(tmp_path, **values))

    assert fault.startswith(said) and fault.endswith("some.jsonl, line 2)")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", b"service,outcome\n", "header: checked_at is missing"),
        ("a.csv", b"service,checked_at,outcome\na\n", "row: has 1 cells and the header 3"),
        ("a.csv", b'service,checked_at,outcome\na,"b,c\n', "row: a quote is opened"),
        ("a.csv", b'service,checked_at,outcome\na,b"",c\n', "row: quotes don't fit"),
        ("a.csv", b"service,checked_at,outcome\na,\xff,c\n", "row: is not UTF-8"),
        ("a.jsonl", b"{\n", "row: is not JSON"),
        ("a.jsonl", b"[]\n", "row: '[]' is not an object"),
        ("a.parquet", b"PAR", "file: is not Parquet"),
    ],
)
def test_a_file_of_another_shape_is_refused(
    tmp_path: Path, name: str, text: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(text)

    assert faults(path)[0].startswith(said)


def test_a_name_that_tells_no_format_asks_for_one(tmp_path: Path) -> None:
    path = exported(tmp_path, "csv").rename(tmp_path / "history")

    assert "add --format csv|jsonl|parquet" in faults(path)[0]
    assert survey([path], "csv", AT, lambda _: None).rows == len(FOUND)


def test_many_faults_are_told_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("{}\n" * 1000)

    assert len(faults(path)) == MOST_PROBLEMS


def test_a_result_speaks_for_three_usual_steps_and_a_timeout(tmp_path: Path) -> None:
    moments = [AT - 60_000 * i for i in (0, 1, 2, 500, 501)]
    path = exported(tmp_path, "csv", [success()._replace(checked_at=at) for at in moments])

    found = survey([path], None, AT, lambda _: None)

    assert found == (5, {"madre": 185_000})


def test_a_record_has_the_documented_columns() -> None:
    assert tuple(record(success())) == COLUMNS
    assert result(record(refusal())) == refusal()


def test_without_pyarrow_parquet_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ExtraMissing, match=r"pip install 'prober\[parquet\]'"):
        FORMATS["parquet"](FOUND, io.BytesIO())
