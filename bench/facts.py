"""What a benchmark's figures are of: the machine, the programs, the day."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pycurl

from bench import exporter
from prober import __version__


def here() -> dict[str, object]:
    """Facts about this machine, for a JSON file."""
    return {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "load": os.getloadavg(),
        },
        "versions": {
            "prober": __version__,
            "python": platform.python_version(),
            "pycurl": pycurl.version,
            "blackbox_exporter": _exporter(),
        },
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def _exporter() -> str | None:
    if not exporter.PROGRAM:
        return None
    said = subprocess.run((exporter.PROGRAM, "--version"), capture_output=True, text=True)
    return (said.stdout or said.stderr).partition("(")[0].strip()
