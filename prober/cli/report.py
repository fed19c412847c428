"""Print a fleet in the format that was asked for, and turn its verdict into an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence

from prober import fleet
from prober.cli import files
from prober.model import Observation
from prober.reports import fleet as fleet_report
from prober.reports import junit, markdown, table


def as_json(members: Sequence[fleet.Member]) -> str:
    """The fleet's JSON, indented for people."""
    return json.dumps(fleet_report.as_json(members), indent=2, ensure_ascii=False) + "\n"


def as_prometheus(members: Sequence[fleet.Member]) -> str:
    """The services' series as /metrics has them, fit for node_exporter's textfile collector."""
    import asyncio  # here, since both are dear to import and this is seldom asked for

    from prober.sinks.metrics import Metrics

    metrics = Metrics([member.service for member in members])
    asyncio.run(metrics.write([_observation(member) for member in members]))
    metrics.maintain({m.service.name for m in members if m.maintenance is not None})
    return metrics.render()


FORMATS: dict[str, Callable[[Sequence[fleet.Member]], str]] = {
    "table": table.render,
    "json": as_json,
    "markdown": markdown.render,
    "junit": junit.render,
    "prometheus": as_prometheus,
}


def write(members: Sequence[fleet.Member], format: str, output: str | None = None) -> None:
    """Write the fleet in one of `FORMATS`; a table on a terminal is coloured.

    Raises NotWritable where the file `output` can't be written.
    """
    if format == "table" and output is None and sys.stdout.isatty():
        from prober.cli import terminal  # here, since rich is dear to import

        terminal.show(members)
    else:
        files.emit(FORMATS[format](members), output)


def exit_code(members: Sequence[fleet.Member]) -> int:
    """0 where the fleet's verdict is well, else 1."""
    return 0 if fleet.judge(members).well else 1


def _observation(member: fleet.Member) -> Observation:
    return Observation(member.service.name, member.since or 0, member.status, member.result)
