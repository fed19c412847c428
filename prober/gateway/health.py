"""Whether prober itself lives (/health), and whether it does its work (/ready)."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus

from fastapi import APIRouter

from prober.gateway.answers import Json
from prober.gateway.context import Given
from prober.gateway.described import Answers, answer
from prober.gateway.shapes import Health, Ready

router = APIRouter(tags=["health"])


HEALTH = answer("It does", Health, {"status": "ok", "module": "prober", "version": "1.0"})
READY = {"schedule": "ok", "store": "ok", "ready": True}
ANSWERS: Answers = {
    200: answer("It does its work", Ready, READY),
    503: answer(
        "Starting, stalled or spooling", Ready, READY | {"store": "spooling", "ready": False}
    ),
}


@router.head("/health", responses={200: HEALTH})
@router.get("/health", responses={200: HEALTH})
async def health(context: Given) -> Json:
    """Answers as long as the process serves requests."""
    return Json({"status": "ok", "module": context.module, "version": context.version})


@router.head("/ready", responses=ANSWERS)
@router.get("/ready", responses=ANSWERS)
async def ready(context: Given) -> Json:
    """200 while probes are made and their results reach the store, else 503; and which fails."""
    progress = context.progress()
    status = HTTPStatus.OK if progress.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Json(asdict(progress), status)
