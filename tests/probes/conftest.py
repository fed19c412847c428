"""Engines on the test's event loop, and what they trust."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from authorities import Authority
from servers import Certificate

from prober.probes.engine import Engine


@pytest.fixture
async def engine(certificate: Certificate) -> AsyncIterator[Engine]:
    """An engine that trusts the test's certificate only."""
    engine = Engine(asyncio.get_running_loop(), str(certificate.cert))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def trusting(authority: Authority) -> AsyncIterator[Engine]:
    """An engine that trusts the authority."""
    engine = Engine(asyncio.get_running_loop(), str(authority.cert))
    yield engine
    engine.close()
