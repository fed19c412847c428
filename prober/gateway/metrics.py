"""/metrics: the services' series and prober's own, for Prometheus."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from prober.gateway.context import Given
from prober.gateway.described import text
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.sinks.metrics import Text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CHUNK = 2**18  # bytes that are sent at once

GZIP_HEAD = bytes.fromhex("1f8b08000000000000ff")  # RFC 1952: deflate, no name, no time
DEFLATE_END = bytes.fromhex("0300")  # RFC 1951: an empty last block

EXAMPLE = """\
# HELP prober_probe_success Whether the service is well.
# TYPE prober_probe_success gauge
prober_probe_success{target="madre"} 1.0
"""

router = APIRouter(tags=["metrics"], dependencies=[needs(Scope.READ)], responses=REFUSALS)


@router.get("/metrics", response_class=Response, responses={200: text("All series", EXAMPLE)})
async def metrics(request: Request, context: Given) -> StreamingResponse:
    """Everything in Prometheus's text format."""
    texts = [*await context.metrics.texts(), Text(context.telemetry.render().encode())]
    headers = {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        # Here rather than for all routes, since what did not change is deflated already.
        headers["Content-Encoding"] = "gzip"
        return StreamingResponse(_sent(_gzip(texts)), media_type=CONTENT_TYPE, headers=headers)
    plain = (one.plain for one in texts)
    return StreamingResponse(_sent(plain), media_type=CONTENT_TYPE, headers=headers)


def _gzip(texts: Sequence[Text]) -> Iterator[bytes]:
    """One gzip member that holds all texts."""
    yield GZIP_HEAD
    check = size = 0
    for one in texts:
        yield one.deflated
        check = zlib.crc32(one.plain, check)
        size += len(one.plain)
    yield DEFLATE_END + check.to_bytes(4, "little") + (size % 2**32).to_bytes(4, "little")


async def _sent(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Pieces in chunks, letting others run between them."""
    chunk: list[bytes] = []
    size = 0
    for piece in pieces:
        chunk.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield b"".join(chunk)
            chunk, size = [], 0
            await asyncio.sleep(0)
    yield b"".join(chunk)
