from __future__ import annotations

import gc

from prober import loop


async def answer() -> int:
    return 42


def test_a_coroutine_is_run_to_its_end() -> None:
    assert loop.run(answer()) == 42


def test_what_is_there_is_left_out_of_collections() -> None:
    held: list[object] = [[]]
    thresholds = gc.get_threshold()
    try:
        loop.settle()

        assert gc.get_freeze_count() > 0
        assert not any(one is held for one in gc.get_objects())
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)
