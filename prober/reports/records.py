"""A result as a flat record that loses nothing, and such a record as the result again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from prober.model import Outcome, Phase, Reason, Result
from prober.reports.times import EPOCH, LATEST, MILLISECOND, rfc3339
from prober.status import STATUS_AFTER

COLUMNS = (
    "service",
    "checked_at",
    "status",
    "outcome",
    "http_code",
    "latency_ms",
    "endpoint_ok",
    "snippet",
    "reason",
    "phase",
    "stalled",
)
NEEDED = ("service", "checked_at", "outcome")
LARGEST_CODE = 2**31 - 1  # what a column of either database holds
LONGEST_MS = 1e12
SHOWN = 40  # characters of a wrong value

Word = TypeVar("Word", bound=StrEnum)


class Wrong(ValueError):
    """A value can't be what its column wants; the message says why, and what to write."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def record(result: Result) -> dict[str, object]:
    """What is stored of a result, as plain JSON values keyed by `COLUMNS` in their order.

    `checked_at` is RFC 3339 with milliseconds, `latency_ms` exact to the microsecond. `status` is
    told for readers: it follows from `outcome`.
    """
    return {
        "service": result.service,
        "checked_at": rfc3339(result.checked_at),
        "status": STATUS_AFTER[result.outcome].value,
        "outcome": result.outcome.value,
        "http_code": result.http_code,
        "latency_ms": result.latency_ms,
        "endpoint_ok": result.endpoint_ok,
        "snippet": result.snippet,
        "reason": result.reason and result.reason.value,
        "phase": result.phase and result.phase.value,
        "stalled": result.stalled,
    }


def result(values: Mapping[str, object], latest_ms: int = LATEST) -> Result:
    """The result that a record tells; other keys than `COLUMNS` are left alone.

    Numbers, moments and flags may be texts, as CSV has them. No result is later than `latest_ms`.
    Raises `Wrong`.
    """
    for column in NEEDED:
        if values.get(column) in (None, ""):
            raise Wrong(column, "is missing, and each row needs one")
    read: dict[str, Any] = {
        column: _read(column, values[column]) for column in PARSERS.keys() & values.keys()
    }
    found = Result(**read)
    if found.checked_at > latest_ms:
        raise Wrong("checked_at", f"{rfc3339(found.checked_at)} lies in the future; correct it")
    return found


def _read(column: str, value: object) -> object:
    try:
        return None if value is None and column != "stalled" else PARSERS[column](value)
    except (ValueError, TypeError, OverflowError):
        shown = str(value)
        shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
        raise Wrong(column, f"{shown!r} is not {WANTED[column]}") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


def _moment(value: object) -> int:
    stamp = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(stamp, datetime):
        raise TypeError
    aware = stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    ms = (aware - EPOCH) // MILLISECOND
    if not 0 <= ms <= LATEST:
        raise ValueError
    return ms


def _code(value: object) -> int:
    number = int(value) if isinstance(value, str | int) else -1
    if isinstance(value, bool) or not 0 <= number <= LARGEST_CODE:
        raise ValueError
    return number


def _ms(value: object) -> float:
    number = float(value) if isinstance(value, str | int | float) else math.nan
    if isinstance(value, bool) or not 0 <= number <= LONGEST_MS:
        raise ValueError
    return round(number * 1000) / 1000  # as it is stored, in whole microseconds


FLAGS: dict[object, bool] = {True: True, False: False, "true": True, "false": False, None: False}


def _flag(value: object) -> bool:
    if value not in FLAGS:
        raise ValueError
    return FLAGS[value]


PARSERS: dict[str, Callable[[Any], object]] = {
    "service": _text,
    "checked_at": _moment,
    "outcome": Outcome,
    "http_code": _code,
    "latency_ms": _ms,
    "endpoint_ok": _text,
    "snippet": _text,
    "reason": Reason,
    "phase": Phase,
    "stalled": _flag,
}


def _one_of(words: type[Word]) -> str:
    return f"one of {', '.join(words)}"


WANTED = {
    "service": "a name; write text without NUL",
    "checked_at": "a time; write it like 2026-11-22T15:00:00.123Z",
    "outcome": _one_of(Outcome),
    "http_code": "a status code; write a whole number like 200, or nothing",
    "latency_ms": "a latency; write milliseconds like 12.345, or nothing",
    "endpoint_ok": "a path; write text without NUL, or nothing",
    "snippet": "a snippet; write text without NUL, or nothing",
    "reason": f"{_one_of(Reason)}, or nothing",
    "phase": f"{_one_of(Phase)}, or nothing",
    "stalled": "true or false",
}
