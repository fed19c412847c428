"""A fleet that a gateway under test watches: state, metrics and a database that agree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fleets import service
from starlette.types import ASGIApp

from prober.gateway import server
from prober.gateway.context import Context, Progress
from prober.maintenance import Windows
from prober.model import Observation, Result, Service
from prober.sinks.metrics import Metrics
from prober.sinks.state import State
from prober.status import State as Held
from prober.status import step
from prober.storage import migrate
from prober.storage.writer import Writer

SERVICES = (
    service("madre", 8001, group="core", tags=("brain",), headers=(("X-VX11-Token", "s3cret"),)),
    service("a/b results?", 8002, depends_on=("madre",)),
    service("a/results", 8003, critical=False),
    service("<script>alert(1)</script>", 8004, enabled=False),
)


WELL = Progress("ok", "ok", ready=True)


@dataclass
class Fleet:
    """What the gateway under test reads; `watch` and `tell` do what the daemon would."""

    url: str
    state: State = field(default_factory=State)
    metrics: Metrics = field(default_factory=lambda: Metrics([]))
    progress: Progress = WELL
    windows: Windows = ()

    def watch(self, *services: Service) -> None:
        self.state.retarget(services)
        self.metrics.retarget(services)

    async def tell(self, *results: Result) -> None:
        """Weigh results in order, and hand them to the sinks and the store."""
        held: dict[str, Held] = {}
        batch: list[Observation] = []
        for result in results:
            held[result.service], observation = step(held.get(result.service, Held()), result)
            batch.append(observation)
        await self.state.write(batch)
        await self.metrics.write(batch)
        migrate.upgrade(self.url)
        writer = Writer(self.url)
        writer.write(batch)
        writer.close()


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The base URL of an application of the test's own."""
    with server.bind("127.0.0.1", 0) as listener:
        running = server.Server(app, listener)
        await running.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        await running.stop()


def counted(context: Context, series: str, **labels: str) -> float | None:
    """What one of prober's own series says now."""
    return context.telemetry.registry.get_sample_value(f"prober_{series}", labels)
