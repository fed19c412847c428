"""A question becomes an answer, whatever the kind of probe does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from prober.blackbox import asking as asking_module
from prober.blackbox.asking import Asking
from prober.blackbox.guard import Refused
from prober.blackbox.job import Job, Run
from prober.channel import Answer, Ask
from prober.module import Allowed, Module, TcpModule

Answers = Callable[[Run], Awaitable[Answer]]

QUESTION = Ask(7, "here:1", Module("tcp", TcpModule()), "", 0.2, Allowed())


async def well(job: Job) -> bool:
    return True


async def unwell(job: Job) -> bool:
    job.report.say("it is down")
    return False


async def stuck(job: Job) -> bool:
    job.report.gauge("probe_found", "What was found before", 1)
    await asyncio.sleep(60)
    return True


async def broken(job: Job) -> bool:
    raise KeyError(job.target)


async def forbidden(job: Job) -> bool:
    raise Refused("not this one")


@pytest.fixture
def answers() -> Answers:
    """A function that has a kind of probe answer the question."""

    async def run(kind: Run) -> Answer:
        return await Asking({TcpModule: kind}).answer(QUESTION)

    return run


@pytest.mark.parametrize(("kind", "value"), [(well, 1), (unwell, 0), (broken, 0), (stuck, 0)])
async def test_every_probe_ends_with_success_and_duration(
    answers: Answers, kind: Run, value: int
) -> None:
    answer = await answers(kind)

    assert answer.number == QUESTION.number
    assert f"\nprobe_success {value}\n" in answer.text
    assert "# HELP probe_success Displays whether or not the probe was a success\n" in answer.text
    assert (
        "# HELP probe_duration_seconds Returns how long the probe took to complete in seconds\n"
        in answer.text
    )


async def test_what_the_kind_noted_is_in_the_log(answers: Answers) -> None:
    assert "it is down" in (await answers(unwell)).log


async def test_what_was_found_before_the_time_was_over_is_told(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking_module, "GRACE_S", 0.05)
    answer = await answers(stuck)

    assert "probe_found 1" in answer.text
    assert "the time is over" in answer.log


async def test_a_defect_is_not_blamed_on_the_target(answers: Answers) -> None:
    (said,) = [line for line in (await answers(broken)).log if "defect" in line]

    assert said == "prober's own fault, not the target's: a defect, which is logged"


async def test_a_refused_target_has_a_reason_and_no_metrics(answers: Answers) -> None:
    answer = await answers(forbidden)

    assert answer.refused == "not this one"
    assert answer.text == ""


async def test_a_kind_is_told_the_deadline_and_who_is_asked_for(answers: Answers) -> None:
    jobs: list[Job] = []

    async def noting(job: Job) -> bool:
        jobs.append(job)
        return True

    await answers(noting)

    assert (jobs[0].target, jobs[0].module.name, jobs[0].hostname) == ("here:1", "tcp", "")
