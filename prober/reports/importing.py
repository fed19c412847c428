"""Results from files of the formats of `exporting`, each fault told with its place and a remedy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson

from prober.errors import BadInput, Problem
from prober.model import Result
from prober.reports import delimited, parquet, records

MOST_PROBLEMS = 20
USUAL_S = 30  # between two results of a service that has but one
TIMEOUT_S = 5
ROWS_A_NEWS = 1_000

KINDS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""Formats by how a file's name ends."""

Read = Iterator[tuple[int, Mapping[str, object] | Problem]]
"""Records, each with its line or its row in the file, from 1."""


class Survey(NamedTuple):
    """What files hold: how many results, and for how long (ms) one speaks for its service."""

    rows: int
    speaks_ms: Mapping[str, int]


def survey(
    paths: Sequence[Path], kind: str | None, latest_ms: int, passed: Callable[[int], object]
) -> Survey:
    """Read the files once, to the end; `passed` is called after some rows with their number.

    `kind` is their format, or None where their names tell it. Raises `BadInput`, with
    `MOST_PROBLEMS` problems at most.
    """
    rows = 0
    steps: dict[str, Counter[int]] = defaultdict(Counter)
    last: dict[str, int] = {}
    for result in _well(chain.from_iterable(_rows(path, kind, latest_ms) for path in paths)):
        name, at = result.service, result.checked_at
        if name in last:
            steps[name][round(abs(at - last[name]) / 1000)] += 1
        last[name] = at
        rows += 1
        if rows % ROWS_A_NEWS == 0:
            passed(ROWS_A_NEWS)
    return Survey(rows, {name: _speaks_ms(steps[name]) for name in last})


def results(paths: Sequence[Path], kind: str | None, latest_ms: int) -> Iterator[Result]:
    """The results of the files, in their order; raises `BadInput` at the first fault."""
    for path in paths:
        for found in _rows(path, kind, latest_ms):
            if isinstance(found, Problem):
                raise BadInput([found])
            yield found


def _well(found: Iterable[Result | Problem]) -> Iterator[Result]:
    """The results; all of the problems are raised at the end, or many of them before."""
    problems: list[Problem] = []
    for one in found:
        if isinstance(one, Result):
            yield one
        elif len(problems) < MOST_PROBLEMS:
            problems.append(one)
        else:
            break
    if problems:
        raise BadInput(problems)


def _speaks_ms(steps: Counter[int]) -> int:
    """Three usual steps and a timeout, as where a service is probed."""
    ranks = accumulate(steps[step_s] for step_s in sorted(steps))
    half = steps.total() / 2
    middle = (s for s, rank in zip(sorted(steps), ranks, strict=True) if rank >= half)
    return (3 * next(middle, USUAL_S) + TIMEOUT_S) * 1000


def _rows(path: Path, kind: str | None, latest_ms: int) -> Iterator[Result | Problem]:
    name = kind or KINDS.get(path.suffix.lower())
    if name is None:
        yield _problem(path, f"the name tells no format; add --format {'|'.join(READERS)}")
        return
    if not path.is_file():
        yield _problem(path, "is read twice, which a pipe can't be; write it to a file first")
        return
    try:
        with path.open("rb") as file:
            for place, found in READERS[name](file):
                yield _result(path, place, found, latest_ms)
    except OSError as error:
        yield _problem(path, f"can't be read ({error.strerror}); name another file")


def _result(
    path: Path, place: int, found: Mapping[str, object] | Problem, latest_ms: int
) -> Result | Problem:
    if isinstance(found, Problem):
        return Problem(found.path, found.message, str(path), place)
    try:
        return records.result(found, latest_ms)
    except records.Wrong as wrong:
        return Problem(wrong.column, str(wrong), str(path), place)


def _csv(file: BinaryIO) -> Read:
    try:
        rows = delimited.rows(_decoded(file))
        header = next(rows, delimited.Row(1, []))
        columns = [cell or "" for cell in header.cells]
        if missing := [column for column in records.NEEDED if column not in columns]:
            yield header.line, Problem("header", f"{missing[0]} is missing; name the columns there")
            return
        for line, cells in rows:
            yield line, _named(columns, cells)
    except delimited.Torn as torn:
        yield torn.line, Problem("row", str(torn))


def _decoded(file: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise delimited.Torn(number, f"is not UTF-8 ({error.reason}); convert it") from None


def _named(columns: Sequence[str], cells: Sequence[str | None]) -> Mapping[str, object] | Problem:
    if len(cells) != len(columns):
        wanted = f"has {len(cells)} cells and the header {len(columns)}; make them as many"
        return Problem("row", wanted)
    return dict(zip(columns, cells, strict=True))


def _jsonl(file: BinaryIO) -> Read:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield number, _object(line)


def _object(line: bytes) -> Mapping[str, object] | Problem:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Problem("row", f"is not JSON ({error}); write an object a line")
    if isinstance(found, dict):
        return found
    return Problem("row", f"{str(found)[:40]!r} is not an object; write one a line")


def _parquet(file: BinaryIO) -> Read:
    try:
        yield from enumerate(parquet.read(file), 1)
    except ValueError as error:
        yield 1, Problem("file", f"is not Parquet ({error}); name one that is")


READERS: dict[str, Callable[[BinaryIO], Read]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
}


def _problem(path: Path, message: str) -> Problem:
    return Problem(str(path), message)
