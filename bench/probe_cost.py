"""CPU time per probe, end to end, of prober beside blackbox_exporter in the same run.

    python -m bench.probe_cost [--services 1000] [--seconds 20] [--rounds 3]

prober probes, weighs, stores and exports; blackbox_exporter only probes, on demand. Both open a
fresh connection to the same nginx on loopback. Quote the ratio: machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from bench import stage

BLACKBOX = shutil.which("prometheus-blackbox-exporter")
MODULES = "modules: {http: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n"


def prober_us(folder: Path, target: int, services: int, seconds: float) -> float:
    """CPU µs per probe of all of prober's processes, at a probe a second per service."""
    url = f"http://127.0.0.1:{target}"
    with stage.prober(folder, stage.services(services, url), "1s") as daemon:
        time.sleep(4)
        pids = daemon.pids()
        before = [stage.cpu_s(p) for p in pids]
        probes = stage.series(daemon.get("/metrics"), "prober_probes_total")
        time.sleep(seconds)
        probes = stage.series(daemon.get("/metrics"), "prober_probes_total") - probes
        spent = [stage.cpu_s(p) - b for p, b in zip(pids, before, strict=True)]
        parts = ", ".join(f"{1e6 * s / probes:.0f}" for s in spent)
        missed = stage.series(daemon.get("/metrics"), "prober_missed_slots_total")
        print(f"  prober: {probes:.0f} probes, {missed:.0f} missed, CPU µs main, worker: {parts}")
        return 1e6 * sum(spent) / probes


def blackbox_us(folder: Path, target: int, probes: int) -> float:
    """CPU µs per probe of blackbox_exporter, eight at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "blackbox.yml").write_text(MODULES)
    port = stage.free_port()
    command = (
        str(BLACKBOX),
        f"--config.file={folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with stage.process(*command, cwd=folder) as pid:
        stage.wait_for(port)
        url = f"http://127.0.0.1:{port}/probe?module=http&target=http://127.0.0.1:{target}/health"
        asyncio.run(_ask(url, probes // 10))
        before = stage.cpu_s(pid)
        asyncio.run(_ask(url, probes))
        return 1e6 * (stage.cpu_s(pid) - before) / probes


async def _ask(url: str, times: int) -> None:
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=8)) as client:

        async def some() -> None:
            for _ in range(times // 8):
                answer = await client.get(url)
                if "probe_success 1" not in answer.text:
                    raise RuntimeError(f"the probe failed: {answer.text}")

        await asyncio.gather(*(some() for _ in range(8)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as name, stage.nginx(Path(name) / "nginx") as target:
        for n in range(options.rounds):
            folder = Path(name) / str(n)
            ours.append(prober_us(folder, target, options.services, options.seconds))
            if BLACKBOX:
                theirs.append(blackbox_us(folder / "blackbox", target, 4000))
    show("prober, end to end", ours)
    if theirs:
        show("blackbox_exporter", theirs)
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(f"ratio                {ratio:.2f}")
    else:
        print("blackbox_exporter is not installed: no ratio")


def show(name: str, figures: list[float]) -> None:
    low, high = min(figures), max(figures)
    print(f"{name:20} {statistics.median(figures):6.0f} CPU µs a probe ({low:.0f} to {high:.0f})")


if __name__ == "__main__":
    main()
