"""Work that is shared by those who ask for it."""

from __future__ import annotations

import asyncio

from prober.gateway.sharing import Shared


class Work:
    """Counts how often it is begun, and ends when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.let = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        mine = self.begun
        await self.let.wait()
        return mine


async def test_those_who_ask_while_work_is_done_share_the_next() -> None:
    shared, work = Shared[int](), Work()
    asking = [asyncio.create_task(shared.get(work))]
    await asyncio.sleep(0.01)
    asking += [asyncio.create_task(shared.get(work)) for _ in range(100)]
    await asyncio.sleep(0.01)
    work.let.set()

    assert await asyncio.gather(*asking) == [1] + [2] * 100


async def test_who_leaves_takes_the_work_from_nobody() -> None:
    shared, work = Shared[int](), Work()
    leaving, staying = (asyncio.create_task(shared.get(work)) for _ in range(2))
    await asyncio.sleep(0.01)
    leaving.cancel()
    work.let.set()

    assert await staying == 1


async def test_a_defect_reaches_all_who_asked_and_no_one_later() -> None:
    shared, work = Shared[int](), Work()
    work.let.set()

    async def fail() -> int:
        raise ValueError("broken")

    found = await asyncio.gather(shared.get(fail), shared.get(fail), return_exceptions=True)

    assert [str(error) for error in found] == ["broken"] * 2
    assert await shared.get(work) == 1
