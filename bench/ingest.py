"""How many events a second the gateway takes in, each answered after its commit, and at what cost.

    python -m bench.ingest [--seconds 10] [--connections 32] [--services 0] [--url postgresql://…]

The clients are wrk's, on connections that are kept, each sending its next event when the last one
is answered. Prints events/s, CPU time of prober's main process per event, and latencies. Exits
with 1 where the ledger doesn't hold as many events as were answered, or its chain is not whole.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import stage
from prober.storage import inspection, migrate

TOKEN = "bench-token-of-some-length"
CANONICAL = {
    "system.alert": {
        "nature": "incident",
        "max_bytes": "2KiB",
        "schema": {
            "type": "object",
            "required": ["alert_id", "severity", "message", "timestamp"],
            "properties": {"alert_id": {"type": "string"}, "timestamp": {"type": "integer"}},
        },
    }
}
EVENT = {
    "type": "system.alert",
    "source": "bench",
    "payload": {
        "alert_id": "a-17",
        "severity": "L3",
        "message": "the queue of hermes is full",
        "timestamp": 1_795_359_600_000,
    },
}
GATEWAY: dict[str, object] = {
    "auth": {"tokens": [{"name": "bench", "token": TOKEN, "scopes": ["ingest"]}]},
    "events": {"types": CANONICAL},
}
SCRIPT = f"""
wrk.method = "POST"
wrk.headers["X-Prober-Token"] = "{TOKEN}"
wrk.body = '{json.dumps(EVENT)}'
local bad = 0
response = function(status, headers, body)
  if status ~= 200 or not body:find('"status":"ok"', 1, true) then bad = bad + 1 end
  if bad == 1 then print("not taken: " .. body) bad = 2 end
end
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--services", type=int, default=0, help="services to probe meanwhile")
    parser.add_argument("--url", help="the database; an SQLite file of its own where not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = options.url or f"sqlite:///{folder}/prober.db"
        migrate.upgrade(url)
        before = inspection.count(url)
        target = stack.enter_context(stage.nginx(folder / "nginx"))
        watched = stage.services(max(options.services, 1), f"http://127.0.0.1:{target}")
        store = {"url": url, "spool": f"{folder}/spool"}
        daemon = stack.enter_context(
            stage.prober(folder, watched, "1s", gateway=GATEWAY, store=store)
        )
        answered = send(folder, daemon, options.seconds, options.connections)
        spooled = stage.series(daemon.get("/metrics"), "prober_spool_rows")
        found = inspection.inspect(url, None, lambda _: None)
    stored = found.rows - before
    print(f"stored {stored}, chain whole: {found.well}, results in the spool: {spooled:.0f}")
    return int(stored < answered or not found.well)


def send(folder: Path, daemon: stage.Daemon, seconds: int, connections: int) -> int:
    """Send events for so long, print what it took, and give how many were answered."""
    script = folder / "events.lua"
    script.write_text(SCRIPT)
    before_s = stage.cpu_s(daemon.pid)
    wrk = ("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script))
    address = f"http://127.0.0.1:{daemon.port}/api/v1/events"
    said = subprocess.run((*wrk, address), capture_output=True, text=True, check=True).stdout
    spent_s = stage.cpu_s(daemon.pid) - before_s
    found = re.search(r"(\d+) requests in ([\d.]+)s", said)
    assert found is not None, said
    answered, took_s = int(found[1]), float(found[2])
    latency = ", ".join(f"p{p} {t}" for p, t in re.findall(r"(50|99)%\s+(\S+)", said))
    cost_us = spent_s / answered * 1e6
    print(f"{answered / took_s:.0f} events/s, {cost_us:.0f} CPU µs an event, latency {latency}")
    for trouble in re.findall(r"not taken.*|Non-2xx.*|Socket errors.*", said):
        print(trouble)
    return answered


if __name__ == "__main__":
    sys.exit(main())
