"""Incidents as history knows them: with what the service said when each began."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prober.maintenance import Windows
from prober.model import Status, Transition
from prober.reports import history, incidents, planned, rows
from prober.reports.availability import spell
from prober.reports.incidents import Incident
from prober.reports.table import pad
from prober.reports.times import LATEST, rfc3339
from prober.storage.cells import Span
from prober.storage.reader import Reader

COLUMNS = ("FROM", "TO", "SERVICE", "BROKEN", "REASONS", "SNIPPET")
WIDTHS = (20, 20, 24, 8, 16, 0)  # fixed, since a stream can't wait for its widest cell
FIELDS = ("service", "from", "to", "duration_s", "reasons", "snippet")
WELL = frozenset({Status.OK, Status.DEGRADED})
FIRST_MS = 1  # the result that began an incident bears its very time
LATER_MS = 3_600_000  # but where it began with the end of maintenance, the next one will do


class Outage(NamedTuple):
    """One incident, and the snippet of the result that it began with."""

    incident: Incident
    snippet: str | None


def of(
    reader: Reader, name: str, since: int, until: int, windows: Windows = ()
) -> Iterator[Outage]:
    """The incidents of a service that fall into a span (epoch ms), whole, oldest first.

    In maintenance windows, and before they end, none begins.
    """
    changes = [*reversed(list(_before(reader, name, since)))]
    changes += reader.transitions(name, since, until, newest_first=False)
    left_out = planned.times(reader, name, Span(changes[0].at, until), windows) if changes else []
    ends = {time.end for time in left_out}
    for incident in incidents.found(planned.outside(changes, left_out), until):
        if incident.end is None or incident.end > since:
            within_ms = LATER_MS if incident.start in ends else FIRST_MS
            yield Outage(incident, _first_snippet(reader, incident, within_ms))


def record(outage: Outage) -> dict[str, object]:
    """One incident as plain JSON values; `to` is null while it lasts."""
    incident = outage.incident
    return {
        "service": incident.service,
        "from": rfc3339(incident.start),
        "to": None if incident.end is None else rfc3339(incident.end),
        "duration_s": incident.duration_ms / 1000,
        "reasons": [str(reason) for reason in incident.reasons],
        "snippet": outage.snippet,
    }


def as_table(outages: Iterable[Outage]) -> Iterator[str]:
    """A heading, and a line per incident."""
    yield pad(COLUMNS, WIDTHS) + "\n"
    for outage in outages:
        yield pad(_words(outage), WIDTHS) + "\n"


def as_json(outages: Iterable[Outage]) -> Iterator[str]:
    """A JSON array with one object a line."""
    return history.json_array(map(record, outages))


def as_csv(outages: Iterable[Outage]) -> Iterator[str]:
    """A header and a row per incident; reasons are separated by spaces."""
    yield history.csv_line(FIELDS)
    for outage in outages:
        reasons = " ".join(outage.incident.reasons)
        yield history.csv_line((record(outage) | {"reasons": reasons}).values())


FORMATS: dict[str, Callable[[Iterable[Outage]], Iterator[str]]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
}


def _before(reader: Reader, name: str, since: int) -> Iterator[Transition]:
    """The changes before a moment, newest first, back to one after which the service was well."""
    for change in reader.transitions(name, None, since):
        yield change
        if change.new in WELL:
            return


def _first_snippet(reader: Reader, incident: Incident, within_ms: int) -> str | None:
    span = (incident.start, min(incident.start + within_ms, incident.end or LATEST))
    found = reader.results(incident.service, *span, 1, newest_first=False)
    return next((result.snippet for result in found), None)


def _words(outage: Outage) -> tuple[str, ...]:
    incident = outage.incident
    return (
        _minute(incident.start),
        "lasting" if incident.end is None else _minute(incident.end),
        incident.service,
        spell(incident.duration_ms),
        ", ".join(incident.reasons) or rows.NONE,
        outage.snippet or rows.NONE,
    )


def _minute(ms: int) -> str:
    return rfc3339(ms)[:19].replace("T", " ")
