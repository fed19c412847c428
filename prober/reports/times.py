"""Moments as people and programs write them: RFC 3339, dates, epoch milliseconds, time ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from prober.config import units

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAIVE_EPOCH = datetime(1970, 1, 1)  # a quarter quicker to write down
MILLISECOND = timedelta(milliseconds=1)
LATEST = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // MILLISECOND
LONGEST = 40  # characters: no moment needs more, and a number of any length costs time


def rfc3339(ms: int) -> str:
    """Epoch milliseconds as "2026-11-22T15:00:00.123Z"."""
    return (NAIVE_EPOCH + ms * MILLISECOND).isoformat(timespec="milliseconds") + "Z"


def moment(text: str, now_ms: int) -> int:
    """Epoch milliseconds of what `text` names, never below 0; `now_ms` is the present.

    Takes a time ago ("90s", "24h", "7d", "1d12h"), RFC 3339, a date (its midnight) or epoch
    milliseconds; without an offset, UTC is meant. Raises ValueError with a remedy.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise _no_moment(f"{text[:LONGEST]}…")
    if re.fullmatch(units.DURATION, text):
        return max(0, now_ms - round(units.seconds(text) * 1000))
    ms = int(text) if re.fullmatch("[0-9]+", text) else _timestamp_ms(text)
    if not 0 <= ms <= LATEST:
        raise ValueError(f"{text!r} lies outside the years 1970 to 9999; write a time in between")
    return ms


def _timestamp_ms(text: str) -> int:
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        raise _no_moment(text) from None
    aware = stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    return (aware - EPOCH) // MILLISECOND


def _no_moment(text: str) -> ValueError:
    return ValueError(f"{text!r} is not a time; write 24h, 7d, 2026-11-22 or 2026-11-22T15:00:00Z")
