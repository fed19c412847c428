"""JSON as the gateway speaks it: answers, large ones too, and one shape for every error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from prober.errors import ProberError

T = TypeVar("T")

UNREADABLE = "the history can't be read now"

# One thread: the interpreter runs one at a time anyway, and many would crowd out the event loop.
_ASIDE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="answers")

log = structlog.get_logger(__name__)


async def aside(work: Callable[[], T]) -> T:
    """Do what takes long with a large fleet beside the event loop, one such work at a time."""
    return await asyncio.get_running_loop().run_in_executor(_ASIDE, work)


class Json(JSONResponse):
    """A JSON answer, encoded by orjson."""

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def error(message: str, status_code: int, headers: dict[str, str] | None = None) -> Json:
    """An error as every route tells it: `{"error": …, "status_code": …}`."""
    return Json({"error": message, "status_code": status_code}, status_code, headers)


def refused(refusal: HTTPException) -> Json:
    """What answers in place of what was refused."""
    return error(refusal.detail, refusal.status_code, dict(refusal.headers or {}))


DEFECT = error("internal error", HTTPStatus.INTERNAL_SERVER_ERROR)
"""What answers where prober itself is wrong; it holds nothing of one request."""


async def _refused(request: Request, refusal: HTTPException) -> Json:
    return refused(refusal)


async def _invalid(request: Request, invalid: RequestValidationError) -> Json:
    problems = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in invalid.errors()]
    return error("; ".join(problems), HTTPStatus.UNPROCESSABLE_ENTITY)


async def _store_failed(request: Request, failure: ProberError) -> Json:
    # The message names files and hosts of the store, which the log may know, but not a stranger.
    log.warning("the history can't be read", path=request.url.path, error=str(failure))
    return error(UNREADABLE, HTTPStatus.SERVICE_UNAVAILABLE)


async def _failed(request: Request, failure: Exception) -> Json:
    # Starlette raises the exception again after this answer, so that uvicorn logs it.
    return DEFECT


HANDLERS: dict[type[Exception], Callable[[Request, Any], Awaitable[Json]]] = {
    HTTPException: _refused,
    RequestValidationError: _invalid,
    ProberError: _store_failed,
    Exception: _failed,
}


def handle_errors(app: FastAPI) -> None:
    """Make every error of `app` answer in the one shape."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
