"""The one address of a target that is probed, chosen and told as blackbox_exporter does."""

from __future__ import annotations

import time

from prober.blackbox.job import Job
from prober.module import Addressing


class NoAddress(Exception):
    """A host has no address that may be probed; the message says why."""


async def chosen(job: Job, host: str, addressing: Addressing) -> str:
    """Resolve a host and choose: the preferred kind, or the other where that may be fallen back to.

    Sets probe_dns_lookup_time_seconds (once, by adding), probe_ip_protocol and
    probe_ip_addr_hash. Raises `NoAddress`, `guard.Refused` where the host or all of its addresses
    aren't allowed, or TimeoutError at the job's deadline.
    """
    raise NotImplementedError((job, host, addressing, time))
