"""A client of the stream for tests."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from patience import PATIENCE_S, until
from websockets.asyncio.client import ClientConnection, connect

from prober.hub import Hub


class Client:
    """One connection; what it is told is read as JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def next(self) -> dict[str, Any]:
        """The next message."""
        return dict(json.loads(await self.connection.recv()))

    async def say(self, message: object) -> None:
        """Send JSON, or a text or bytes as they are."""
        plain = isinstance(message, str | bytes)
        await self.connection.send(message if plain else json.dumps(message))  # type: ignore[arg-type]


@asynccontextmanager
async def listening(base: str, query: str = "", **options: Any) -> AsyncIterator[Client]:
    """A connected client that was greeted; `options` are those of `connect`."""
    url = f"{base.replace('http', 'ws', 1)}/api/v1/ws{query}"
    async with connect(url, proxy=None, open_timeout=PATIENCE_S, **options) as connection:
        client = Client(connection)
        await client.next()
        yield client


async def joined(hub: Hub, count: int) -> None:
    """Return when so many listen."""
    await until(lambda: len(hub) == count)


def offers(token: str) -> list[str]:
    """The subprotocols by which a browser sends a token."""
    encoded = urlsafe_b64encode(token.encode()).decode().rstrip("=")
    return ["prober", f"prober.token.{encoded}"]
