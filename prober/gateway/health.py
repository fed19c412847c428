"""Whether prober itself lives (/health), and whether it does its work (/ready)."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus

from fastapi import APIRouter

from prober.gateway.answers import Json
from prober.gateway.context import Given

router = APIRouter(tags=["health"])


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health(context: Given) -> Json:
    """Answers as long as the process serves requests."""
    return Json({"status": "ok", "module": context.module, "version": context.version})


@router.head("/ready", include_in_schema=False)
@router.get("/ready", responses={503: {"description": "Starting, stalled or spooling"}})
async def ready(context: Given) -> Json:
    """200 while probes are made and their results reach the store, else 503; and which fails."""
    progress = context.progress()
    status = HTTPStatus.OK if progress.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Json(asdict(progress), status)
