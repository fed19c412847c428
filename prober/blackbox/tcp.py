"""Probe a target by one TCP connection: plain, with TLS, and with words on it."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from prober.blackbox import chains, faults, handshake, targets
from prober.blackbox.addresses import NoAddress, chosen
from prober.blackbox.conversation import FAILED_DUE_TO_REGEX, converse
from prober.blackbox.job import Job
from prober.blackbox.streams import Stream, connected
from prober.module import TcpModule
from prober.wire import TlsOptions


async def run(job: Job) -> bool:
    """Whether the connection came about, and went as its module wants it to."""
    module = cast(TcpModule, job.module.spec)
    job.report.gauge(*FAILED_DUE_TO_REGEX, 0)
    try:
        async with asyncio.timeout(job.deadline - time.monotonic()):
            return await _probe(job, module)
    except TimeoutError:
        job.report.say("timed out")
    except (targets.BadTarget, NoAddress, OSError) as error:
        job.report.say(f"failed: {faults.sentence(error)}")
    return False


async def _probe(job: Job, module: TcpModule) -> bool:
    host, port = targets.split(job.target)
    address = await chosen(job, host, module.addressing)
    stream = await _connected(job, address, port, module)

    async def encrypt() -> None:
        await _encrypt(job, stream, module.tls_options, host)

    try:
        if module.tls:
            await encrypt()
        return await converse(job, stream, module.steps, encrypt)
    finally:
        stream.close()


async def _connected(job: Job, address: str, port: str, module: TcpModule) -> Stream:
    job.report.say(f"connecting to {address}, port {port}")
    number = targets.port_number(port, "tcp")
    return await connected(address, number, module.addressing.source)


async def _encrypt(job: Job, stream: Stream, options: TlsOptions, host: str) -> None:
    name = options.server_name or host
    job.report.say(f"beginning TLS with {name}")
    try:
        await stream.encrypt(await handshake.context(options), name)
    finally:
        if stream.tls is not None:
            chains.tell(job.report, stream.tls.sent, stream.tls.verified, stream.tls.spoken)
