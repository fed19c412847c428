"""Read one answer of HTTP/1 as it comes in, and find broken what libcurl finds broken.

What libcurl takes of a broken answer is taken here, too, and its limits, codes and words are the
same, so that a service's verdict doesn't depend on who asks. Two things are stricter: `http/1.1`
in small letters and `HTTP/2.0` on a plain connection, which libcurl takes for a 200.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pycurl

from prober.probes.faults import E_TOO_LARGE

LONGEST_LINE = 102_400
LONGEST_TRAILER = 4096
LONGEST_HEAD = 307_200  # interim answers and trailers included
MOST_HEADERS = 5000
LARGEST = 2**63 - 1  # of a length that libcurl can count
LONGEST_SIZE = 17  # digits

STATUS = re.compile(rb"HTTP/1\.([01])[ \t](\d{3})")
LENGTHS = re.compile(rb"\d+(?:[ \t]*,[ \t]*\d+)*")
DIGITS = b"0123456789abcdefABCDEF"

SWITCHING, NO_CONTENT, NOT_MODIFIED = 101, 204, 304
BODILESS = frozenset({NO_CONTENT, NOT_MODIFIED})


class Broken(Exception):
    """An answer that breaks the rules, or ends too early: libcurl's code for it, and its text."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Answer:
    """What has come of one answer.

    `code` is that of the last status line, interim ones included, or None; `version` ("1.1") is
    None until a status line has been understood. Once it is `whole`, `keeps` says that its
    connection may be used again, `cut` that the body goes on behind the limit, and `leads_on` that
    it is a redirect to be followed, of which nothing but the head is read.
    """

    __slots__ = (
        "_body_limit",
        "_buffer",
        "_chunked",
        "_chunks",
        "_closes",
        "_follows",
        "_head_size",
        "_headers",
        "_is_bodiless",
        "_left",
        "_length",
        "_line",
        "_located",
        "_size",
        "_step",
        "_unbounded",
        "code",
        "cut",
        "keeps",
        "leads_on",
        "version",
        "whole",
    )

    def __init__(self, is_bodiless: bool, follows: bool, body_limit: int) -> None:
        self._is_bodiless = is_bodiless
        self._follows = follows
        self._body_limit = body_limit
        self._buffer = b""
        self._chunks: list[bytes] = []
        self._size = self._left = self._head_size = self._headers = 0
        self._line = b""  # a header, until the next line shows that it isn't continued
        self._length: int | None = None
        self._chunked = self._closes = self._located = self._unbounded = False
        # A plain function: a bound method would make a cycle.
        self._step: Callable[[Answer], bool] = Answer._status
        self.code: int | None = None
        self.version: str | None = None
        self.whole = self.keeps = self.cut = self.leads_on = False

    def body(self) -> bytes:
        """What has come of the body, up to the limit."""
        return b"".join(self._chunks)[: self._body_limit]

    def feed(self, data: bytes) -> None:
        """Take what came in. Raises Broken."""
        self._buffer = self._buffer + data if self._buffer else data
        while not self.whole and self._step(self):
            pass
        if self.whole and self._buffer:
            self.keeps = False  # who sends more than was asked for can't be trusted with the next

    def end(self) -> None:
        """Take notice that the connection was closed in good order. Raises Broken."""
        if self.whole:
            return
        if self._step in (Answer._status, Answer._header):
            self._end_in_head()
        elif self._step is not Answer._rest:
            raise Broken(pycurl.E_PARTIAL_FILE)
        elif self.code == SWITCHING and not self._size:
            raise Broken(pycurl.E_GOT_NOTHING)
        self.whole, self.keeps = True, False

    def _end_in_head(self) -> None:
        if self._step is Answer._status:
            raise Broken(pycurl.E_GOT_NOTHING)
        if self._is_interim():
            raise Broken(pycurl.E_GOT_NOTHING)
        if not self._has_no_body() and (self._length or self._chunked):
            raise Broken(pycurl.E_PARTIAL_FILE)

    def _next_line(self, longest: int = LONGEST_LINE) -> bytes | None:
        """The next line with its end, or None where it hasn't come yet."""
        line, feed, rest = self._buffer.partition(b"\n")
        if len(line) + 1 >= longest:
            raise Broken(E_TOO_LARGE, "A value or data field grew larger than allowed")
        if not feed:
            return None
        self._buffer = rest
        self._head_size += len(line) + 1
        if self._head_size > LONGEST_HEAD:
            said = f"Too large response headers: {self._head_size} > {LONGEST_HEAD}"
            raise Broken(pycurl.E_RECV_ERROR, said)
        return line + feed

    def _status(self) -> bool:
        start = self._buffer[:5]
        if start != b"HTTP/"[: len(start)] or b"\n" in start:
            raise Broken(pycurl.E_UNSUPPORTED_PROTOCOL, "Received HTTP/0.9 when not allowed")
        line = self._next_line()
        if line is None:
            return False
        found = STATUS.match(line)
        if found is None:
            version = "HTTP/1 subversion" if line[5:6] == b"1" else "HTTP version"
            raise Broken(pycurl.E_UNSUPPORTED_PROTOCOL, f"Unsupported {version} in response")
        self.code = int(found[2]) or None
        if b"\0" in line:
            raise Broken(pycurl.E_FTP_WEIRD_SERVER_REPLY, "NUL byte in header")
        self.version = f"1.{found[1].decode()}"
        if self.code is None or self.code < 100:
            said = "Unsupported response code in HTTP response"
            raise Broken(pycurl.E_UNSUPPORTED_PROTOCOL, said)
        self._step = Answer._header
        return True

    def _header(self) -> bool:
        line = self._next_line()
        if line is None:
            return False
        if self._line and line[0] in b" \t":
            self._line = self._line.rstrip(b"\r\n") + line
            if len(self._line) >= LONGEST_LINE:
                raise Broken(E_TOO_LARGE, "A value or data field grew larger than allowed")
            return True
        if self._line:
            self._heed(*self._read(self._line))
        self._line = line
        if line[0] in b"\r\n":
            self._line = b""
            self._begin_body()
        return True

    def _read(self, line: bytes) -> tuple[bytes, bytes]:
        """The name of a header in small letters, and its value."""
        self._headers += 1
        if self._headers > MOST_HEADERS:
            said = f"Too many response headers, {MOST_HEADERS} is max"
            raise Broken(pycurl.E_RECV_ERROR, said)
        if b"\0" in line:
            raise Broken(pycurl.E_FTP_WEIRD_SERVER_REPLY, "NUL byte in header")
        text = line[:-1].removesuffix(b"\r")
        if b"\r" in text:
            raise Broken(pycurl.E_FTP_WEIRD_SERVER_REPLY, "Carriage return found in header")
        name, colon, value = text.partition(b":")
        if not colon:
            raise Broken(pycurl.E_FTP_WEIRD_SERVER_REPLY, "Header without colon")
        return name.lower(), value.strip()

    def _heed(self, name: bytes, value: bytes) -> None:
        heed = HEEDED.get(name)
        if heed is not None:
            heed(self, value)

    def _note_length(self, value: bytes) -> None:
        if self.code in BODILESS:
            return
        lengths = set(map(_number, value.split(b","))) if LENGTHS.fullmatch(value) else set()
        if any(length > LARGEST for length in lengths):
            self._unbounded = True  # what can't be counted ends with its connection
            return
        if self._length is not None:
            lengths.add(self._length)
        if not value or len(lengths) != 1 or not LENGTHS.fullmatch(value):
            raise Broken(pycurl.E_FTP_WEIRD_SERVER_REPLY, "Invalid Content-Length: value")
        self._length = lengths.pop()

    def _note_encoding(self, value: bytes) -> None:
        if self._has_no_body():
            return
        for coding in filter(None, map(bytes.strip, value.split(b","))):
            name = coding.lower()
            if name == b"chunked":
                self._chunked = True
            elif name != b"identity":
                shown = coding.decode("latin-1")
                said = f"Unsolicited Transfer-Encoding ({shown}) found"
                if self._chunked:
                    said = f"A Transfer-Encoding ({shown}) was listed after chunked"
                raise Broken(pycurl.E_BAD_CONTENT_ENCODING, said)

    def _note_connection(self, value: bytes) -> None:
        self._closes = self._closes or b"close" in value.lower()

    def _note_location(self, value: bytes) -> None:
        self._located = bool(value)

    def _is_interim(self) -> bool:
        return self.code is not None and self.code < 200 and self.code != SWITCHING

    def _has_no_body(self) -> bool:
        return self._is_bodiless or self.code in BODILESS

    def _begin_body(self) -> None:
        if self._is_interim():
            self._length, self._chunked, self._located = None, False, False
            self._closes = self._unbounded = False
            self._step = Answer._status
        elif self._located and self._follows and 300 <= (self.code or 0) < 400:
            self.whole = self.leads_on = True
        elif self.code == SWITCHING:
            self._step = Answer._rest
        elif self._has_no_body() or (self._length == 0 and not self._chunked):
            self._finish()
        else:
            self._step = self._body_step()

    def _body_step(self) -> Callable[[Answer], bool]:
        if self._chunked:
            return Answer._chunk_size
        if self._length is None or self._unbounded:
            return Answer._rest
        self._left = self._length
        return Answer._sized

    def _finish(self) -> None:
        self.whole = True
        self.keeps = self.version == "1.1" and not (self._closes or self._unbounded)

    def _take(self, data: bytes) -> None:
        self._chunks.append(data)
        self._size += len(data)
        if self._size > self._body_limit:
            self.whole = self.cut = True

    def _rest(self) -> bool:
        self._take(self._buffer)
        self._buffer = b""
        return False

    def _sized(self) -> bool:
        self._take_left()
        if not self._left and not self.whole:
            self._finish()
        return False

    def _take_left(self) -> None:
        data = self._buffer[: self._left]
        self._buffer = self._buffer[self._left :]
        self._left -= len(data)
        self._take(data)

    def _chunk_size(self) -> bool:
        digits = self._buffer[: len(self._buffer) - len(self._buffer.lstrip(DIGITS))]
        if len(digits) > LONGEST_SIZE:
            said = f"chunk hex-length longer than {LONGEST_SIZE}"
            raise Broken(pycurl.E_RECV_ERROR, said)
        if not digits and self._buffer:
            said = f"chunk hex-length char not a hex digit: 0x{self._buffer[0]:x}"
            raise Broken(pycurl.E_RECV_ERROR, said)
        extension, feed, rest = self._buffer.partition(b"\n")
        if not feed:
            self._buffer = extension[: 2 * LONGEST_SIZE]  # extensions may go on for ever
            return False
        self._buffer = rest
        self._left = int(digits, 16)
        if self._left > LARGEST:
            raise Broken(pycurl.E_RECV_ERROR, f"invalid chunk size: '{digits.decode()}'")
        self._step = Answer._chunk if self._left else Answer._trailer
        return True

    def _chunk(self) -> bool:
        self._take_left()
        if self._left:
            return False
        self._step = Answer._chunk_end
        return True

    def _chunk_end(self) -> bool:
        if self._buffer in (b"", b"\r"):
            return False
        if not self._buffer.startswith((b"\n", b"\r\n")):
            said = "Malformed encoding found in chunked-encoding"
            raise Broken(pycurl.E_RECV_ERROR, said)
        self._buffer = self._buffer.partition(b"\n")[2]
        self._step = Answer._chunk_size
        return True

    def _trailer(self) -> bool:
        line = self._next_line(LONGEST_TRAILER)
        if line is None:
            return False
        if line in (b"\n", b"\r\n"):
            self._finish()
        else:
            self._read(line)
        return True


HEEDED: dict[bytes, Callable[[Answer, bytes], None]] = {
    b"content-length": Answer._note_length,
    b"transfer-encoding": Answer._note_encoding,
    b"connection": Answer._note_connection,
    b"location": Answer._note_location,
}


def _number(digits: bytes) -> int:
    # Python refuses to read thousands of digits.
    significant = digits.strip().lstrip(b"0") or b"0"
    return int(significant) if len(significant) <= len(str(LARGEST)) else LARGEST + 1
