"""Broadcast within a process."""

from __future__ import annotations

import asyncio

import pytest

from prober.hub import EVENT, RESULT, STATUS, Hub, TooSlow


async def test_a_subscriber_gets_the_texts_of_its_topics_in_order() -> None:
    hub = Hub()
    subscription = hub.subscribe({STATUS, EVENT}, limit=8)

    for topic, text in ((STATUS, "one"), (RESULT, "two"), (EVENT, "three")):
        hub.publish(topic, text)

    assert [await subscription.next(), await subscription.next()] == ["one", "three"]


async def test_a_waiting_subscriber_wakes_up_for_a_text() -> None:
    hub = Hub()
    waiting = asyncio.create_task(hub.subscribe({EVENT}, limit=1).next())
    await asyncio.sleep(0)

    hub.publish(EVENT, "news")

    assert await asyncio.wait_for(waiting, 1) == "news"


async def test_a_subscriber_that_does_not_read_is_dropped_alone() -> None:
    hub = Hub()
    slow, quick = hub.subscribe({EVENT}, limit=2), hub.subscribe({EVENT}, limit=3)

    for text in ("one", "two", "three"):
        hub.publish(EVENT, text)

    with pytest.raises(TooSlow):
        await slow.next()
    assert await quick.next() == "one"


async def test_the_one_who_is_left_out_gets_nothing() -> None:
    hub = Hub()
    sender, other = hub.subscribe({EVENT}, limit=2), hub.subscribe({EVENT}, limit=2)

    hub.publish(EVENT, "mine", but=sender)
    hub.publish(EVENT, "yours")

    assert [await sender.next(), await other.next()] == ["yours", "mine"]


async def test_nobody_wants_a_topic_that_all_have_left() -> None:
    hub = Hub()
    subscription = hub.subscribe({RESULT}, limit=1)
    before = hub.wanted(RESULT)

    subscription.close()

    assert (before, hub.wanted(RESULT)) == (True, False)
