"""What the routes read: built once by the composition root, and handed to every request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import Depends, Request

from prober import __version__
from prober.channel import Answer, Ask
from prober.config.tree import Gateway
from prober.gateway.admission import Admission
from prober.gateway.modules import Modules
from prober.gateway.outward import Outward
from prober.gateway.reception import Reception
from prober.gateway.sharing import Shared
from prober.inquiry import NoAnswer
from prober.maintenance import Windows
from prober.module import OnDemand
from prober.sinks.metrics import Metrics
from prober.sinks.state import State
from prober.storage.reader import Reader
from prober.telemetry import Telemetry

Word = Literal["ok", "stalled", "spooling", "starting"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Whether probes are made and their results reach the store; `ready` is the sum of both."""

    schedule: Word
    store: Word
    ready: bool


def _nothing() -> None:
    """Probes on demand are off."""


async def _nobody(question: Ask) -> Answer:
    raise NoAnswer("no worker is running")


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a route may touch. Routes read, and never write results.

    `progress`, `maintenance` and `on_demand` are asked at each request, and must return at once.
    `ask` has a worker probe on demand, and raises `inquiry.NoAnswer`.
    """

    title: str
    state: State
    metrics: Metrics
    telemetry: Telemetry
    reader: Reader
    progress: Callable[[], Progress]
    outward: Outward
    reception: Reception
    settings: Gateway = field(default_factory=Gateway)
    admission: Admission = field(default_factory=Admission)
    modules: Modules = field(default_factory=Modules)
    pages: Shared[str] = field(default_factory=Shared)
    maintenance: Callable[[], Windows] = tuple
    on_demand: Callable[[], OnDemand | None] = _nothing
    ask: Callable[[Ask], Awaitable[Answer]] = _nobody

    @property
    def module(self) -> str:
        """What prober is called."""
        return self.settings.module or self.title

    @property
    def version(self) -> str:
        """Which version it tells of itself."""
        return self.settings.version or __version__


async def of_request(request: Request) -> Context:
    """The context that `app.build` was given."""
    context: Context = request.app.state.context
    return context


Given = Annotated[Context, Depends(of_request)]
