"""YAML values that remember where they stand and how they were written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prober.config import masking
from prober.errors import Problem

Loc = tuple[str | int, ...]
"""Where a value stands in the tree: keys and indices from the root, like ("services", 3, "url")."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line (from 1) of a file, which is named as the user named it."""

    file: str
    line: int

    @property
    def folder(self) -> Path:
        return Path(self.file).parent

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. All that is not null is text: the key it stands under says what it must mean.

    `written` is the text of the file, which people may be shown; `text` has its references
    replaced, and `shown` as well, but with secrets masked. `plain` is YAML's word for unquoted.
    """

    place: Place
    written: str
    text: str | None
    shown: str | None
    plain: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A YAML sequence."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A YAML mapping with its keys in order; the place of a value in it is the line of its key."""

    place: Place
    entries: dict[str, Node]


Node = Scalar | Listing | Mapping
Plain = str | list["Plain"] | dict[str, "Plain"] | None


def plain(node: Node) -> Plain:
    """The bare value under `node`: text, None, lists and dicts."""
    match node:
        case Scalar():
            return node.text
        case Listing():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(value) for key, value in node.entries.items()}


def is_null(node: Node) -> bool:
    """Whether nothing is written there."""
    return isinstance(node, Scalar) and node.text is None


def at(node: Node, loc: Iterable[str | int]) -> Node:
    """The node at `loc` below `node`, or the nearest one above it that exists."""
    for step in loc:
        match node, step:
            case Mapping(entries=entries), str() if step in entries:
                node = entries[step]
            case Listing(items=items), int() if step < len(items):
                node = items[step]
            case _:
                break
    return node


def dotted(loc: Loc) -> str:
    """`loc` as people write it, like "services[3].url"."""
    return "".join(map(_step, loc)).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isprintable() else f".{step!r}"


def problem(node: Node, loc: Loc, message: str) -> Problem:
    """A problem of the value `node`, which stands at `loc`."""
    return Problem(dotted(loc), message, node.place.file, node.place.line)


def subject(node: Node) -> str:
    """What to call a value in a message: never more than the file itself shows."""
    match node:
        case Scalar(text=None):
            return "an empty value"
        case Scalar():
            shown = masking.url(node.written)
            return repr(shown if len(shown) <= 80 else f"{shown[:79]}…")
        case Listing():
            return "a list"
        case Mapping():
            return "a mapping"
