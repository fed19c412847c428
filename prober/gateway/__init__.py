"""The gateway: what people and programs read over HTTP. A route is a file, and a line here."""

from __future__ import annotations

from fastapi import APIRouter

from prober.gateway import blackbox, health, metrics, page, services

ROUTERS: dict[str, APIRouter] = {
    "health": health.router,
    "metrics": metrics.router,
    "blackbox": blackbox.router,
    "services": services.router,
    "page": page.router,
}
