"""The seam between the kinds of on-demand probe and who runs them: one job in, one verdict out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from prober.blackbox.guard import Guard
from prober.blackbox.report import Report
from prober.module import Module
from prober.probes.resolver import Resolver


class Job(NamedTuple):
    """One target to be probed by one module.

    `hostname` is asked for in place of the target's own name, where it is not empty. `deadline` is
    in seconds of `time.monotonic`. `report` is filled while the probe goes on, so that what was
    found before a failure or the deadline is told, too. `resolver` is the worker's.
    """

    target: str
    module: Module
    hostname: str
    deadline: float
    guard: Guard
    report: Report
    resolver: Resolver


Run = Callable[[Job], Awaitable[bool]]
"""Probe a target, and say whether it is well; back by the deadline.

An outage is False, with the reason in the report's log. Raises `guard.Refused` where the target
itself may not be probed; a defect raises what it likes.
"""
