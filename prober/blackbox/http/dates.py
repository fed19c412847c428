"""Read the dates of HTTP and of its cookies, as strictly and as kindly as Go reads them."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Sequence
from datetime import datetime

_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:[.,][0-9]+)?"
_ZONE = "[A-Z]{3,5}"
_ANY_ZONE = rf"(?:{_ZONE}|[+-][0-9]{{2}}|[+-]0+)"  # taken for UTC, whatever it is
_YEAR = r"(?P<year>[0-9]{4})"
_SHORT_YEAR = r"(?P<year>[0-9]{2})"

FORMATS = tuple(
    re.compile(text)
    for text in (
        rf"(?i:{_DAY}), (?P<day>[0-9]{{2}}) (?i:{_MONTH}) {_YEAR} {_TIME} GMT",
        rf"(?i:{_LONG_DAY}), (?P<day>[0-9]{{2}})-(?i:{_MONTH})-{_SHORT_YEAR} {_TIME} {_ZONE}",
        rf"(?i:{_DAY}) (?i:{_MONTH}) +(?P<day>[0-9]{{1,2}}) {_TIME} {_YEAR}",
    )
)
COOKIE_FORMATS = tuple(
    re.compile(
        rf"(?i:{_DAY}), (?P<day>[0-9]{{2}}){gap}(?i:{_MONTH}){gap}{_YEAR} {_TIME} {_ANY_ZONE}"
    )
    for gap in " -"
)


def epoch_s(text: str, formats: Sequence[re.Pattern[str]] = FORMATS) -> int | None:
    """The time that a text tells in epoch seconds, or None where it is in none of the formats."""
    for form in formats:
        if found := form.fullmatch(text):
            return _epoch_s(found)
    return None


def _epoch_s(found: re.Match[str]) -> int | None:
    year = int(found["year"])
    if len(found["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    month = _MONTHS.index(found["month"].lower()) + 1
    clock = int(found["hour"]), int(found["minute"]), int(found["second"])
    if year == 0 or (found["day"].startswith("0") and int(found["day"]) == 0):
        return None
    try:
        return timegm(datetime(year, month, int(found["day"]), *clock).timetuple())
    except ValueError:
        return None
