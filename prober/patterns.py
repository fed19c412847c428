"""Regular expressions of RE2: blackbox_exporter's own kind, and linear in time on hostile input.

The only importer of re2.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Protocol, cast

import re2


class BadPattern(ValueError):
    """A text is no regular expression; the message says why."""


class Match(Protocol):
    """Where a pattern was found."""

    def group(self, number: int = 0) -> bytes | None:
        """The bytes of a group, or None where it has none; 0 is all that matched."""


class Pattern(Protocol):
    """A compiled pattern over bytes."""

    groups: int
    groupindex: Mapping[bytes, int]

    def search(self, data: bytes) -> Match | None:
        """The first place where it is found, or None."""


@functools.lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """The pattern that a text stands for. Raises `BadPattern`."""
    options = re2.Options()
    options.log_errors = False  # re2 would write them to stderr, beside our own message
    try:
        return cast(Pattern, re2.compile(text.encode(), options))
    except re2.error as error:
        why = error.args[0]
        raise BadPattern(why.decode() if isinstance(why, bytes) else str(why)) from error


_INVALID = re.compile("[\udc80-\udcff]")


def legible(data: bytes) -> bytes:
    """The data with U+FFFD in place of each byte that is no UTF-8, as Go's patterns see it."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return _INVALID.sub("\ufffd", data.decode(errors="surrogateescape")).encode()
    return data
