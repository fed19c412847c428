"""The seam between a worker and the main process: messages, and what carries them.

    main ── Plan, Ask, Stop ──▶ worker
    main ◀──── Batch, Answer ── worker

The worker knows the protocol `Channel` and not what is behind it: a queue in the same process, a
pipe to another one, or something that crosses machines.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from prober.model import Result, Service, Timings
from prober.module import Allowed, Module

TIMINGS = Result._fields.index("timings")


class Plan(NamedTuple):
    """The services to probe from now on; the `fresh` ones get a first look before their slot."""

    services: tuple[Service, ...]
    fresh: frozenset[str] = frozenset()


class Stop(NamedTuple):
    """Send what is finished, cancel what runs, and leave."""


class Ask(NamedTuple):
    """Probe a target once, now, and answer under the same `number`.

    `hostname` is asked for in place of the target's own name, where it is not empty. `timeout_s`
    bounds the probe.
    """

    number: int
    target: str
    module: Module
    hostname: str
    timeout_s: float
    allowed: Allowed


class Answer(NamedTuple):
    """What an on-demand probe found.

    `text` is its metrics in Prometheus's text format. `log` tells what happened, a line a step.
    `refused` says why the target may not be probed at all; then there is no text.
    """

    number: int
    text: str = ""
    log: tuple[str, ...] = ()
    refused: str | None = None


class Batch(NamedTuple):
    """Results since the last batch; also the heartbeat of the schedule, when it is empty.

    `missed` counts slots that passed since the last batch; `in_flight` is how many probes run now.
    """

    results: list[Result]
    missed: int
    in_flight: int

    def __reduce__(self) -> tuple[Callable[..., Batch], tuple[object, ...]]:
        # By columns of plain values: a fifth of what one named tuple after the other takes.
        columns: list[Sequence[Any]] = list(zip(*self.results, strict=True))
        if columns:
            columns[TIMINGS] = [timings and tuple(timings) for timings in columns[TIMINGS]]
        return _batch, (columns, self.missed, self.in_flight)


def _batch(columns: list[Sequence[Any]], missed: int, in_flight: int) -> Batch:
    if columns:
        columns[TIMINGS] = [took and Timings._make(took) for took in columns[TIMINGS]]
    return Batch(list(map(Result._make, zip(*columns, strict=True))), missed, in_flight)


Message = Plan | Ask | Stop | Batch | Answer


class ChannelClosed(Exception):
    """The other end is gone: no more messages will come."""


class Channel(Protocol):
    """One end of a two-way road for messages, in order."""

    def send(self, message: Message) -> None:
        """Hand over a message; never blocks, and does nothing when the other end is gone."""

    async def receive(self) -> Message:
        """The next message; raises `ChannelClosed` when the other end is gone."""

    async def close(self) -> None:
        """Let out what was sent, then close this end."""


class QueueChannel:
    """An end of a channel within one event loop; `pair()` makes both."""

    def __init__(
        self, inbox: asyncio.Queue[Message | None], outbox: asyncio.Queue[Message | None]
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox

    @classmethod
    def pair(cls) -> tuple[QueueChannel, QueueChannel]:
        """Two connected ends."""
        one: asyncio.Queue[Message | None] = asyncio.Queue()
        other: asyncio.Queue[Message | None] = asyncio.Queue()
        return cls(one, other), cls(other, one)

    def send(self, message: Message) -> None:
        self._outbox.put_nowait(message)

    async def receive(self) -> Message:
        message = await self._inbox.get()
        if message is None:
            raise ChannelClosed
        return message

    async def close(self) -> None:
        self._outbox.put_nowait(None)


class PipeChannel:
    """An end of a channel over a stream socket: pickles behind a length of four bytes.

    Pickle is safe here since both ends are prober, and nobody else can reach the socket.
    """

    _length = struct.Struct("!I")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> PipeChannel:
        """Take over a connected stream socket."""
        return cls(*await asyncio.open_unix_connection(sock=sock))

    def send(self, message: Message) -> None:
        if not self._writer.is_closing():
            frame = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
            self._writer.writelines((self._length.pack(len(frame)), frame))

    async def receive(self) -> Message:
        try:
            (length,) = self._length.unpack(await self._reader.readexactly(self._length.size))
            message: Message = pickle.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ChannelClosed from error
        return message

    async def close(self) -> None:
        try:
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()
        except ConnectionError:
            return  # the other end went first: nobody is left to read
