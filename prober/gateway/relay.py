"""An answer that is a service's own: bodies stream both ways, and the caller's leaving ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from fastapi import Response
from starlette.types import Message, Receive, Scope, Send

from prober.gateway import answers, passing
from prober.gateway.answers import UNREADABLE, Json
from prober.gateway.described import Answers, answer
from prober.gateway.layers import UNTOUCHED
from prober.gateway.shapes import CircuitOpen, Fault, ModuleFault
from prober.model import Service
from prober.sinks.breakers import Call
from prober.upstream import Answer, Asked, TooSlow, Unsendable, UpstreamError, Upstreams

SERVER_ERROR = 500  # and above: the service itself says that it is not well

log = structlog.get_logger(__name__)


class CallerFault(Exception):
    """The caller's body can't be passed on: it left, is too slow, or sends too much."""

    def __init__(self, message: str, status: HTTPStatus) -> None:
        super().__init__(message)
        self.status = status


class Body:
    """The caller's body as it comes, up to a limit, and then the news that the caller left."""

    def __init__(self, receive: Receive, limit: int, timeout_s: float, present: bool) -> None:
        self._receive = receive
        self._limit = limit
        self._timeout_s = timeout_s
        self._read = asyncio.Event()
        if not present:
            self._read.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The parts; raises CallerFault."""
        size, more = 0, True
        while more:
            message = await self._next()
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self._limit:
                raise too_large(self._limit)
            more = message.get("more_body", False)
            if chunk:
                yield chunk
        self._read.set()

    async def left(self) -> None:
        """Return when the caller has left, after its whole body has been read."""
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await self._receive()
        except TimeoutError:
            raise CallerFault("the body takes too long", HTTPStatus.REQUEST_TIMEOUT) from None
        if message["type"] == "http.disconnect":
            raise CallerFault("the caller left", HTTPStatus.BAD_REQUEST)
        return message


def too_large(limit: int) -> CallerFault:
    """The fault of a body beyond the limit."""
    message = f"the body is larger than {limit} bytes"
    return CallerFault(message, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def failures(service: str) -> Answers:
    """What is answered where a service gives no answer, for the OpenAPI document."""
    refused = {"error": f"{service} can't be connected to", "module": service, "status_code": 502}
    slow = {"error": f"{service} took too long", "module": service, "status_code": 504}
    opened = {"status": "circuit_open", "module": service}
    away = {"error": UNREADABLE, "status_code": 503}
    return {
        502: answer("The service gave no answer", ModuleFault, refused),
        503: answer("Its breaker is open, or it is gone", CircuitOpen | Fault, opened, away),
        504: answer("The service took too long", ModuleFault, slow),
    }


def failed(service: str, error: UpstreamError) -> Json:
    """The answer where a service gave none: 504 where it took too long, else 502."""
    slow = isinstance(error, TooSlow)
    status = HTTPStatus.GATEWAY_TIMEOUT if slow else HTTPStatus.BAD_GATEWAY
    return Json(
        {"error": f"{service} {error}", "module": service, "status_code": status.value}, status
    )


def circuit_open(service: str) -> Json:
    """The answer while a service's breaker is open."""
    return Json({"status": "circuit_open", "module": service}, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Errand:
    """What is asked of a service for a caller. `asked` has no body yet; `limit` is the largest."""

    service: Service
    asked: Asked
    has_body: bool
    limit: int
    call: Call
    upstreams: Upstreams


class Relay(Response):
    """Sends the caller's request on when it is answered, and passes on what comes back."""

    def __init__(self, errand: Errand) -> None:
        super().__init__()
        self._errand = errand

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        errand = self._errand
        body = Body(receive, errand.limit, errand.asked.timeout_s, errand.has_body)
        work = asyncio.create_task(self._work(body, send))
        left = asyncio.create_task(body.left())
        try:
            await asyncio.wait((work, left), return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            if not work.done():
                work.cancel()
            done = await asyncio.gather(work, left, return_exceptions=True)
        if isinstance(done[0], Exception):
            raise done[0]
        refusal = None if isinstance(done[0], BaseException) else done[0]
        if refusal is not None:
            await refusal(scope, receive, send)

    async def _work(self, body: Body, send: Send) -> Response | None:
        """Pass on; what to answer instead where nothing was passed on yet."""
        errand, started = self._errand, False
        ended = False
        asked = errand.asked._replace(body=body.chunks() if errand.has_body else None)
        try:
            async with errand.upstreams.send(errand.service, asked) as answer:
                ended, well = True, answer.status < SERVER_ERROR
                errand.call.end(well)
                started = True
                await _pass(answer, send)
        except UpstreamError as error:
            ended = True
            errand.call.end(False)
            name = errand.service.name
            log.warning("forwarding failed", service=name, error=str(error), answered=started)
            return None if started else failed(name, error)
        except CallerFault as fault:
            return None if started else answers.error(str(fault), fault.status)
        except Unsendable as error:
            return answers.error(f"the request is no HTTP: {error}", HTTPStatus.BAD_REQUEST)
        finally:
            if not ended:
                errand.call.abandon()
        return None


async def _pass(answer: Answer, send: Send) -> None:
    headers = passing.answer_headers(answer.headers)
    if not any(name == UNTOUCHED[0] for name, _ in headers):
        headers.append(UNTOUCHED)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for chunk in answer.chunks():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
