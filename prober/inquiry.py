"""Ask a worker, and hand each answer to the one who waits for it."""

from __future__ import annotations

import asyncio
import itertools

from prober.channel import Answer, Ask, Channel

AT_ONCE = 200  # more probes on demand would crowd out the scheduled ones
GRACE_S = 5.0  # how much longer than its probe an answer may take


class NoAnswer(Exception):
    """No worker answers; the message says why."""


class Inquiry:
    """The questions to one worker that wait for their answers."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, channel: Channel, question: Ask) -> Answer:
        """Send a question under a number of its own, and wait for its answer.

        Raises `NoAnswer` at once where `AT_ONCE` questions wait already, when the worker is lost,
        and where it says nothing in time.
        """
        if len(self._waiting) >= AT_ONCE:
            raise NoAnswer(f"{AT_ONCE} probes on demand run already; ask again later")
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        channel.send(question._replace(number=number))
        try:
            async with asyncio.timeout(question.timeout_s + GRACE_S):
                return await answer
        except TimeoutError:
            raise NoAnswer("the worker does not answer in time") from None
        finally:
            del self._waiting[number]

    def settle(self, answer: Answer) -> None:
        """Hand over an answer; one that nobody waits for any more is dropped."""
        waiting = self._waiting.get(answer.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def lose(self) -> None:
        """The worker is gone: no answer will come."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NoAnswer("the worker was lost meanwhile"))
