"""Questions find their answers, and never wait for a worker that is gone."""

from __future__ import annotations

import asyncio

import pytest

from prober import inquiry
from prober.channel import Answer, Ask, QueueChannel
from prober.inquiry import Inquiry, NoAnswer
from prober.module import Allowed, Module, TcpModule

QUESTION = Ask(0, "127.0.0.1:1", Module("tcp", TcpModule()), "", 5.0, Allowed())


async def asked(inquiry: Inquiry, question: Ask = QUESTION) -> tuple[asyncio.Task[Answer], Ask]:
    """A question on its way, and as it reaches the worker."""
    ours, theirs = QueueChannel.pair()
    waiting = asyncio.create_task(inquiry.ask(ours, question))
    received = await theirs.receive()
    assert isinstance(received, Ask)
    return waiting, received


async def test_answers_reach_the_questions_of_their_number_in_any_order() -> None:
    inquiry = Inquiry()
    first, one = await asked(inquiry)
    second, two = await asked(inquiry)

    inquiry.settle(Answer(two.number, "two"))
    inquiry.settle(Answer(one.number, "one"))

    assert [(await first).text, (await second).text] == ["one", "two"]
    assert len(inquiry) == 0


async def test_a_lost_worker_is_told_to_all_who_wait() -> None:
    inquiry = Inquiry()
    waiting = [(await asked(inquiry))[0] for _ in range(3)]

    inquiry.lose()

    for task in waiting:
        with pytest.raises(NoAnswer, match="lost"):
            await task


async def test_a_silent_worker_is_waited_for_only_a_little_longer_than_the_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inquiry, "GRACE_S", 0.05)
    waiting, _ = await asked(Inquiry(), QUESTION._replace(timeout_s=0.05))

    with pytest.raises(NoAnswer, match="in time"):
        await waiting


async def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    inquiry = Inquiry()
    waiting, question = await asked(inquiry)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    inquiry.settle(Answer(question.number))

    assert len(inquiry) == 0


async def test_one_question_too_many_is_turned_away_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inquiry, "AT_ONCE", 1)
    questions = Inquiry()
    waiting, question = await asked(questions)

    with pytest.raises(NoAnswer, match="ask again later"):
        await questions.ask(QueueChannel.pair()[0], QUESTION)

    questions.settle(Answer(question.number))
    await waiting
