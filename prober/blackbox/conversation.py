"""What a module says on a connection, and which lines it waits for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from prober import patterns
from prober.blackbox.job import Job
from prober.blackbox.streams import Stream
from prober.module import Step

LONGEST_LINE = 65_536  # with its end; Go's scanner gives up on what is longer
SHOWN = 200  # of a line, in the log
_PLACE = re.compile(rb"\$(?:(\$)|(\w+)|\{(\w+)\})")
FAILED_DUE_TO_REGEX = ("probe_failed_due_to_regex", "Indicates if probe failed due to regex")


class Lines:
    """The lines that come on a stream, as Go's bufio.Scanner cuts them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._ended = False

    async def next(self) -> bytes | None:
        """The next line without its end, or None after the last. Raises OSError.

        What stands before the end of the stream is a line, too.
        """
        while (end := self._buffer.find(b"\n")) < 0 and not self._ended:
            if len(self._buffer) >= LONGEST_LINE:
                raise OSError(f"a line is longer than {LONGEST_LINE} bytes")
            await self._read()
        if end >= LONGEST_LINE:
            raise OSError(f"a line is longer than {LONGEST_LINE} bytes")
        return self._taken(end)

    async def _read(self) -> None:
        data = await self._stream.read()
        self._ended = not data
        self._buffer += data

    def _taken(self, end: int) -> bytes | None:
        if end < 0 and not self._buffer:
            return None
        line = bytes(self._buffer if end < 0 else self._buffer[:end])
        del self._buffer[: len(line) + 1]
        return line.removesuffix(b"\r")


async def converse(
    job: Job, stream: Stream, steps: Sequence[Step], encrypt: Callable[[], Awaitable[None]]
) -> bool:
    """Go through the steps, and say whether every expected line came. Raises OSError.

    `encrypt` turns the stream to TLS where a step says so.
    """
    lines = Lines(stream)
    for step in steps:
        send = step.send.encode()
        if step.expect is not None:
            match = await _awaited(job, lines, patterns.compiled(step.expect))
            job.report.gauge(*FAILED_DUE_TO_REGEX, 0 if match else 1)
            if match is None:
                job.report.say(f"the connection ended before a line matched {step.expect}")
                return False
            send = expanded(send, match, patterns.compiled(step.expect))
        if send:
            job.report.say(f"sending {_shown(send)}")
            await stream.write(send + b"\n")
        if step.starttls:
            await encrypt()
            lines = Lines(stream)
    return True


async def _awaited(job: Job, lines: Lines, pattern: patterns.Pattern) -> patterns.Match | None:
    while (line := await lines.next()) is not None:
        match = pattern.search(patterns.legible(line))
        job.report.say(f"read {_shown(line)}{', which matches' if match else ''}")
        if match is not None:
            return match
    return None


def expanded(template: bytes, match: patterns.Match, pattern: patterns.Pattern) -> bytes:
    """A template with $1, ${1} and ${name} replaced by the match's groups, as Go expands it.

    A group that isn't there is empty, $$ is one $, and any other $ stands for itself.
    """
    return _PLACE.sub(
        lambda place: place[1] or _group(place[2] or place[3], match, pattern), template
    )


def _group(name: bytes, match: patterns.Match, pattern: patterns.Pattern) -> bytes:
    if name.isdigit() and (name == b"0" or not name.startswith(b"0")):
        number = int(name)
    else:
        number = pattern.groupindex.get(name, pattern.groups + 1)
    return (match.group(number) or b"") if number <= pattern.groups else b""


def _shown(line: bytes) -> str:
    return repr(line[:SHOWN].decode(errors="replace"))
