from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fleets import service
from servers import answers, dead_port, serving

from prober.check import Checker


@pytest.fixture
async def checker() -> AsyncIterator[Checker]:
    checker = Checker()
    yield checker
    checker.close()


async def test_a_result_says_who_refused(checker: Checker) -> None:
    with dead_port() as port:
        result = await checker.check(service(port=port), 0)

    assert result.message == f"refused by 127.0.0.1:{port}"


@pytest.mark.parametrize(("code", "message"), [(200, None), (500, "answered 500")])
async def test_a_result_says_what_was_answered_instead(
    checker: Checker, code: int, message: str | None
) -> None:
    with serving(answers(code)) as server:
        result = await checker.check(service(port=server.port), 0)

    assert result.message == message
