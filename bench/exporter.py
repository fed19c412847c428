"""CPU time of a probe by blackbox_exporter, asked at its own /probe."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import httpx

from bench import stage

PROGRAM = shutil.which("prometheus-blackbox-exporter")
MODULES = """
modules:
  http:
    prober: http
    timeout: 5s
    http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: "{ca_file}"}}}}
"""
AT_A_TIME = 8


def cost_us(folder: Path, target: str, ca_file: Path, probes: int, core: int) -> float:
    """CPU µs per probe of a target's url, eight at a time, after a tenth as many to warm up."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "blackbox.yml").write_text(MODULES.format(ca_file=ca_file))
    port = stage.free_port()
    command = (
        str(PROGRAM),
        f"--config.file={folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with stage.process(*command, cwd=folder, core=core) as pid:
        stage.wait_for(port)
        url = f"http://127.0.0.1:{port}/probe?module=http&target={target}"
        asyncio.run(_ask(url, probes // 10))
        before = stage.cpu_s(pid)
        asyncio.run(_ask(url, probes))
        return 1e6 * (stage.cpu_s(pid) - before) / probes


async def _ask(url: str, times: int) -> None:
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=AT_A_TIME)) as client:

        async def some() -> None:
            for _ in range(times // AT_A_TIME):
                answer = await client.get(url)
                if "probe_success 1" not in answer.text:
                    raise RuntimeError(f"the probe failed: {answer.text}")

        await asyncio.gather(*(some() for _ in range(AT_A_TIME)))
