"""Results of many services as a stream of bytes that `importing` reads back without a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import BinaryIO

import orjson

from prober.model import Result
from prober.reports import delimited, parquet
from prober.reports.records import COLUMNS, record

ROWS_A_WRITE = 1_000


def as_csv(results: Iterable[Result], file: BinaryIO) -> None:
    """Write a header, and a row per result, as `delimited` has it."""
    file.write(delimited.line(COLUMNS).encode())
    _write(file, (delimited.line(record(result).values()).encode() for result in results))


def as_jsonl(results: Iterable[Result], file: BinaryIO) -> None:
    """Write a JSON object a line."""
    _write(file, (orjson.dumps(record(r), option=orjson.OPT_APPEND_NEWLINE) for r in results))


Format = Callable[[Iterable[Result], BinaryIO], None]

FORMATS: dict[str, Format] = {"csv": as_csv, "jsonl": as_jsonl, "parquet": parquet.write}
"""How results are written to a file as they come, in memory that doesn't grow with them."""


def _write(file: BinaryIO, lines: Iterator[bytes]) -> None:
    while share := list(islice(lines, ROWS_A_WRITE)):
        file.writelines(share)
