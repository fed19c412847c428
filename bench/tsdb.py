"""The same history in prober's store and in Prometheus's own: bytes, and what range queries take.

    python -m bench.tsdb [--services 50] [--interval 30] [--days 7]

A result becomes three samples there, as blackbox_exporter exports it (success, duration and code);
its reason, phase, endpoint and snippet have no place. promtool makes the blocks, and a Prometheus
compacts them and answers. Both answer p95 and availability per hour for one service.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TextIO

from bench import stage
from bench.questions import NAME, week_by_hour
from bench.samples import HOUR_MS, START, Samples
from bench.store import BATCH, DAY_MS, OPEN_MS, count, fill
from prober.model import Outcome, Result
from prober.storage import migrate
from prober.storage.reader import Reader

ROUNDS = 20
BLOCK_MS = 2 * HOUR_MS  # what Prometheus cuts time into
COMPACTED_S = 100  # Prometheus looks for blocks to compact once a minute
QUERIES = (
    'quantile_over_time(0.95, probe_duration_seconds{{target="{0}"}}[1h])',
    'avg_over_time(probe_success{{target="{0}"}}[1h])',
)
FAMILIES: dict[str, Callable[[Result], float]] = {
    "probe_success": lambda result: float(result.outcome is Outcome.SUCCESS),
    "probe_duration_seconds": lambda result: (result.latency_ms or 0.0) / 1000,
    "probe_http_status_code": lambda result: float(result.http_code or 0),
}


class Asked(NamedTuple):
    """Medians of a question."""

    wall_ms: float
    cpu_ms: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", type=int, default=50)
    parser.add_argument("--interval", type=float, default=30)
    parser.add_argument("--days", type=int, default=7)
    options = parser.parse_args()
    if not (shutil.which("prometheus") and shutil.which("promtool")):
        print("prometheus is not installed: there is nothing to compare with")
        return 1
    duration_ms = options.days * DAY_MS + OPEN_MS
    made = Samples(options.services, options.interval)
    with tempfile.TemporaryDirectory(prefix="bench-tsdb-") as name:
        folder = Path(name)
        url = f"sqlite:///{folder}/prober.db"
        migrate.upgrade(url)
        rows = fill(url, made, duration_ms).rows
        packed, packed_bytes = count(url, "SELECT sum(count), sum(length(data)) FROM segments")
        print(f"{rows:,} results. Bytes a result: prober {packed_bytes / packed:.2f} in segments")
        ours = asked(url, START + duration_ms)
        for file in write(folder, Samples(options.services, options.interval), duration_ms):
            command = ("promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet")
            subprocess.run((*command, str(file), str(folder / "data")), check=True)
        theirs = in_prometheus(folder, rows, START + duration_ms)
    print(f"\n{'p95 and availability per hour over 7 days':42} wall ms   CPU ms")
    for who, took in (("prober's reader", ours), ("Prometheus by HTTP", theirs)):
        print(f"{who:42} {took.wall_ms:7.1f} {took.cpu_ms:8.1f}")
    return 0


def asked(url: str, now_ms: int) -> Asked:
    """The question as prober answers it, warm."""
    reader = Reader(url)
    walls, spent = [], []
    for _ in range(ROUNDS):
        began, before = time.perf_counter(), time.process_time()
        week_by_hour(reader, now_ms)
        walls.append(1000 * (time.perf_counter() - began))
        spent.append(1000 * (time.process_time() - before))
    return Asked(statistics.median(walls), statistics.median(spent))


def write(folder: Path, samples: Samples, duration_ms: int) -> Iterator[Path]:
    """The samples in OpenMetrics format, a file a block: promtool reads all for each block."""
    blocks: dict[int, list[Result]] = defaultdict(list)
    for observation in chain.from_iterable(samples.batches(duration_ms, BATCH)):
        if observation.result is not None:
            blocks[observation.at // BLOCK_MS].append(observation.result)
    for block, results in blocks.items():
        file = folder / f"{block}.txt"
        with file.open("w") as opened:
            for family, value in FAMILIES.items():
                write_family(opened, family, value, results)
            opened.write("# EOF\n")
        yield file


def write_family(
    opened: TextIO, family: str, value: Callable[[Result], float], results: Iterable[Result]
) -> None:
    opened.write(f"# TYPE {family} gauge\n")
    for result in results:
        opened.write(
            f'{family}{{target="{result.service}"}} {value(result)} {result.checked_at / 1000}\n'
        )


def in_prometheus(folder: Path, rows: int, now_ms: int) -> Asked:
    """Have a Prometheus take over the folder's blocks, print their size, and ask it."""
    data = folder / "data"
    (folder / "prometheus.yml").write_text("")
    port = stage.free_port()
    arguments = (
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    fresh = size(data)
    with stage.process("prometheus", *arguments, cwd=folder) as pid:
        stage.wait_for(port)
        time.sleep(COMPACTED_S)
        blocks = len(list(data.glob("*/meta.json")))
        print(f"    Prometheus {size(data) / rows:.2f} in {blocks} blocks", end="")
        print(f" ({fresh / rows:.2f} in blocks of 2 h), three samples a result")
        walls = []
        before = stage.cpu_s(pid)
        for _ in range(ROUNDS):
            began = time.perf_counter()
            for query in QUERIES:
                ask(port, query.format(NAME), now_ms)
            walls.append(1000 * (time.perf_counter() - began))
        spent_ms = 1000 * (stage.cpu_s(pid) - before) / ROUNDS
    return Asked(statistics.median(walls), spent_ms)


def size(data: Path) -> int:
    """Bytes of all blocks: chunks and index, without the log of what comes in."""
    return sum(
        f.stat().st_size for f in data.glob("*/**/*") if f.is_file() and "wal" not in f.parts
    )


def ask(port: int, query: str, now_ms: int) -> None:
    end_s = now_ms // HOUR_MS * HOUR_MS // 1000
    asked = {"query": query, "start": end_s - 7 * 24 * 3600 + 3600, "end": end_s, "step": 3600}
    url = f"http://127.0.0.1:{port}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        (series,) = json.load(answer)["data"]["result"]
    assert len(series["values"]) >= 7 * 24 - 1, len(series["values"])


if __name__ == "__main__":
    sys.exit(main())
