"""A worker against real servers, over an in-process channel and in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from servers import answers, hangs, read_request, response, serving

from prober import launch
from prober.channel import Batch, Channel, ChannelClosed, Plan, QueueChannel, Stop
from prober.check import DEFECT
from prober.launch import WorkerProcess, WorkerTask
from prober.model import Outcome, Reason, Result, Service
from prober.wire import PLAIN, OAuth2
from prober.worker import Worker


def service(url: str, port: int, interval_s: float = 0.2, timeout_s: float = 5) -> Service:
    return Service("madre", url, "127.0.0.1", port, interval_s=interval_s, timeout_s=timeout_s)


async def heard(channel: Channel, enough: Callable[[list[Batch]], bool]) -> list[Batch]:
    batches: list[Batch] = []
    async with asyncio.timeout(60):
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
    assert min(r.lag_ms for r in found) < 50
    await launched.end()


async def test_a_kept_connection_carries_one_probe_after_the_other() -> None:
    launched = await WorkerTask.launch(0.0)
    with serving(answers(200)) as server:
        kept = replace(service(server.url, server.port, interval_s=0.05), keep_alive=True)
        launched.channel.send(Plan((kept,)))
        found = results(await heard(launched.channel, lambda b: len(results(b)) >= 5))

    assert {r.outcome for r in found} == {Outcome.SUCCESS}
    assert not all(r.stalled for r in found)
    assert server.accepted == 1
    await launched.end()


async def test_a_kept_connection_that_is_closed_as_it_is_used_fails_no_probe() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(response(200))
        await read_request(reader)

    launched = await WorkerTask.launch(0.0)
    with serving(once) as server:
        kept = replace(service(server.url, server.port, interval_s=0.05), keep_alive=True)
        launched.channel.send(Plan((kept,)))
        found = results(await heard(launched.channel, lambda b: len(results(b)) >= 5))

    assert {r.outcome for r in found} == {Outcome.SUCCESS}
    await launched.end()


NEED_A_TASK: dict[str, dict[str, Any]] = {
    "a token": {"oauth2": OAuth2("http://127.0.0.1:1/token", "me", "secret")},
    "a name server": {"wire": PLAIN._replace(resolver="127.0.0.1:1")},
}


@pytest.mark.parametrize("options", NEED_A_TASK.values(), ids=NEED_A_TASK)
async def test_a_probe_gets_a_task_for_what_needs_one(options: dict[str, Any]) -> None:
    launched = await WorkerTask.launch(0.0)
    asking = replace(service("http://shop.test:1", 1, timeout_s=0.1), host="shop.test", **options)
    launched.channel.send(Plan((asking,)))

    found = results(await heard(launched.channel, lambda b: bool(results(b))))

    assert found[0].outcome is not Outcome.SUCCESS
    assert found[0].message != DEFECT
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
        async with asyncio.timeout(10):
            await worker

    with pytest.raises(ChannelClosed):
        await heard(ours, lambda _: False)


async def test_a_worker_process_ignores_the_signals_of_its_group_and_ends_with_its_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch, "STOP_S", 20.0)  # later it is killed
    launched = await WorkerProcess.launch(0.0, "json", "info")
    pid = launched._process.pid
    launched.channel.send(Plan(()))
    await heard(launched.channel, lambda b: len(b) >= 1)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    await heard(launched.channel, lambda b: len(b) >= 1)
    await launched.end()

    assert launched._process.returncode == 0
