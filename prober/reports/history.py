"""The results of one service as a stream of lines, so that years of them need no memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator

from prober.model import Result
from prober.reports import rows
from prober.reports.fleet import result_json
from prober.reports.table import pad
from prober.status import STATUS_AFTER

# Fixed, since a stream can't wait to see its widest cell; a wider one moves what follows.
WIDTHS = (24, 8, 4, 8, 16, 24, 0)

FIELDS = (
    "checked_at",
    "status",
    "http_code",
    "latency_ms",
    "endpoint_ok",
    "snippet",
    "reason",
    "phase",
)


def record(result: Result) -> dict[str, object]:
    """One probe as plain JSON values, keyed by `FIELDS` in their order."""
    found = result_json(result) | {"status": STATUS_AFTER[result.outcome].value}
    return {field: found[field] for field in FIELDS}


def as_table(results: Iterable[Result]) -> Iterator[str]:
    """A heading, and a line per result."""
    yield pad(rows.RESULT_COLUMNS, WIDTHS) + "\n"
    for result in results:
        yield pad(rows.result_row(result), WIDTHS) + "\n"


def as_json(results: Iterable[Result]) -> Iterator[str]:
    """A JSON array with one object a line."""
    return json_array(map(record, results))


def as_csv(results: Iterable[Result]) -> Iterator[str]:
    """A header and a row per result, as RFC 4180 has it but with plain line feeds."""
    yield csv_line(FIELDS)
    for result in results:
        yield csv_line(record(result).values())


FORMATS: dict[str, Callable[[Iterable[Result]], Iterator[str]]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
}


def json_array(objects: Iterable[object]) -> Iterator[str]:
    """A JSON array as a stream, with one object a line."""
    before = "[\n"
    for one in objects:
        yield before + json.dumps(one, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def csv_line(values: Iterable[object]) -> str:
    """One row, ended by a line feed."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()
