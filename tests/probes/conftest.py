"""An engine on the test's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from servers import Certificate

from prober.probes.engine import Engine


@pytest.fixture
async def engine(certificate: Certificate) -> AsyncIterator[Engine]:
    """An engine that trusts the test's certificate only."""
    engine = Engine(asyncio.get_running_loop(), str(certificate.cert))
    yield engine
    engine.close()
