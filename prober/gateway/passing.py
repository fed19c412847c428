"""What of a request and of its answer is passed on: pure functions over raw headers and paths.

Hop-by-hop headers are those of RFC 9110, section 7.6.1, and whatever Connection names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote_to_bytes

Header = tuple[bytes, bytes]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# What the caller says of these is not trusted, or is about its own connection to prober.
OWN = frozenset(
    {
        b"expect",
        b"forwarded",
        b"host",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-forwarded-server",
        b"x-real-ip",
    }
)
ANSWER_OWN = frozenset({b"date"})  # the server of the gateway adds its own

_TARGET = re.compile(rb"[\x21-\x22\x24-\x7e]+")


class Unfit(Exception):
    """The request is none that may be passed on; the text says why."""


def request_headers(
    headers: Sequence[Header], secrets: frozenset[bytes], added: Mapping[str, str]
) -> list[Header]:
    """The headers to send: the caller's without `secrets`, then those that are `added`.

    Names in `headers` and `secrets` are in small letters. What is added replaces the caller's.
    """
    extra = [(name.encode(), value.encode()) for name, value in added.items()]
    left = OWN | secrets | {name.lower() for name, _ in extra}
    return [*_end_to_end(headers, left), *extra]


def answer_headers(headers: Sequence[Header]) -> list[Header]:
    """The headers of an answer to send back."""
    return list(_end_to_end(headers, ANSWER_OWN))


def framing(headers: Iterable[Header]) -> tuple[bool, int | None]:
    """Whether a request has a body, and its length where that is said.

    Raises Unfit where it is said in two ways, which two servers may understand differently.
    """
    lengths = [value for name, value in headers if name == b"content-length"]
    encodings = [value for name, value in headers if name == b"transfer-encoding"]
    if len(lengths) + len(encodings) > 1:
        raise Unfit("the length of the body is said twice")
    if encodings and encodings[0].lower() != b"chunked":
        raise Unfit("the body has a transfer encoding other than chunked")
    if lengths and not lengths[0].isdigit():
        raise Unfit("the length of the body is no number")
    length = int(lengths[0]) if lengths else None
    return bool(encodings or length), length


def check_part(text: str) -> str:
    """A part of a path that a parameter took; raises Unfit where it leads elsewhere.

    It is looked at as it is and as often decoded as it can be, since who is asked may do so too.
    """
    raw = text.encode("latin-1")
    while True:
        if any(segment in (b".", b"..") for segment in re.split(rb"[/\\;]", raw)):
            raise Unfit("the path leads upwards")
        if any(byte < 0x20 or byte == 0x7F for byte in raw):
            raise Unfit("the path holds a control character")
        decoded = unquote_to_bytes(raw)
        if decoded == raw:
            return text
        raw = decoded


def check_target(path: str, query: bytes) -> bytes:
    """The target of a request; `path` may hold a query of its own. Raises Unfit."""
    fixed, _, own = path.partition("?")
    both = b"&".join(part for part in (own.encode(), query) if part)
    target = fixed.encode("latin-1") + (b"?" + both if both else b"")
    if not _TARGET.fullmatch(target):
        raise Unfit("the path or query holds a character that no url may hold")
    return target


def _end_to_end(headers: Sequence[Header], left: frozenset[bytes]) -> Iterator[Header]:
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }
    for name, value in headers:
        if name.lower() not in HOP_BY_HOP | left | named:
            yield name.lower(), value.strip(b" \t")  # which is no part of it (RFC 9110, 5.5)
