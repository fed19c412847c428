"""The state sink: the latest of every service, in configured order."""

from __future__ import annotations

from prober.model import Observation, Outcome, Reason, Result, Service, Status, Transition
from prober.sinks.state import State


def service(name: str, port: int = 80) -> Service:
    return Service(name, f"http://127.0.0.1:{port}", "127.0.0.1", port)


def observed(name: str, at: int, old: Status, new: Status, code: int = 200) -> Observation:
    result = Result(name, at, Outcome.SUCCESS, http_code=code, latency_ms=3.5)
    transition = None if old is new else Transition(name, at, old, new)
    return Observation(name, at, new, result, transition)


def lost(name: str, at: int) -> Observation:
    transition = Transition(name, at, Status.OK, Status.UNKNOWN, Reason.PROBER)
    return Observation(name, at, Status.UNKNOWN, None, transition)


def test_a_service_is_unknown_before_its_first_observation() -> None:
    state = State.build([service("madre")])

    member = state.member("madre")

    assert member is not None
    assert (member.status, member.since, member.result) == (Status.UNKNOWN, None, None)


async def test_the_newest_observation_of_a_batch_wins() -> None:
    state = State.build([service("madre")])

    await state.write(
        [
            observed("madre", 1, Status.UNKNOWN, Status.OK),
            observed("madre", 2, Status.OK, Status.OK, code=204),
        ]
    )

    member = state.member("madre")
    assert member is not None and member.result is not None
    assert member.result.http_code == 204


async def test_since_is_when_the_status_last_changed() -> None:
    state = State.build([service("madre")])

    await state.write([observed("madre", 100, Status.UNKNOWN, Status.OK)])
    await state.write([observed("madre", 200, Status.OK, Status.OK)])

    member = state.member("madre")
    assert member is not None and member.since == 100


def test_members_stand_in_the_order_of_the_configuration() -> None:
    state = State.build([service("b"), service("a"), service("c")])

    assert [m.service.name for m in state.members()] == ["b", "a", "c"]


async def test_an_observation_of_an_unknown_service_is_ignored() -> None:
    state = State.build([service("madre")])

    await state.write([observed("gone", 1, Status.UNKNOWN, Status.OK)])

    assert state.member("gone") is None


async def test_a_reload_keeps_what_stays_and_forgets_what_left() -> None:
    state = State.build([service("stays"), service("leaves")])
    await state.write([observed("stays", 1, Status.UNKNOWN, Status.OK)])

    state.retarget([service("new"), service("stays", port=81)])

    known = {m.service.name: (m.status, m.service.port) for m in state.members()}
    assert known == {"new": (Status.UNKNOWN, 80), "stays": (Status.OK, 81)}


async def test_a_lost_service_keeps_when_it_was_seen_but_not_what_it_answered() -> None:
    state = State.build([service("madre")])
    await state.write([observed("madre", 1_000, Status.UNKNOWN, Status.OK)])

    await state.write([lost("madre", 9_000)])

    member = state.member("madre")
    assert member is not None and member.since == 9_000
    assert member.result == Result("madre", 1_000, Outcome.FAULT, reason=Reason.PROBER)


def test_history_fills_a_service_that_is_configured() -> None:
    state = State.build([service("madre")])
    result = Result("madre", 5, Outcome.SUCCESS, http_code=200)

    state.restore("madre", Status.OK, 3, result)
    state.restore("gone", Status.OK, 3, result)

    assert [(m.status, m.since, m.result) for m in state.members()] == [(Status.OK, 3, result)]
