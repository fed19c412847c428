"""Workers answer questions beside their schedule, and the supervisor finds one who does."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from daemons import until
from servers import answers, dead_port, hangs, serving

from prober import answering
from prober.answering import Answering
from prober.channel import Answer, Ask, Batch, Channel, QueueChannel, Stop
from prober.inquiry import NoAnswer
from prober.launch import Launched, WorkerProcess, WorkerTask
from prober.module import Allowed, HttpModule, Module, TcpModule
from prober.supervisor import Supervisor
from prober.telemetry import Telemetry

LOOPBACK = Allowed(networks=("127.0.0.0/8",))
QUESTION = Ask(0, "", Module("http", HttpModule()), "", 5.0, LOOPBACK)
PATIENCE_S = 20


async def heard(channel: Channel) -> Answer:
    """The next answer of a worker, whatever else it says."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = await channel.receive()
            if isinstance(message, Answer):
                return message
            assert isinstance(message, Batch)


async def test_a_worker_answers_under_the_number_of_the_question() -> None:
    launched = await WorkerTask.launch(0.0)
    with serving(answers(200)) as server:
        launched.channel.send(QUESTION._replace(number=7, target=server.url))
        answer = await heard(launched.channel)

    assert answer.number == 7
    assert "\nprobe_success 1\n" in answer.text
    await launched.end()


async def test_a_slow_question_holds_up_no_other() -> None:
    launched = await WorkerTask.launch(0.0)
    with serving(hangs()) as stuck, dead_port() as port:
        launched.channel.send(QUESTION._replace(number=1, target=stuck.url, timeout_s=1.0))
        refused = QUESTION._replace(number=2, target=f"127.0.0.1:{port}")
        launched.channel.send(refused._replace(module=Module("tcp", TcpModule())))
        numbers = [(await heard(launched.channel)).number for _ in range(2)]

    assert numbers == [2, 1]
    await launched.end()


async def test_stopping_cancels_the_probes_that_were_asked_for() -> None:
    launched = await WorkerTask.launch(0.0)
    with serving(hangs()) as stuck:
        launched.channel.send(QUESTION._replace(target=stuck.url, timeout_s=60))
        await asyncio.to_thread(until, lambda: stuck.accepted)
        launched.channel.send(Stop())
        async with asyncio.timeout(20):
            await launched.end()


async def test_an_end_does_not_wait_for_the_libraries_of_a_first_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imported = threading.Event()
    monkeypatch.setattr(answering, "_import", lambda: imported.wait(20))
    ours, _ = QueueChannel.pair()
    answers_ = Answering(ours)
    answers_.begin(QUESTION)
    await asyncio.sleep(0)
    await asyncio.wait_for(answers_.end(), 10)

    assert not imported.is_set()
    imported.set()


@asynccontextmanager
async def supervised(workers: int = 1) -> AsyncIterator[tuple[Supervisor, list[int]]]:
    """A supervisor of worker processes without services, and their pids."""
    pids: list[int] = []

    async def launch() -> Launched:
        launched = await WorkerProcess.launch(0.0, "json", "info")
        pids.append(launched._process.pid)
        return launched

    supervisor = Supervisor(launch, lambda _: None, lambda _: None, Telemetry())
    supervisor.start(workers, [], ())
    await asyncio.to_thread(until, lambda: all(shard.worker for shard in supervisor._shards))
    yield supervisor, pids
    await supervisor.stop()


async def test_many_questions_at_once_get_their_own_answers() -> None:
    async with supervised(workers=2) as (supervisor, _):
        with serving(answers(200)) as well, serving(answers(500)) as unwell:
            targets = [well.url, unwell.url] * 10
            question = QUESTION._replace(timeout_s=30)
            asked = (supervisor.ask(question._replace(target=target)) for target in targets)
            found = await asyncio.gather(*asked)

    assert ["\nprobe_success 1\n" in answer.text for answer in found] == [True, False] * 10


async def test_a_question_to_a_worker_that_dies_is_told_so() -> None:
    async with supervised() as (supervisor, pids):
        with serving(hangs()) as stuck:
            question = QUESTION._replace(target=stuck.url, timeout_s=60)
            asking = asyncio.create_task(supervisor.ask(question))
            await asyncio.to_thread(until, lambda: stuck.accepted)
            os.kill(pids[0], signal.SIGKILL)
            with pytest.raises(NoAnswer, match="lost"):
                await asking


async def test_without_a_worker_there_is_no_answer() -> None:
    launch = partial(WorkerTask.launch, 0.0)
    unstarted = Supervisor(launch, lambda _: None, lambda _: None, Telemetry())
    with pytest.raises(NoAnswer, match="no worker is running"):
        await unstarted.ask(QUESTION)
