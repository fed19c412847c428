"""What an answer must be, beyond its status code, to mean that a service is well."""

from __future__ import annotations

from re import Pattern
from typing import NamedTuple


class Expectation(NamedTuple):
    """Conditions that all must hold; what is empty holds always.

    `versions` are those of HTTP, like "1.1" and "2". Patterns are searched for, anywhere in the
    body or in the value of the header that stands beside them. `json` is a CEL expression over
    `body`, the parsed body.
    """

    versions: tuple[str, ...] = ()
    body_matches: tuple[Pattern[str], ...] = ()
    body_not_matches: tuple[Pattern[str], ...] = ()
    headers_match: tuple[tuple[str, Pattern[str]], ...] = ()
    headers_not_match: tuple[tuple[str, Pattern[str]], ...] = ()
    json: str | None = None


ANYTHING = Expectation()
