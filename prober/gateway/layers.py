"""ASGI layers around all routes: the path as it was sent, and headers on every answer."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
UNTOUCHED = (b"content-encoding", b"identity")
"""A header that keeps the compression below from an answer, and that nobody is sent."""


def field(scope: Scope, name: bytes) -> bytes | None:
    """The first header of this name, in small letters, as it was sent; None where there is none."""
    for given, value in scope["headers"]:
        if given == name:
            return bytes(value)
    return None


class SafeHeaders:
    """Adds the headers above to every answer that doesn't set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _safe(message["headers"])
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _safe(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = [header for header in headers if header != UNTOUCHED]
    names = {name.lower() for name, _ in given}
    return given + [header for header in RAW if header[0] not in names]


class SentPath:
    """Routes on the path as it was sent, so that a name's own "/" (%2F) is no separator."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if raw := scope.get("raw_path"):
            scope = {**scope, "path": raw.decode("latin-1")}
        await self._app(scope, receive, send)
