"""What a probe costs: prober end to end beside blackbox_exporter and the floor, in one run.

    python -m bench.engine [CASE…] [--rounds 3] [--seconds 15] [--json FILE]

A CASE is plain-fresh, plain-kept, tls-fresh or tls-kept; all of them where none is named. prober
probes, weighs, stores and exports; blackbox_exporter only probes, on demand, and always over a
fresh connection. What is measured is pinned to one core, and the nginx that answers to another
one. Quote the ratios: machines differ and are noisy.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench import exporter, facts, floor, stage

WARM_UP_S = 6  # the first looks are over by then
SERVICES = 1000
TROUBLE = 0.02  # as a share of the probes
COUNTERS = ("prober_probes_total", "prober_probe_failures_total", "prober_missed_slots_total")
KEPT_HOSTS = 100  # so that kept connections are many, as in real life
MEASURED, ANSWERING = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


class Busy(Exception):
    """The machine had too much other work for a round to count."""


class Case(NamedTuple):
    """How services are asked, each once an interval; `goal` is the ratio to stay below.

    The floor and blackbox_exporter make so many `requests`.
    """

    tls: bool
    kept: bool
    interval_s: int
    requests: int
    goal: float | None = None


CASES: dict[str, Case] = {
    "plain-fresh": Case(tls=False, kept=False, interval_s=1, requests=3000, goal=0.25),
    "plain-kept": Case(tls=False, kept=True, interval_s=1, requests=3000, goal=0.12),
    "tls-fresh": Case(tls=True, kept=False, interval_s=5, requests=800, goal=0.7),
    "tls-kept": Case(tls=True, kept=True, interval_s=1, requests=800),
}

Figures = dict[str, float]
"""CPU µs a probe, by who spent it."""


def measured(case: Case, folder: Path, seconds: float) -> Figures:
    """One round of one case."""
    ca_file = stage.certified(folder)
    # The certificate is for one address; a kept connection shows it once.
    hosts = KEPT_HOSTS if case.kept and not case.tls else 1
    with stage.nginx(folder, tls=case.tls, hosts=hosts, core=ANSWERING) as port:
        url = f"http{'s' if case.tls else ''}://127.0.0.1:{port}"
        figures = {f"floor, {loop}": _floor_us(loop, url, ca_file, case) for loop in floor.LOOPS}
        if exporter.PROGRAM:
            figures["blackbox_exporter"] = exporter.cost_us(
                folder / "exporter", url, ca_file, case.requests, MEASURED
            )
        urls = [url.replace("127.0.0.1", stage.host(n)) for n in range(hosts)]
        return figures | _prober_us(case, folder / "prober", urls, ca_file, seconds)


def _floor_us(loop: str, url: str, ca_file: Path, case: Case) -> float:
    command = (sys.executable, "-m", "bench.floor", loop, url, str(ca_file), str(int(case.kept)))
    pinned = ("taskset", "--cpu-list", str(MEASURED), *command, str(case.requests))
    return float(subprocess.run(pinned, check=True, capture_output=True, text=True).stdout)


def _prober_us(case: Case, folder: Path, urls: list[str], ca_file: Path, seconds: float) -> Figures:
    interval = f"{case.interval_s}s"
    watched: list[dict[str, object]] = [
        {"name": f"service-{n}", "url": urls[n % len(urls)], "endpoints": [f"/health/{n}"]}
        for n in range(SERVICES)
    ]
    defaults: dict[str, object] = {
        "interval": interval,
        "timeout": interval,
        "keep_alive": case.kept,
    }
    if case.tls:
        defaults["tls"] = {"ca_file": str(ca_file)}
    with stage.prober(folder, watched, interval, core=MEASURED, defaults=defaults) as daemon:
        time.sleep(WARM_UP_S)
        pids = daemon.pids()
        before, start = [stage.cpu_s(pid) for pid in pids], _counted(daemon)
        time.sleep(seconds)
        counts = zip(_counted(daemon), start, strict=True)
        probes, failed, missed = (end - was for end, was in counts)
        after = [stage.cpu_s(pid) for pid in pids]
        if failed + missed > TROUBLE * probes:  # what fails costs less
            raise Busy(f"{probes:.0f} probes, {failed:.0f} failed, {missed:.0f} slots missed")
        spent = [1e6 * (end - was) / probes for end, was in zip(after, before, strict=True)]
    return {
        "prober": sum(spent),
        "prober, main process": spent[0],
        "prober, workers": sum(spent[1:]),
    }


def _counted(daemon: stage.Daemon) -> tuple[float, ...]:
    metrics = daemon.get("/metrics")
    return tuple(stage.series(metrics, name) for name in COUNTERS)


def table(rounds: Mapping[str, list[Figures]]) -> str:
    """The medians, and what they are of blackbox_exporter's in the same run."""
    lines = [f"{'case':12} {'who':24} {'CPU µs a probe':>22}  {'ratio':>5}"]
    for name, taken in rounds.items():
        for who in taken[0]:
            figures = [figures[who] for figures in taken]
            span = f"{statistics.median(figures):.0f} ({min(figures):.0f}-{max(figures):.0f})"
            told = f"{ratio:5.2f}" if (ratio := _ratio(taken, who)) else ""
            goal = f"  (goal {CASES[name].goal})" if who == "prober" and CASES[name].goal else ""
            lines.append(f"{name:12} {who:24} {span:>22}  {told}{goal}")
    return "\n".join(lines)


def _ratio(taken: list[Figures], who: str) -> float | None:
    """The median over rounds of a figure to blackbox_exporter's in the same round."""
    if "blackbox_exporter" not in taken[0]:
        return None
    return statistics.median(figures[who] / figures["blackbox_exporter"] for figures in taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--json", type=Path, help="where the figures go, too")
    options = parser.parse_args()
    rounds: dict[str, list[Figures]] = {name: [] for name in options.cases or CASES}
    with tempfile.TemporaryDirectory() as folder:
        for n in range(options.rounds):
            for name, taken in rounds.items():
                place = Path(folder) / f"{name}-{n}"
                try:
                    taken.append(measured(CASES[name], place, options.seconds))
                except Busy as why:
                    print(f"{name}: a round is void, the machine is too busy: {why}")
    rounds = {name: taken for name, taken in rounds.items() if taken}
    print(table(rounds))
    if not exporter.PROGRAM:
        print("blackbox_exporter is not installed: no ratios")
    if options.json:
        written = facts.here() | {"cpu_us_a_probe": rounds}
        options.json.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    main()
