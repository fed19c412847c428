"""A gateway on loopback over a real state, real metrics and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from gateway.watched import SERVICES, Fleet

from prober.config.tree import Gateway, Store
from prober.gateway import app, server
from prober.gateway.admission import Admission
from prober.gateway.context import Context
from prober.gateway.intake import Intake
from prober.gateway.outward import Outward
from prober.gateway.reception import Reception
from prober.hub import Hub
from prober.storage.ledger import Ledger
from prober.storage.reader import Reader
from prober.telemetry import Telemetry


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Four services, none of them probed yet."""
    fleet = Fleet(f"sqlite:///{tmp_path}/prober.db")
    fleet.watch(*SERVICES)
    return fleet


@pytest.fixture
def settings() -> Gateway:
    """The gateway's part of the configuration: a test file may have another."""
    return Gateway()


@pytest.fixture
def hub() -> Hub:
    """What events are published on."""
    return Hub()


@pytest.fixture
async def context(fleet: Fleet, settings: Gateway, hub: Hub) -> AsyncIterator[Context]:
    reader, telemetry = Reader(fleet.url), Telemetry()
    outward = Outward(settings, Store(url=fleet.url), telemetry)
    outward.breakers.retarget([member.service for member in fleet.state.members()])
    ledger = Ledger(fleet.url)
    intake = Intake(ledger.append, ledger.close)
    reception = Reception(settings.events, intake, hub, telemetry)
    yield Context(
        "vigil",
        fleet.state,
        fleet.metrics,
        telemetry,
        reader,
        lambda: fleet.progress,
        outward,
        reception,
        settings,
        Admission(settings, telemetry),
        maintenance=lambda: fleet.windows,
    )
    await reception.close()
    await outward.close()
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
