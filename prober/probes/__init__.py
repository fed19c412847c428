"""Probes: one kind, one module and one line in `PROBES`."""

from __future__ import annotations

from collections.abc import Callable

from prober.probes.base import Probe
from prober.probes.engine import Engine
from prober.probes.http import HttpProbe

PROBES: dict[str, Callable[[Engine], Probe]] = {
    "http": HttpProbe,
}
