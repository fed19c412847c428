"""Start a worker: in a process of its own, or as a task of this one."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Protocol

from prober.channel import Channel, PipeChannel, QueueChannel
from prober.worker import Worker

STOP_S = 1.0  # how long a process may take to leave before it is killed


class Launched(Protocol):
    """A worker that runs somewhere, and the channel to it."""

    channel: Channel

    async def end(self) -> None:
        """Close the channel, and return when the worker is gone, by force where it must be."""


class WorkerProcess:
    """A worker in a process of its own."""

    def __init__(self, channel: Channel, process: asyncio.subprocess.Process) -> None:
        self.channel = channel
        self._process = process

    @classmethod
    async def launch(cls, anchor_s: float, log_format: str, log_level: str) -> WorkerProcess:
        """Start the process, with one end of a socket pair as its channel."""
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = (str(theirs.fileno()), repr(anchor_s), log_format, log_level)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "prober.worker", *arguments),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # out of reach of a terminal's Ctrl-C
            )
        return cls(await PipeChannel.over(ours), process)

    async def end(self) -> None:
        try:
            async with asyncio.timeout(STOP_S):
                await self.channel.close()  # waits for a worker that reads nothing any more
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class WorkerTask:
    """A worker inside this process, for the smallest hosts."""

    def __init__(self, channel: Channel, task: asyncio.Task[None]) -> None:
        self.channel = channel
        self._task = task

    @classmethod
    async def launch(cls, anchor_s: float) -> WorkerTask:
        """Start the task on the running loop."""
        ours, theirs = QueueChannel.pair()
        return cls(ours, asyncio.create_task(Worker(theirs, anchor_s).run()))

    async def end(self) -> None:
        await self.channel.close()
        await self._task
