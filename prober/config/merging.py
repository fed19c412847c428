"""Merge the mappings of several files into one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

from prober.config.nodes import Listing, Loc, Mapping, Node, Place, is_null, plain, problem
from prober.errors import Problem

JOINED = (("services",), ("maintenance",))
"""Where the lists of all files are one list."""


def merge(roots: Iterable[Mapping], problems: list[Problem]) -> Mapping:
    """One mapping of all: mappings merge deeply, lists of services and of windows are joined.

    A value that two files give differently goes to `problems` with both places.
    """
    found = list(roots) or [Mapping(Place("", 1), {})]
    return reduce(lambda first, second: _mapping(first, second, (), problems), found)


def _mapping(first: Mapping, second: Mapping, loc: Loc, problems: list[Problem]) -> Mapping:
    entries = dict(first.entries)
    for key, value in second.entries.items():
        there = entries.get(key)
        entries[key] = value if there is None else _both(there, value, (*loc, key), problems)
    return replace(first, entries=entries)


def _both(first: Node, second: Node, loc: Loc, problems: list[Problem]) -> Node:
    match first, second:
        case Mapping(), Mapping():
            return _mapping(first, second, loc, problems)
        case Listing(), Listing() if loc in JOINED:
            return replace(first, items=first.items + second.items)
    if is_null(first) or is_null(second):
        return second if is_null(first) else first
    if plain(first) != plain(second):
        problems.append(problem(second, loc, f"is set differently in {first.place}; remove one"))
    return first
