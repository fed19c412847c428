"""Services by calendar month: how well each was, how often it failed, and whether that will do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from prober.maintenance import Windows
from prober.model import Transition
from prober.reports import availability, history, incidents, markdown, planned, rows
from prober.reports.availability import Availability, share, spell
from prober.reports.incidents import Record
from prober.reports.table import align
from prober.reports.times import rfc3339
from prober.storage.cells import Span
from prober.storage.reader import Reader

COLUMNS = (
    "SERVICE",
    "UPTIME",
    "KNOWN",
    "BROKEN",
    "MAINTENANCE",
    "INCIDENTS",
    "MTTR",
    "MTBF",
    "LONGEST",
    "VERDICT",
)
VERDICTS = {True: "met", False: "missed", None: "unknown"}


class Line(NamedTuple):
    """What one service did in a month; `target` is the share that its uptime should have."""

    found: Availability
    record: Record
    longest_ms: int
    target: float

    @property
    def known_ms(self) -> int:
        """For how long it is known how it was."""
        return sum(self.found.cell.times_ms[:3])

    @property
    def met(self) -> bool | None:
        """Whether the target was met; None where nothing is known."""
        return None if self.found.uptime is None else self.found.uptime >= self.target


class Question(NamedTuple):
    """What is asked of each service: its month, its target, and the windows to leave out."""

    span: Span
    target: float
    windows: Windows = ()


def of(reader: Reader, name: str, question: Question, known_until_ms: int) -> Line:
    """The line of a service; an incident counts with its part that lies within the span."""
    span, target, windows = question
    [found] = availability.of(reader, name, [span], known_until_ms, windows)
    known = Span(span.start, max(min(span.end, known_until_ms), span.start))
    left_out = planned.times(reader, name, known, windows)
    changes = planned.outside(_changes(reader, name, *known), left_out)
    told = list(incidents.found(changes, known.end))
    longest = max((incident.duration_ms for incident in told), default=0)
    well_ms = sum(found.cell.times_ms[:2])
    return Line(found, incidents.record(told, well_ms), longest, target)


def all_met(lines: Sequence[Line]) -> bool:
    """Whether no service missed its target; one of which nothing is known did not."""
    return all(line.met is not False for line in lines)


def record(line: Line) -> dict[str, object]:
    """One line as plain JSON values: shares from 0 to 1, times in seconds."""
    found, told = line.found, line.record
    return {
        "service": found.service,
        "from": rfc3339(found.start),
        "to": rfc3339(found.end),
        "uptime": None if found.uptime is None else round(found.uptime, 6),
        "known_s": line.known_ms / 1000,
        "maintenance_s": found.maintenance_ms / 1000,
        "broken_s": found.cell.times_ms[2] / 1000,
        "incidents": told.incidents,
        "mttr_s": _seconds(told.mttr_ms),
        "mtbf_s": _seconds(told.mtbf_ms),
        "longest_s": line.longest_ms / 1000,
        "target": line.target,
        "verdict": VERDICTS[line.met],
    }


def as_table(lines: Sequence[Line]) -> str:
    """A heading, and a line per service, aligned."""
    return "\n".join(align([COLUMNS, *map(_words, lines)])) + "\n"


def as_json(lines: Sequence[Line]) -> str:
    """A JSON array with one object a line."""
    return "".join(history.json_array(map(record, lines)))


def as_csv(lines: Sequence[Line]) -> str:
    """A header and a row per service."""
    found = [record(line) for line in lines]
    header = [history.csv_line(found[0])] if found else []
    return "".join([*header, *(history.csv_line(one.values()) for one in found)])


def as_markdown(lines: Sequence[Line]) -> str:
    """A table for a report."""
    return markdown.table(COLUMNS, map(_words, lines))


FORMATS: dict[str, Callable[[Sequence[Line]], str]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
    "markdown": as_markdown,
}


def _changes(reader: Reader, name: str, start: int, end: int) -> Iterator[Transition]:
    """The changes of a span, after one at its beginning to the status that held then."""
    for held in reader.transitions(name, None, start, 1):
        yield held._replace(at=start)
    yield from reader.transitions(name, start, end, newest_first=False)


def _words(line: Line) -> tuple[str, ...]:
    told = line.record
    return (
        line.found.service,
        share(line.found.uptime),
        spell(line.known_ms),
        spell(line.found.cell.times_ms[2]),
        spell(line.found.maintenance_ms),
        str(told.incidents),
        *(rows.NONE if ms is None else spell(round(ms)) for ms in (told.mttr_ms, told.mtbf_ms)),
        spell(line.longest_ms),
        VERDICTS[line.met],
    )


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else round(ms / 1000, 3)
