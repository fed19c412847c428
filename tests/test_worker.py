"""A worker against real servers, over an in-process channel and in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest
from servers import answers, hangs, serving

from prober.channel import Batch, Channel, ChannelClosed, Plan, QueueChannel, Stop
from prober.launch import WorkerProcess, WorkerTask
from prober.model import Outcome, Reason, Result, Service
from prober.worker import Worker


def service(url: str, port: int, interval_s: float = 0.2, timeout_s: float = 5) -> Service:
    return Service("madre", url, "127.0.0.1", port, interval_s=interval_s, timeout_s=timeout_s)


async def heard(channel: Channel, enough: Callable[[list[Batch]], bool]) -> list[Batch]:
    batches: list[Batch] = []
    async with asyncio.timeout(10):
        while not enough(batches):
            message = await channel.receive()
            assert isinstance(message, Batch)
            batches.append(message)
    return batches


def results(batches: list[Batch]) -> list[Result]:
    return [result for batch in batches for result in batch.results]


async def test_a_worker_sends_the_results_of_its_plan() -> None:
    launched = await WorkerTask.launch(0.0)
    with serving(answers(200, b"well")) as server:
        launched.channel.send(Plan((service(server.url, server.port),)))
        found = results(await heard(launched.channel, lambda b: len(results(b)) >= 3))

    assert {(r.service, r.outcome, r.http_code, r.snippet) for r in found} == {
        ("madre", Outcome.SUCCESS, 200, "well")
    }
    assert max(r.lag_ms for r in found) < 50
    await launched.end()


async def test_a_probe_that_still_runs_at_its_next_slot_makes_it_missed() -> None:
    launched = await WorkerTask.launch(0.0)
    with serving(hangs()) as server:
        slow = service(server.url, server.port, interval_s=0.1, timeout_s=0.35)
        launched.channel.send(Plan((slow,)))
        batches = await heard(launched.channel, lambda b: len(results(b)) >= 3)

    assert sum(b.missed for b in batches) >= 6
    assert max(b.in_flight for b in batches) <= 1
    await launched.end()


async def test_a_new_plan_takes_effect_at_once() -> None:
    launched = await WorkerTask.launch(0.0)
    with serving(answers(200)) as old, serving(answers(500)) as new:
        launched.channel.send(Plan((service(old.url, old.port),)))
        await heard(launched.channel, lambda b: bool(results(b)))
        launched.channel.send(Plan((service(new.url, new.port),)))
        found = results(
            await heard(launched.channel, lambda b: any(r.http_code == 500 for r in results(b)))
        )

    assert found[-1].reason is Reason.STATUS
    await launched.end()


async def test_an_idle_worker_is_heard_from_all_the_same() -> None:
    launched = await WorkerTask.launch(0.0)
    launched.channel.send(Plan(()))

    batches = await heard(launched.channel, lambda b: len(b) >= 2)

    assert results(batches) == []
    await launched.end()


async def test_stopping_sends_what_is_finished_and_cancels_what_runs() -> None:
    ours, theirs = QueueChannel.pair()
    worker = asyncio.create_task(Worker(theirs, 0.0).run())
    with serving(answers(200)) as server, serving(hangs()) as stuck:
        hanging = Service("stuck", stuck.url, "h", 1, interval_s=0.1, timeout_s=30)
        ours.send(Plan((service(server.url, server.port, interval_s=0.05), hanging)))
        await heard(ours, lambda b: bool(b) and b[-1].in_flight > 0)
        ours.send(Stop())
        async with asyncio.timeout(1):
            await worker

    with pytest.raises(ChannelClosed):
        await heard(ours, lambda _: False)


async def test_a_worker_process_ignores_the_signals_of_its_group_and_ends_with_its_channel() -> (
    None
):
    launched = await WorkerProcess.launch(0.0, "json", "info")
    pid = launched._process.pid
    launched.channel.send(Plan(()))
    await heard(launched.channel, lambda b: len(b) >= 1)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    await heard(launched.channel, lambda b: len(b) >= 1)
    started = time.monotonic()
    await launched.end()

    assert time.monotonic() - started < 1
    assert launched._process.returncode == 0
