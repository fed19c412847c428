"""uvicorn's protocol for HTTP with an end to waiting: for heads, for readers, for room."""

from __future__ import annotations

import asyncio
import resource
from collections import OrderedDict
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from prober.config.access import Limits
from prober.gateway.joining import Joined
from prober.gateway.layers import HEADERS

HEAD_BYTES = 16_384  # of a head that has not ended
READ_BYTES = 65_536  # of an answer that waits have to be read within `write_time`
SPARE_FILES = 512  # for the database, the workers and whatever else prober opens
ARRIVED = "prober.arrived"
"""An extension of a request's scope: its body has come in before the application was called."""
TOO_LARGE = "The head of the request is too large."


class Door:
    """The connections that there are, and those of them that are idle, longest first.

    Where there are too many, the one that is idle the longest is closed: an attack with idle
    connections costs others at most a new one. Where all are busy, the new one is closed.
    """

    def __init__(self, limits: Limits) -> None:
        self.head_s = limits.head_time
        self.write_s = limits.write_time
        self._most = min(limits.connections, files() - SPARE_FILES - most_streams(limits))
        self._all: set[Patient] = set()
        self._idle: OrderedDict[Patient, None] = OrderedDict()

    def enter(self, connection: Patient) -> None:
        """Let a new one in, which is idle."""
        self._all.add(connection)
        self.rests(connection)
        if len(self._all) > self._most:
            next(iter(self._idle)).end()

    def rests(self, connection: Patient) -> None:
        """It waits for a request, from now on."""
        self._idle[connection] = None
        self._idle.move_to_end(connection)

    def works(self, connection: Patient) -> None:
        """It has a request."""
        self._idle.pop(connection, None)

    def leave(self, connection: Patient) -> None:
        """It is closed, or no longer speaks HTTP."""
        self._all.discard(connection)
        self._idle.pop(connection, None)


class Patient(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes
    """One connection, that is closed when a head or the reading of an answer takes too long."""

    def __init__(self, *args: Any, door: Door, **more: Any) -> None:
        super().__init__(*args, **more)
        self._door = door
        self._head: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = False
        self._write: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Expect a head."""
        super().connection_made(transport)
        self._joined = Joined(transport, self.loop)
        self._expect_head()
        self._door.enter(self)

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a head that has begun."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.transport.get_protocol() is not self:  # it is a WebSocket now
            self._forget()
        elif self._busy():
            self._stop_waiting()
            self._door.works(self)
        elif self._head_bytes > HEAD_BYTES:
            self.send_400_response(TOO_LARGE)
        elif self._head is None:
            self._expect_head()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers, which the parser tells alike, would pass for headers."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        super().on_headers_complete()
        if self.cycle is not None:  # else it is a WebSocket
            self.cycle.transport = self._joined

    def on_message_complete(self) -> None:
        """The body is whole; where that is so at once, nobody needs to watch it come in."""
        self.scope["extensions"] = {ARRIVED: {}}
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Rest, unless the next request is here already."""
        self._joined.flush()  # an answer to HEAD has no body
        super().on_response_complete()
        if not self._busy():
            self._door.rests(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        self._forget()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as every other error is answered."""
        self.transport.write(_refusal(msg))
        self.transport.close()

    def pause_writing(self) -> None:
        """The client doesn't read: wait, but not for ever."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        if self._write is not None:
            self._write.cancel()

    def end(self) -> None:
        """Close it at once, and forget what it was still to be sent."""
        self._forget()
        self.transport.abort()

    def _await_reader(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._write = self.loop.call_later(self._door.write_s, self._check_reader, waiting)

    def _check_reader(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < READ_BYTES:
            self.end()
        else:
            self._await_reader()

    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(self._door.head_s, self.end)

    def _stop_waiting(self) -> None:
        self._head_bytes = 0
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _forget(self) -> None:
        self._stop_waiting()
        if self._write is not None:
            self._write.cancel()
        self._door.leave(self)


def _refusal(message: str) -> bytes:
    body = orjson.dumps({"error": message, "status_code": HTTPStatus.BAD_REQUEST.value})
    head = "HTTP/1.1 400 Bad Request", "content-type: application/json", "connection: close"
    lines = [*head, f"content-length: {len(body)}", *(f"{n}: {v}" for n, v in HEADERS.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def most_streams(limits: Limits) -> int:
    """How many WebSockets there may be, which stand in no `Door`."""
    return min(limits.streams, files() // 3)


@cache
def files() -> int:
    """How many files prober may open, after asking for as many as it is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)
