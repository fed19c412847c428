"""Messages between a worker and the main process, over both kinds of channel."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from prober.channel import Batch, Channel, ChannelClosed, Message, PipeChannel, Plan, QueueChannel
from prober.model import Outcome, Phase, Reason, Result, Service, Timings

RESULT = Result(
    "madre", 1, Outcome.FAILURE, 500, 1.5, None, "é\n", Reason.STATUS, Phase.PROCESSING,
    Timings(0, 1, 0, 2, 3), 7, 0.25,
)  # fmt: skip


async def queues() -> tuple[Channel, Channel]:
    return QueueChannel.pair()


async def pipes() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair()
    return await PipeChannel.over(ours), await PipeChannel.over(theirs)


both = pytest.mark.parametrize("make", [queues, pipes])
Make = Callable[[], Awaitable[tuple[Channel, Channel]]]


@both
async def test_messages_arrive_whole_and_in_order(make: Make) -> None:
    ours, theirs = await make()
    sent: list[Message] = [
        Plan((Service("madre", "http://h:1", "h", 1),)),
        Batch([RESULT] * 1000, 2, 3),
    ]

    for message in sent:
        ours.send(message)

    assert [await theirs.receive(), await theirs.receive()] == sent
    await ours.close()
    await theirs.close()


@both
async def test_what_was_sent_before_a_close_still_arrives(make: Make) -> None:
    ours, theirs = await make()
    ours.send(Batch([RESULT], 0, 0))
    await ours.close()

    assert await theirs.receive() == Batch([RESULT], 0, 0)
    with pytest.raises(ChannelClosed):
        await theirs.receive()
    await theirs.close()


async def test_a_pipe_whose_other_end_dies_amid_a_message_is_closed() -> None:
    ours, theirs = socket.socketpair()
    channel = await PipeChannel.over(ours)
    theirs.sendall(b"\x00\x00\x10\x00half a message")
    theirs.close()

    with pytest.raises(ChannelClosed):
        await channel.receive()
    await channel.close()


async def test_sending_to_an_end_that_is_gone_does_nothing() -> None:
    ours, theirs = await pipes()
    await theirs.close()
    with pytest.raises(ChannelClosed):
        await ours.receive()

    for _ in range(3):
        ours.send(Batch([RESULT], 0, 0))
        await asyncio.sleep(0.01)

    await ours.close()
