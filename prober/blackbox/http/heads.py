"""The head of an HTTP/1 answer, as Go's net/http reads it: what is an error there is one here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from prober.blackbox.http.incoming import Incoming, TooLong

HEAD_LIMIT = 10 << 20
MOST_INTERIM = 5
SWITCHING = 101

_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_STATUS = re.compile(rb"\+[0-9]{2}|[0-9]{3}|-00")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BLANK = b" \t"

Headers = Mapping[str, list[str]]
"""Headers by name, in canonical spelling; each has all of its values."""


class Malformed(Exception):
    """An answer is not HTTP as it must be; the message says where."""


class Head(NamedTuple):
    """The head of an answer: `proto` is like "HTTP/1.1"."""

    proto: str
    status: int
    headers: dict[str, list[str]]

    def first(self, name: str) -> str:
        """The first value of a header in canonical spelling, or an empty text."""
        return self.headers.get(name, [""])[0]

    @property
    def version(self) -> tuple[int, int]:
        """The version of HTTP in numbers."""
        return int(self.proto[5]), int(self.proto[7])


async def read(incoming: Incoming) -> Head:
    """The head of the final answer; interim ones are passed over. Raises `Malformed`, OSError."""
    for _ in range(MOST_INTERIM + 1):
        head = await one(incoming)
        if not 100 <= head.status <= 199 or head.status == SWITCHING:
            return head
    raise Malformed("too many interim answers")


def canonical(name: str) -> str:
    """A header's name as Go spells it, "Content-Type"; one that is no token stays as it is."""
    if not _TOKEN.fullmatch(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def names(values: list[str], token: str) -> bool:
    """Whether a list of values, each separated by commas, holds a token."""
    found = (part.strip(" \t").lower() for value in values for part in value.split(","))
    return token in found


def upgrades(head: Head) -> bool:
    """Whether a head speaks of another protocol that follows."""
    return bool(head.first("Upgrade")) and names(head.headers.get("Connection", []), "upgrade")


async def one(incoming: Incoming) -> Head:
    """The next head, whether it is final or not. Raises `Malformed`, OSError."""
    left = _Budget(incoming)
    proto, status = _first_line(await left.line())
    if (await incoming.peek(1)) in {b" ", b"\t"}:
        raise Malformed("the first header is indented")
    headers: dict[str, list[str]] = {}
    while line := await left.folded():
        name, colon, value = line.partition(b":")
        if not colon:
            raise Malformed(f"a header without a colon: {_shown(line)}")
        key = canonical(name.decode("latin-1"))
        if key:
            headers.setdefault(key, []).append(_text(value.lstrip(_BLANK)))
    if headers.get("Pragma", [""])[0] == "no-cache":  # what HTTP/1.0 had of it
        headers.setdefault("Cache-Control", ["no-cache"])
    return Head(proto, status, headers)


class _Budget:
    """Reads lines until the head is too large."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._left = HEAD_LIMIT

    async def line(self) -> bytes:
        try:
            raw = await self._incoming.line(self._left)
        except TooLong:
            raise Malformed(f"a head of more than {HEAD_LIMIT} bytes") from None
        self._left -= len(raw)
        if not raw:
            raise Malformed("the connection ended within the head")
        return raw.removesuffix(b"\n").removesuffix(b"\r") if raw[-1:] == b"\n" else raw

    async def folded(self) -> bytes:
        """A line with those that continue it; an empty one ends the head."""
        line = await self.line()
        if not line:
            return b""
        if b":" not in line:
            raise Malformed(f"a header without a colon: {_shown(line)}")
        line = line.strip(_BLANK)
        while (await self._incoming.peek(1)) in {b" ", b"\t"}:
            line += b" " + (await self.line()).strip(_BLANK)
        return line


def _first_line(line: bytes) -> tuple[str, int]:
    proto, space, rest = line.partition(b" ")
    status = rest.lstrip(b" ").partition(b" ")[0]
    if not space:
        raise Malformed(f"no HTTP: {_shown(line)}")
    if not _STATUS.fullmatch(status):
        raise Malformed(f"{_shown(status)} is no status code")
    if not _VERSION.fullmatch(proto):
        raise Malformed(f"{_shown(proto)} is no version of HTTP")
    return proto.decode(), int(status)


def _text(value: bytes) -> str:
    return value.decode(errors="surrogateescape")


def _shown(raw: bytes) -> str:
    return repr(raw[:80])[1:]
