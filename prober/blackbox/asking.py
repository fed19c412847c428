"""Answer one question of the main process: run the kind of probe that its module asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import structlog

from prober.blackbox import KINDS
from prober.blackbox.guard import Guard, Refused
from prober.blackbox.job import Job, Run
from prober.blackbox.report import Report
from prober.channel import Answer, Ask
from prober.probes.resolver import Resolver

# A kind minds its deadline itself, and then still tells what it found; this is for one that fails
# to. It ends within the half second that Prometheus is told to leave.
GRACE_S = 0.25

log = structlog.get_logger(__name__)


class Asking:
    """Runs probes on demand on the running event loop.

    `kinds` replaces the kinds of probe, for tests.
    """

    def __init__(self, kinds: Mapping[type, Run] = KINDS) -> None:
        self._kinds = kinds
        self._resolver = Resolver(asyncio.get_running_loop())

    async def answer(self, ask: Ask) -> Answer:
        """Probe the target, for `ask.timeout_s` and a quarter of a second at most."""
        report = Report()
        began = time.monotonic()
        try:
            success = await self._verdict(self._job(ask, report, began + ask.timeout_s))
        except Refused as refused:
            return Answer(ask.number, log=report.log, refused=str(refused))
        _conclude(report, success, time.monotonic() - began)
        return Answer(ask.number, report.render(), report.log)

    def _job(self, ask: Ask, report: Report, deadline: float) -> Job:
        seams = (Guard(ask.allowed), report, self._resolver)
        return Job(ask.target, ask.module, ask.hostname, deadline, *seams)

    async def _verdict(self, job: Job) -> bool:
        run = self._kinds[type(job.module.spec)]
        try:
            async with asyncio.timeout(job.deadline + GRACE_S - time.monotonic()):
                return await run(job)
        except Refused:
            raise
        except TimeoutError:
            job.report.say("the time is over")
        except Exception:  # a defect must not end the probing of all else
            log.exception("probe_defect", module=job.module.name)
            job.report.say("prober's own fault, not the target's: a defect, which is logged")
        return False


def _conclude(report: Report, success: bool, took_s: float) -> None:
    report.gauge("probe_success", "Displays whether or not the probe was a success", float(success))
    report.gauge(
        "probe_duration_seconds",
        "Returns how long the probe took to complete in seconds",
        took_s,
    )
    report.say(f"probe {'succeeded' if success else 'failed'} after {took_s:.3f} s")
