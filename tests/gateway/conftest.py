"""A gateway on loopback over a real state, real metrics and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from gateway.watched import SERVICES, Fleet

from prober.gateway import app, server
from prober.gateway.context import Context
from prober.storage.reader import Reader
from prober.telemetry import Telemetry


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Four services, none of them probed yet."""
    fleet = Fleet(f"sqlite:///{tmp_path}/prober.db")
    fleet.watch(*SERVICES)
    return fleet


@pytest.fixture
def context(fleet: Fleet) -> Iterator[Context]:
    reader = Reader(fleet.url)
    yield Context("vigil", fleet.state, fleet.metrics, Telemetry(), reader, lambda: fleet.progress)
    reader.close()


@pytest.fixture
async def gateway(context: Context) -> AsyncIterator[str]:
    """The base URL of a running gateway."""
    with server.bind("127.0.0.1", 0) as listener:
        running = server.Server(app.build(context), listener)
        await running.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        await running.stop()


@pytest.fixture
async def client(gateway: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the gateway, which trusts no proxy of the environment."""
    async with httpx.AsyncClient(base_url=gateway, trust_env=False) as client:
        yield client
