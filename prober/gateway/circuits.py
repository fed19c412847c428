"""The breakers of the services that the gateway leads to."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from prober import clock
from prober.breaker import Breaker
from prober.gateway.answers import Json
from prober.gateway.context import Given
from prober.gateway.described import answer
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.gateway.shapes import Breakers
from prober.reports.times import rfc3339

EXAMPLE = {
    "breakers": {
        "hermes": {"state": "open", "failure_count": 3, "last_failure": "2026-11-22T15:00:00.123Z"}
    },
    "timestamp": "2026-11-22T15:00:01.000Z",
}

router = APIRouter(
    prefix="/api/v1", tags=["status"], dependencies=[needs(Scope.READ)], responses=REFUSALS
)


@router.get("/breakers", responses={200: answer("The breakers", Breakers, EXAMPLE)})
async def breakers(context: Given) -> Json:
    """Every service's breaker: closed, open or half_open, and its failures in a row."""
    seen = context.outward.breakers.seen()
    told = {name: _told(breaker) for name, breaker in seen.items()}
    return Json({"breakers": told, "timestamp": rfc3339(clock.epoch_ms())})


def _told(breaker: Breaker) -> dict[str, Any]:
    at = breaker.last_failure
    return {
        "state": breaker.phase,
        "failure_count": breaker.failures,
        "last_failure": None if at is None else rfc3339(at),
    }
