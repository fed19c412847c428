"""Refuse bodies of requests that are too large, or that come too slowly."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prober.config.access import Limits
from prober.gateway.answers import error
from prober.gateway.connections import ARRIVED
from prober.gateway.layers import field
from prober.telemetry import Telemetry

LARGE = "the body is larger than {} bytes"
SLOW = "the body did not come within {:g} s"
CLOSE = {"Connection": "close"}
# Whoever is refused gets to read the answer only once all is read that is on its way.
DISCARDED = 4 * 2**20
DISCARDING_S = 2.0


class LimitBodies:
    """Answers 413 and 408 by the declared length, or by what comes.

    `special` has patterns of paths with limits of their own, in bytes.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        telemetry: Telemetry,
        special: Sequence[tuple[re.Pattern[str], int]] = (),
    ) -> None:
        self._app = app
        self._limits = limits
        self._telemetry = telemetry
        self._special = special
        self._least = min([limits.body, *(limit for _, limit in special)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        declared = field(scope, b"content-length")
        if declared is None and field(scope, b"transfer-encoding") is None:
            return await self._app(scope, receive, send)
        length = 0 if declared is None else int(declared)
        arrived = declared is not None and ARRIVED in scope.get("extensions", ())
        if arrived and length <= self._least:
            return await self._app(scope, receive, send)
        limit = self._limit(scope["path"])
        if arrived and length <= limit:
            return await self._app(scope, receive, send)
        body = _Body(receive, limit, self._limits.body_time, self._telemetry)
        if length > limit:
            if field(scope, b"expect") is None:
                await body.discard()
            self._telemetry.refused("body_too_large")
            answer = error(LARGE.format(limit), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, CLOSE)
            return await answer(scope, receive, send)
        await self._app(scope, body.receive, send)

    def _limit(self, path: str) -> int:
        found = (limit for pattern, limit in self._special if pattern.match(path))
        return next(found, self._limits.body)


class _Body:
    """One body as it comes in: `receive` raises HTTPException at its limits.

    Only the waiting counts: a reader that takes its time is not the sender's fault.
    """

    def __init__(self, receive: Receive, limit: int, time_s: float, telemetry: Telemetry) -> None:
        self._receive = receive
        self._telemetry = telemetry
        self._limit = limit
        self._time_s = time_s
        self._left = limit
        self._left_s = time_s
        self._ended = False

    async def receive(self) -> Message:
        if self._ended:
            return await self._receive()  # which now waits for the client to leave
        message = await self._next()
        self._left -= len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._left < 0:
            await self.discard()
            self._telemetry.refused("body_too_large")
            text = LARGE.format(self._limit)
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text, CLOSE)
        return message

    async def _next(self) -> Message:
        before_s = time.monotonic()
        try:
            # Not `wait_for`, which makes a task of it.
            async with asyncio.timeout(self._left_s):
                return await self._receive()
        except TimeoutError:
            self._telemetry.refused("body_too_slow")
            text = SLOW.format(self._time_s)
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, text, CLOSE) from None
        finally:
            self._left_s -= time.monotonic() - before_s

    async def discard(self) -> None:
        """Read on for a while without keeping anything."""
        left = DISCARDED
        try:
            async with asyncio.timeout(DISCARDING_S):
                while left > 0 and not self._ended:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self._ended = not message.get("more_body", False)
        except TimeoutError:
            return
