"""Jobs for the kinds of probe on demand, without a worker around them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prober.blackbox.guard import Guard
from prober.blackbox.job import Job
from prober.blackbox.report import Report
from prober.module import Allowed, DnsModule, HttpModule, IcmpModule, Module, TcpModule
from prober.probes.resolver import Resolver

EVERYWHERE = Allowed(networks=("0.0.0.0/0", "::/0"))
Spec = HttpModule | TcpModule | DnsModule | IcmpModule


@contextmanager
def job(
    target: str, spec: Spec, timeout_s: float = 5.0, allowed: Allowed = EVERYWHERE
) -> Iterator[Job]:
    """A job that may take so long from now, on the running event loop."""
    deadline = time.monotonic() + timeout_s
    seams = (Guard(allowed), Report(), Resolver(asyncio.get_running_loop()))
    yield Job(target, Module("test", spec), "", deadline, *seams)
