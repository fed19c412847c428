"""Coroutines that run at once: how they begin, go on and end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from prober.probes.eager import Eager, Prompt, in_task


async def begun(coroutine: Coroutine[object, None, None]) -> Eager:
    """It begins outside of the test's task."""
    loop = asyncio.get_running_loop()
    eager = Eager(loop, coroutine)
    loop.call_soon(eager.begin)
    await asyncio.sleep(0)
    return eager


async def settled(prompt: Prompt[str], outcome: str | Exception) -> None:
    """It is settled outside of the test's task."""
    asyncio.get_running_loop().call_soon(prompt.settle, outcome)
    await asyncio.sleep(0)


async def noted(waits_for: asyncio.Future[str], notes: list[object]) -> None:
    notes.append("begun")
    try:
        notes.append(await waits_for)
    except BaseException as error:
        notes.append(type(error))
        raise


async def test_it_runs_in_no_task_to_its_end() -> None:
    prompt: Prompt[str] = Prompt()
    tasks: list[object] = []

    async def look() -> None:
        tasks.append(asyncio.current_task())
        await prompt
        tasks.append(asyncio.current_task())

    await begun(look())
    await settled(prompt, "done")

    assert tasks == [None, None]


async def test_it_goes_on_while_what_it_waits_for_is_settled() -> None:
    prompt: Prompt[str] = Prompt()
    notes: list[object] = []
    await begun(noted(prompt, notes))

    prompt.settle("done")

    assert notes == ["begun", "done"]


async def test_a_plain_future_lets_it_go_on_in_the_next_turn() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    notes: list[object] = []
    await begun(noted(future, notes))

    future.set_result("done")
    await asyncio.sleep(0)

    assert notes == ["begun", "done"]


async def test_an_exception_is_raised_where_it_waits() -> None:
    prompt: Prompt[str] = Prompt()
    notes: list[object] = []
    await begun(noted(prompt, notes))

    with pytest.raises(LookupError):
        prompt.settle(LookupError())

    assert notes == ["begun", LookupError]


async def test_what_it_awaits_may_be_cancelled() -> None:
    prompt: Prompt[str] = Prompt()
    notes: list[object] = []
    await begun(noted(prompt, notes))

    assert prompt.cancel()

    assert notes == ["begun", asyncio.CancelledError]
    assert not prompt.cancel()


async def test_a_task_may_wait_for_a_prompt_future() -> None:
    prompt: Prompt[str] = Prompt()
    asyncio.get_running_loop().call_soon(prompt.settle, "done")

    assert await prompt == "done"


async def test_it_gets_a_task_where_it_needs_one() -> None:
    tasks: list[object] = []

    async def limit() -> None:
        await in_task()
        tasks.append(asyncio.current_task())
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        await in_task()
        tasks.append(asyncio.current_task())

    await begun(limit())
    for _ in range(3):
        await asyncio.sleep(0)

    assert tasks[0] is not None
    assert tasks[0] is tasks[1]


@pytest.mark.parametrize("kind", [Prompt, asyncio.Future])
async def test_it_is_cancelled_where_it_waits(kind: type[asyncio.Future[str]]) -> None:
    notes: list[object] = []
    eager = await begun(noted(kind(), notes))

    with pytest.raises(asyncio.CancelledError):
        await eager.cancel()

    assert notes == ["begun", asyncio.CancelledError]


async def test_it_is_cancelled_in_its_task() -> None:
    async def sleep() -> None:
        await in_task()
        await asyncio.sleep(10)

    eager = await begun(sleep())

    with pytest.raises(asyncio.CancelledError):
        await eager.cancel()


async def test_it_is_cancelled_though_what_it_waits_for_is_just_done() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    notes: list[object] = []
    eager = await begun(noted(future, notes))

    future.set_result("done")
    with pytest.raises(asyncio.CancelledError):
        await eager.cancel()

    assert notes == ["begun", asyncio.CancelledError]
