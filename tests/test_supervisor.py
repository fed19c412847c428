"""Workers are spread over, listened to, and replaced when they die or fall silent."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from patience import until
from servers import Server, answers, serving

from prober import supervisor
from prober.launch import Launched, WorkerProcess
from prober.model import Outcome, Result, Service
from prober.supervisor import Supervisor
from prober.telemetry import Telemetry


class Keeper:
    """A supervisor of real worker processes, and all that it told."""

    def __init__(self) -> None:
        self.telemetry = Telemetry()
        self.results: list[Result] = []
        self.lost: list[str] = []
        self.pids: list[int] = []
        self.came = asyncio.Condition()
        self.supervisor = Supervisor(self.launch, self.take, self.lose, self.telemetry)

    async def launch(self) -> Launched:
        launched = await WorkerProcess.launch(0.0, "json", "info")
        self.pids.append(launched._process.pid)
        return launched

    def take(self, results: Sequence[Result]) -> None:
        self.results += results
        self.telling = asyncio.create_task(self.tell())

    async def tell(self) -> None:
        async with self.came:
            self.came.notify_all()

    def lose(self, services: Sequence[Service]) -> None:
        self.lost += [s.name for s in services]

    async def until(self, results: int) -> None:
        async with asyncio.timeout(60), self.came:
            await self.came.wait_for(lambda: len(self.results) >= results)


def services(server: Server, count: int) -> list[Service]:
    make = partial(Service, url=server.url, host=server.host, port=server.port, interval_s=0.2)
    return [make(f"s{n}", timeout_s=5) for n in range(count)]


@asynccontextmanager
async def kept(workers: int, count: int) -> AsyncIterator[tuple[Keeper, Server]]:
    keeper = Keeper()
    with serving(answers(200)) as server:
        keeper.supervisor.start(workers, services(server, count), ())
        yield keeper, server
        await keeper.supervisor.stop()


async def test_every_service_is_probed_by_one_of_the_workers() -> None:
    async with kept(workers=3, count=12) as (keeper, _):
        await keeper.until(60)

    assert {r.service for r in keeper.results} == {f"s{n}" for n in range(12)}
    assert len(set(keeper.pids)) == 3


async def test_a_worker_that_is_killed_is_replaced_and_its_services_are_told_lost() -> None:
    async with kept(workers=1, count=3) as (keeper, _):
        await keeper.until(3)
        os.kill(keeper.pids[0], signal.SIGKILL)
        await keeper.until(len(keeper.results) + 6)

    assert sorted(keeper.lost) == ["s0", "s1", "s2"]
    assert len(keeper.pids) == 2
    assert {r.outcome for r in keeper.results} == {Outcome.SUCCESS}
    assert "prober_worker_restarts_total 1.0" in keeper.telemetry.render()


async def test_a_worker_that_falls_silent_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prober.launch.STOP_S", 0.2)
    async with kept(workers=1, count=1) as (keeper, _):
        await keeper.until(1)
        monkeypatch.setattr(supervisor, "SILENCE_S", 2.0)  # not while a worker starts
        await keeper.until(len(keeper.results) + 1)
        os.kill(keeper.pids[0], signal.SIGSTOP)
        await until(lambda: keeper.lost)
        monkeypatch.setattr(supervisor, "SILENCE_S", 60.0)
        await keeper.until(len(keeper.results) + 3)

    assert keeper.lost == ["s0"]


async def test_a_reload_reaches_the_workers() -> None:
    async with kept(workers=2, count=2) as (keeper, server):
        await keeper.until(4)
        keeper.supervisor.reload(services(server, 6), ())
        await keeper.until(len(keeper.results) + 20)

    assert {r.service for r in keeper.results} == {f"s{n}" for n in range(6)}


async def test_silence_is_unknown_until_every_worker_has_spoken() -> None:
    async with kept(workers=2, count=2) as (keeper, _):
        before = keeper.supervisor.silence_s()
        await keeper.until(4)
        after = keeper.supervisor.silence_s()

    assert before is None
    assert after is not None
    assert after < 10


async def test_a_worker_is_not_lost_where_this_process_stood_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with kept(workers=1, count=1) as (keeper, _):
        await keeper.until(1)
        monkeypatch.setattr(supervisor, "SILENCE_S", 1.5)  # not while a worker starts
        await keeper.until(len(keeper.results) + 1)
        time.sleep(2)  # noqa: ASYNC251 - the loop has to be kept from running
        await keeper.until(len(keeper.results) + 7)

    assert keeper.lost == []


async def test_a_worker_that_is_stuck_does_not_hold_up_the_end() -> None:
    async with kept(workers=2, count=2) as (keeper, _):
        await keeper.until(2)
        os.kill(keeper.pids[0], signal.SIGSTOP)
        started = time.monotonic()

    assert time.monotonic() - started < 15


async def test_a_worker_that_can_not_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures = [OSError(errno.EMFILE, "Too many open files")]
    launch = Keeper.launch

    async def launch_later(keeper: Keeper) -> Launched:
        if failures:
            raise failures.pop()
        return await launch(keeper)

    monkeypatch.setattr(Keeper, "launch", launch_later)
    async with kept(workers=1, count=1) as (keeper, _):
        await keeper.until(1)

    assert keeper.lost == []


async def test_an_end_during_the_start_ends_the_worker_too() -> None:
    keeper = Keeper()
    keeper.supervisor.start(1, [], ())
    async with asyncio.timeout(20):
        await keeper.supervisor.stop()
