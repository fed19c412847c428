"""/metrics: the services' series and prober's own, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response

from prober.gateway.context import Given

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["metrics"])


@router.get("/metrics", response_class=Response)
async def metrics(context: Given) -> Response:
    """Everything in Prometheus's text format."""
    text = context.metrics.render() + context.telemetry.render()
    return Response(text.encode(), media_type=CONTENT_TYPE)
