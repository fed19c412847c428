"""uvicorn's protocol for WebSockets, with an end to waiting for who doesn't read."""

from __future__ import annotations

from functools import lru_cache

from starlette.requests import HTTPConnection
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State

MESSAGE_BYTES = 65_536  # the largest message that is taken
QUEUE_BYTES = 1_048_576  # that may wait for a client to read them
PARTS = 1024  # of one message: empty ones would cost nothing to send and memory to keep
PING_S = 20.0  # between pings, and for each to be answered
CLOSE_S = 5.0  # for a client to read what waits, and to answer that it is closed
END_S = 0.5  # the same where prober stops
EXTENSION = "prober.socket"


def under(connection: HTTPConnection) -> Socket:
    """The protocol under a WebSocket, which is past all that waits for its writing."""
    socket: Socket = connection.scope["extensions"][EXTENSION]["protocol"]
    return socket


@lru_cache(maxsize=1)
def frames(texts: tuple[str, ...]) -> bytes:
    """Frames that hold a text each; made once for all who are to hear the same."""
    made = [Frame(Opcode.TEXT, text.encode()).serialize(mask=False) for text in texts]
    return b"".join(made)


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket.

    What it can't be rid of is bounded, and a client that is dropped is gone some seconds later,
    whether it reads or not; uvicorn's own would wait for it to read.
    """

    async def run_asgi(self) -> None:
        """Give the application a way to this."""
        self.scope["extensions"][EXTENSION] = {"protocol": self}
        await super().run_asgi()

    def push(self, frames: bytes) -> bool:
        """Write frames of whole messages at once; False where too much waits, which ends it."""
        if self.close_sent or self.transport.is_closing():
            return True
        if self.transport.get_write_buffer_size() > QUEUE_BYTES:
            self.end(CloseCode.TRY_AGAIN_LATER, "reads too slowly", CLOSE_S)
            return False
        self.transport.write(frames)
        return True

    def handle_ping(self) -> None:
        """Answer a ping; who sends many and reads no answer is gone."""
        if self.transport.get_write_buffer_size() > QUEUE_BYTES:
            self.transport.abort()
        else:
            super().handle_ping()

    def handle_cont(self, event: Frame) -> None:
        """Take a part of a message."""
        if len(self.frames) < PARTS:
            super().handle_cont(event)
        else:
            self.end(CloseCode.MESSAGE_TOO_BIG, "too many parts", CLOSE_S)

    def keepalive_timeout(self) -> None:
        """Close it, since it doesn't answer pings."""
        super().keepalive_timeout()
        self._abort_after(CLOSE_S)

    def shutdown(self) -> None:
        """Say that prober stops."""
        if self.handshake_complete and not self.close_sent:
            self.end(CloseCode.GOING_AWAY, "prober stops", END_S)
        else:
            super().shutdown()

    def end(self, code: int, reason: str, patience_s: float) -> None:
        """Close it; the client has so long to read what waits, and to answer."""
        if self.conn.state is State.OPEN:
            self.stop_keepalive()
            message = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self.queue.put_nowait(message)  # type: ignore[arg-type]  # a plain dict of these keys
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            if self.read_paused:  # else the client's own close would never be read
                self.read_paused = False
                self.transport.resume_reading()
        self._abort_after(patience_s)

    def _abort_after(self, seconds: float) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(seconds, self.transport.abort)
