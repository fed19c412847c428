"""Read a body to its end, its limit, its fault or the deadline, and keep count."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from prober.blackbox import faults
from prober.blackbox.http.bodies import Body
from prober.blackbox.http.decoding import UNCHANGED, Foreign, decoded
from prober.blackbox.http.heads import Malformed

MOST_KEPT = 64 << 20  # of a body that is held to match patterns: no server may exhaust us


class Drained:
    """What was read: `data` where it was asked for, its size when decoded, what went wrong.

    `is_foreign` says that it isn't compressed as it should be.
    """

    def __init__(self) -> None:
        self.data = bytearray()
        self.size = 0
        self.fault: str | None = None
        self.is_foreign = False

    async def drain(self, body: Body, encoding: str, limit: int, keep: bool) -> None:
        """Read `limit` bytes at most, where it isn't 0; faults are noted and not raised."""
        try:
            async for data in _limited(decoded(body, encoding), limit):
                self.size += len(data)
                if keep:
                    self._keep(data)
        except Foreign as error:
            self.fault, self.is_foreign = str(error), True
            self.size = error.rest + sum([len(data) async for data in body])
        except Malformed as error:
            self.fault = str(error)

    def _keep(self, data: bytes) -> None:
        if len(self.data) + len(data) > MOST_KEPT:
            raise Malformed(f"more than {MOST_KEPT} bytes are not matched")
        self.data += data


async def drained(
    body: Body | None, encoding: str, limit: int, keep: bool, deadline: float
) -> Drained:
    """Read a body until a deadline, which is in seconds of `time.monotonic`; None is one let go."""
    found = Drained()
    if body is None:
        found.fault = "it was let go with the redirect"
        # Of the compressions only gzip looks into the body before it is read.
        found.is_foreign = encoding.lower() not in {*UNCHANGED, "br", "deflate"}
        return found
    try:
        async with asyncio.timeout(deadline - time.monotonic()):
            await found.drain(body, encoding, limit, keep)
    except TimeoutError:
        found.fault = "the time is over"
    except OSError as error:
        found.fault = faults.sentence(error)
    return found


async def _limited(body: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    left = limit
    async for data in body:
        if limit and len(data) > left:
            yield data[:left]
            raise Malformed(f"it has more than {limit} bytes")
        left -= len(data)
        yield data
