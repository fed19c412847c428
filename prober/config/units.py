"""Durations and sizes as people write them, like 300ms, 1m30s and 64KiB."""

from __future__ import annotations

import re
from decimal import Decimal

DURATION_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
YEAR_MS = 365 * DURATION_MS["d"]
SIZE_BYTES = {
    "": 1,
    "B": 1,
    "kB": 1000,
    "KiB": 1024,
    "MB": 1000**2,
    "MiB": 1024**2,
    "GB": 1000**3,
    "GiB": 1024**3,
}

DURATION = r"([0-9]+(\.[0-9]+)?(ms|s|m|h|d|y))+"
SIZE = r"([0-9]{1,15}) *(B|kB|KiB|MB|MiB|GB|GiB)?"
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|y)")
_READ_MS = DURATION_MS | {"y": YEAR_MS}


def seconds(text: str) -> float:
    """The seconds of a duration like "5s", "300ms", "1.5h", "1m30s" or "2y" (of 365 days each).

    Raises ValueError, with what to write instead, where it is none.
    """
    if not re.fullmatch(DURATION, text):
        raise ValueError("is not a duration; write 5s, 5m or 1h")
    ms = sum(Decimal(number) * _READ_MS[unit] for number, unit in _PART.findall(text))
    return float(ms / 1000)


def duration(seconds_: float) -> str:
    """A duration in the largest unit that needs no fraction, to the millisecond."""
    ms = round(seconds_ * 1000)
    unit = max((u for u in DURATION_MS if ms % DURATION_MS[u] == 0), key=DURATION_MS.__getitem__)
    return f"{ms // DURATION_MS[unit]}{unit}" if ms else "0s"


def size(text: str) -> int:
    """The bytes of a size like "65536", "64KiB" or "1MB".

    Raises ValueError, with what to write instead, where it is none.
    """
    found = re.fullmatch(SIZE, text)
    if found is None:
        raise ValueError("is not a size; write 65536, 64KiB or 1MiB")
    return int(found[1]) * SIZE_BYTES[found[2] or ""]
