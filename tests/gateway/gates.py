"""A gateway over services of a test's own, which it may forward to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from gateway.watched import WELL, serving

from prober.config.tree import Gateway, Store
from prober.gateway import app
from prober.gateway.admission import Admission
from prober.gateway.context import Context
from prober.gateway.intake import Intake
from prober.gateway.outward import Outward
from prober.gateway.reception import Reception
from prober.hub import Hub
from prober.model import Service
from prober.sinks.metrics import Metrics
from prober.sinks.state import State
from prober.storage import migrate
from prober.storage.ledger import Ledger
from prober.storage.reader import Reader
from prober.telemetry import Telemetry

HEADER = "X-VX11-Token"
TOKEN = "a-token-that-may-operate"
AUTH = {"header": HEADER, "tokens": [{"name": "o", "scopes": "operate", "token": TOKEN}]}


class Gate(httpx.AsyncClient):
    """A client of the gateway that may operate, with the context that the gateway was built on."""

    def __init__(self, url: str, context: Context) -> None:
        super().__init__(base_url=url, trust_env=False, headers={HEADER: TOKEN})
        self.context = context
        self.port = int(url.rpartition(":")[2])

    async def breaker(self, service: str) -> dict[str, Any]:
        """What is told of a service's breaker."""
        told = (await self.get("/api/v1/breakers")).json()["breakers"][service]
        return dict(told)


@asynccontextmanager
async def gate(
    folder: Path, services: Sequence[Service], given: Gateway | None = None, **settings: object
) -> AsyncIterator[Gate]:
    """A running gateway with this part of a configuration, or with these settings of it."""
    store, telemetry = Store(url=f"sqlite:///{folder}/prober.db"), Telemetry()
    migrate.upgrade(store.url)
    gateway = given or Gateway.model_validate({"auth": AUTH} | settings)
    outward, reader = Outward(gateway, store, telemetry), Reader(store.url)
    outward.breakers.retarget(services)
    ledger = Ledger(store.url)
    reception = Reception(gateway.events, Intake(ledger.append, ledger.close), Hub(), telemetry)
    context = Context(
        title="vigil",
        state=State.build(services),
        metrics=Metrics(services),
        telemetry=telemetry,
        reader=reader,
        progress=lambda: WELL,
        outward=outward,
        reception=reception,
        settings=gateway,
        admission=Admission(gateway, telemetry),
    )
    async with serving(app.build(context)) as url, Gate(url, context) as client:
        yield client
    await reception.close()
    await outward.close()
    reader.close()
