"""Broadcast within a process."""

from __future__ import annotations

import pytest
from hearing import Ear

from prober.hub import EVENT, RESULT, STATUS, Hub


def test_a_listener_hears_the_texts_of_its_topics_in_order() -> None:
    hub, ear = Hub(), Ear()
    hub.join(ear, {STATUS, EVENT})

    for topic, text in ((STATUS, "one"), (RESULT, "two"), (EVENT, "three")):
        hub.publish(topic, text)

    assert ear.texts == ["one", "three"]


def test_all_who_listen_are_given_the_same_texts_at_once() -> None:
    hub, ears = Hub(), [Ear(), Ear()]
    for ear in ears:
        hub.join(ear, {RESULT})

    hub.publish(RESULT, "one", "two")

    (one,), (other,) = (ear.told for ear in ears)
    assert one is other
    assert one == ("one", "two")


def test_the_one_who_is_left_out_hears_nothing() -> None:
    hub, sender, other = Hub(), Ear(), Ear()
    hub.join(sender, {EVENT})
    hub.join(other, {EVENT})

    hub.publish(EVENT, "mine", but=sender)
    hub.publish(EVENT, "yours")

    assert (sender.texts, other.texts) == (["yours"], ["mine", "yours"])


def test_nobody_wants_a_topic_that_all_have_left() -> None:
    hub, ear = Hub(), Ear()
    hub.join(ear, {RESULT})
    before = (hub.wanted(RESULT), len(hub))

    hub.leave(ear)
    hub.leave(ear)

    assert before == (True, 1)
    assert (hub.wanted(RESULT), len(hub)) == (False, 0)


def test_a_listener_may_leave_while_it_is_told() -> None:
    hub, other = Hub(), Ear()

    class Leaving(Ear):
        def hear(self, texts: tuple[str, ...]) -> None:
            hub.leave(self)

    hub.join(Leaving(), {EVENT})
    hub.join(other, {EVENT})
    hub.publish(EVENT, "news")

    assert (other.texts, len(hub)) == (["news"], 1)


def test_an_unknown_topic_is_an_error() -> None:
    with pytest.raises(KeyError):
        Hub().join(Ear(), {"weather"})
