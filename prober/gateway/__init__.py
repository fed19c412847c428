"""The gateway: what people and programs read over HTTP. A route is a file, and a line here."""

from __future__ import annotations

from fastapi import APIRouter

from prober.gateway import (
    blackbox,
    chat,
    circuits,
    events,
    health,
    metrics,
    overview,
    page,
    questions,
    services,
    snapshot,
    stream,
)

ROUTERS: dict[str, APIRouter] = {
    "health": health.router,
    "metrics": metrics.router,
    "blackbox": blackbox.router,
    "questions": questions.router,  # before services, whose names would swallow its words
    "services": services.router,
    "overview": overview.router,
    "circuits": circuits.router,
    "snapshot": snapshot.router,
    "chat": chat.router,
    "events": events.router,
    "stream": stream.router,
    "page": page.router,
}
