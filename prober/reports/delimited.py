"""CSV that tells nothing from an empty text: an empty cell is nothing, and "" is an empty text.

As in RFC 4180, but with plain line feeds; PostgreSQL's COPY writes and reads the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

LONGEST = 1_000_000  # characters of a row
QUOTED = re.compile('[",\r\n]')
CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^",]*))(,|$)')


class Torn(ValueError):
    """Text can't be cut into rows; the message says why and what to do, `line` where it begins."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Row(NamedTuple):
    """The cells of one row, and the number of the line that it begins in, from 1."""

    line: int
    cells: list[str | None]


def line(values: Iterable[object]) -> str:
    """One row, ended by a line feed; None is nothing, and flags are true and false."""
    return ",".join(map(_cell, values)) + "\n"


def rows(lines: Iterable[str]) -> Iterator[Row]:
    """The rows that lines make up, the empty ones left out.

    Raises `Torn`.
    """
    gathered, first = "", 1
    for number, text in enumerate(lines, 1):
        first = first if gathered else number
        gathered += text
        if gathered.count('"') % 2 == 0:
            if bare := _ended(gathered):
                yield Row(first, _cells(bare, first))
            gathered = ""
        elif len(gathered) > LONGEST:
            break
    if gathered:
        raise Torn(first, "a quote is opened and never closed; close it")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if text and not QUOTED.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _ended(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _cells(row: str, line: int) -> list[str | None]:
    cells: list[str | None] = []
    place, more = 0, True
    while more:
        match = CELL.match(row, place)
        if match is None:
            near = row[place : place + 20]
            remedy = "put the whole cell in quotes, and write those within it twice"
            raise Torn(line, f"quotes don't fit from {near!r} on; {remedy}")
        quoted, plain, comma = match.groups()
        cells.append(plain or None if quoted is None else quoted.replace('""', '"'))
        place, more = match.end(), comma == ","
    return cells
