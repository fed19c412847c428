"""Send one request with an engine, from a URL as people write it."""

from __future__ import annotations

from urllib.parse import urlsplit

from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options, Request


async def fetch(
    engine: Engine, url: str, timeout_s: float = 5.0, options: Options | None = None
) -> Exchange:
    """Fetch `url` with an engine, by default with GET and a fresh connection."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    request = Request(url, parts.hostname or "", port, options or Options())
    return await engine.fetch(request, timeout_s)
