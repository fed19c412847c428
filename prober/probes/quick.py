"""Read the answers that break no rule and come in one piece, which nearly all do."""

from __future__ import annotations

import httptools

START, END = b"HTTP/1.1 ", b"\r\n\r\n"
LONGEST = 16_384  # far below every limit of an answer's head
DELICATE = frozenset({*range(200), *range(300, 400)})  # interim answers and redirects


class Quick:
    """Reads one such answer after the other on a connection, by httptools.

    Once it has declined anything it is of no more use.
    """

    __slots__ = ("_chunks", "_complete", "_keeps", "_parser")

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._complete = 0
        self._keeps = False

    def read(self, data: bytes, longest_body: int) -> tuple[int, bytes] | None:
        """The code and body of an answer that is whole, and keeps its connection open.

        None for all others: what is odd, broken, chunked, a redirect or not whole, or goes on
        behind its end, is for `parsing`.
        """
        if len(data) > LONGEST or not data.startswith(START) or b"\0" in data:
            return None
        self._chunks = []
        self._complete = 0
        parser = self._parser
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            return None
        code = parser.get_status_code()
        if self._complete != 1 or not self._keeps or code in DELICATE:
            return None
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        # All behind the first head must be body: no second answer, and no chunks, which are left to
        # `parsing`, since httptools takes any coding before them.
        if len(body) > longest_body or data.find(END) + len(END) + len(body) != len(data):
            return None
        return code, body

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._complete += 1
        self._keeps = self._parser.should_keep_alive()  # afterwards it says something else
