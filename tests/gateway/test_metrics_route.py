"""/metrics, as its parser and a real Prometheus read it."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from daemons import free_port
from fleets import refusal, success
from gateway.watched import Fleet
from prometheus_client.parser import text_string_to_metric_families

SCRAPE = """
global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}
scrape_configs:
  - job_name: prober
    static_configs: [{{targets: ["{target}"]}}]
"""


async def test_it_is_the_text_format_with_both_kinds_of_series(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")

    names = {family.name for family in text_string_to_metric_families(answer.text)}
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {"prober_probes", "prober_schedule_lag_seconds"} <= names


async def test_it_is_one_gzip_stream_for_those_who_take_that(gateway: str, fleet: Fleet) -> None:
    await fleet.tell(success())
    async with httpx.AsyncClient(base_url=gateway, trust_env=False) as client:
        plain = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
        async with client.stream("GET", "/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
            packed = b"".join([chunk async for chunk in answer.aiter_raw()])

    assert answer.headers["content-encoding"] == "gzip"
    assert series(gzip.decompress(packed).decode()) == series(plain.text)
    assert zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed) == gzip.decompress(packed)


def series(text: str) -> list[str]:
    """The lines of the services."""
    return [line for line in text.splitlines() if line.startswith("prober_probe")]


async def test_prometheus_scrapes_it_and_answers_a_query(
    gateway: str, fleet: Fleet, tmp_path: Path
) -> None:
    await fleet.tell(success(), refusal("a/results"))

    async for query in _prometheus(urlsplit(gateway).netloc, tmp_path):
        found = await _eventually(query, "prober_probe_success")
        up = await _eventually(query, "up")

    by_target = {row["metric"]["target"]: row["value"][1] for row in found}
    assert by_target == {"madre": "1", "a/results": "0"}
    assert [row["value"][1] for row in up] == ["1"]


async def _prometheus(target: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A throwaway Prometheus on loopback that scrapes `target`: yields a client of it."""
    program = shutil.which("prometheus")
    if program is None:
        assert os.environ.get("CI") != "true", "prometheus is not installed"
        pytest.skip("prometheus is not installed")
    config = folder / "prometheus.yml"
    config.write_text(SCRAPE.format(target=target))
    listen = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address={listen}",
        "--log.level=error",
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{listen}", trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


async def _eventually(prometheus: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    """The answer to `query` as soon as there is one."""
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await prometheus.get("/api/v1/query", params={"query": query})
                if answer.status_code == 200 and (found := answer.json()["data"]["result"]):
                    return list(found)
            except httpx.ConnectError:
                await asyncio.sleep(0.05)  # it is still starting
            await asyncio.sleep(0.1)
