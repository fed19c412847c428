"""The fleet in one answer: its status with the ports, and an overview."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from prober import clock
from prober.gateway.answers import Json
from prober.gateway.context import Given
from prober.gateway.described import answer
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.gateway.modules import count
from prober.gateway.shapes import Overview, StatusOfAll
from prober.reports.times import rfc3339

router = APIRouter(
    prefix="/api/v1", tags=["status"], dependencies=[needs(Scope.READ)], responses=REFUSALS
)

HEALTH = {
    "status": "ok",
    "since": "2026-11-22T15:00:00.123Z",
    "checked_at": "2026-11-22T15:04:30.120Z",
    "http_code": 200,
    "latency_ms": 12.345,
    "endpoint_ok": "/health",
    "reason": None,
}
STATUS: dict[str, Any] = {
    "ok": True,
    "status": "ok",
    "module": "prober",
    "version": "1.0",
    "timestamp": "2026-11-22T15:04:31.000Z",
    "ports": {"madre": 8001},
    "modules": {"madre": HEALTH},
    "summary": {"healthy_modules": 1, "total_modules": 1, "all_healthy": True},
}
OVERVIEW: dict[str, Any] = {
    "gateway": "prober",
    "version": "1.0",
    "modules_health": {"madre": HEALTH},
    "summary": {"total": 1, "healthy": 1, "unhealthy": 0},
}


@router.get("/status", responses={200: answer("Every module", StatusOfAll, STATUS)})
async def status(context: Given) -> Json:
    """Every module with its port and its latest health; nothing is probed for it.

    `ok` and `status` are the gateway's own: that it answers. The modules' are in the summary.
    """
    members = context.state.members()
    healthy, total = count(members)
    return Json(
        {
            "ok": True,
            "status": "ok",
            "module": context.module,
            "version": context.version,
            "timestamp": rfc3339(clock.epoch_ms()),
            "ports": {member.service.name: member.service.port for member in members},
            "modules": context.modules.told(members),
            "summary": {
                "healthy_modules": healthy,
                "total_modules": total,
                "all_healthy": healthy == total,
            },
        }
    )


@router.get("/overview", responses={200: answer("Every module", Overview, OVERVIEW)})
async def overview(context: Given) -> Json:
    """The health of every module, and how many are well."""
    members = context.state.members()
    healthy, total = count(members)
    return Json(
        {
            "gateway": context.module,
            "version": context.version,
            "modules_health": context.modules.told(members),
            "summary": {"total": total, "healthy": healthy, "unhealthy": total - healthy},
        }
    )
