"""What the routes read: built once by the composition root, and handed to every request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import Depends, Request

from prober import __version__
from prober.config.tree import Gateway
from prober.gateway.admission import Admission
from prober.gateway.outward import Outward
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


@dataclass(frozen=True, slots=True)
class Context:
    """Everything that a route may touch. Routes read, and never write results.

    `progress` is asked at each request, and must return at once.
    """

    title: str
    state: State
    metrics: Metrics
    telemetry: Telemetry
    reader: Reader
    progress: Callable[[], Progress]
    outward: Outward
    settings: Gateway = field(default_factory=Gateway)
    admission: Admission = field(default_factory=Admission)

    @property
    def module(self) -> str:
        """What prober is called."""
        return self.settings.module or self.title

    @property
    def version(self) -> str:
        """Which version it tells of itself."""
        return self.settings.version or __version__


def of_request(request: Request) -> Context:
    """The context that `app.build` was given."""
    context: Context = request.app.state.context
    return context


Given = Annotated[Context, Depends(of_request)]
