"""Turn the start of a body into a short line of safe text."""

from __future__ import annotations

import codecs
import functools

LIMIT = 100  # characters
LONGEST_MESSAGE = 300


def snippet(body: bytes) -> str:
    r"""The first characters of a body as printable text, at most `LIMIT` of them.

    Bytes that are not UTF-8 become U+FFFD. What is not printable (control and format characters,
    line and paragraph separators) is written as an escape like \n, \x1b or \u202e, and never cut
    in half.
    """
    # A character takes four bytes at most, so the rest need not be decoded.
    start = body[: 4 * LIMIT]
    return _line(start, len(start) == len(body))


@functools.lru_cache(maxsize=4096)  # a service says the same again and again
def _line(start: bytes, is_whole: bool) -> str:
    # An incremental decoder keeps back a character that was cut in half, where decode() would
    # replace it.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(start, is_whole)
    return printable(text, LIMIT)


def printable(text: str, limit: int) -> str:
    """At most `limit` characters that say what `text` says at its start, escaped as above."""
    text = text[:limit]
    return text if text.isprintable() else _escaped(text, limit)


def _escaped(text: str, room: int) -> str:
    pieces: list[str] = []
    for character in text:
        piece = character if character.isprintable() else _escape(character)
        room -= len(piece)
        if room < 0:
            break
        pieces.append(piece)
    return "".join(pieces)


def _escape(character: str) -> str:
    # unicode_escape writes characters from U+00A0 on as \xNN and \uNNNN, like the ones below it.
    return character.encode("unicode_escape").decode("ascii")
