"""The breaker's transition table and the functions that apply it."""

from __future__ import annotations

from itertools import product

import pytest

from prober import breaker
from prober.breaker import NEXT, Breaker, Event, Phase, Policy

POLICY = Policy(failures=3, reset_s=60.0)
NEW = Breaker()
AT = 1_795_359_600_123


def failed(times: int, held: Breaker = NEW, now_s: float = 0.0) -> Breaker:
    for _ in range(times):
        held = breaker.fail(held, POLICY, now_s, AT)
    return held


def test_the_table_answers_every_event_that_can_come() -> None:
    missing = set(product(Phase, Event)) - NEXT.keys()

    assert missing == {(Phase.CLOSED, Event.TIME), (Phase.HALF_OPEN, Event.TIME)}


def test_failures_below_the_limit_leave_it_closed() -> None:
    assert failed(2) == Breaker(Phase.CLOSED, 2, AT)


def test_the_last_failure_of_a_row_opens_it() -> None:
    assert failed(3, now_s=7.0) == Breaker(Phase.OPEN, 3, AT, 7.0)


def test_a_success_ends_a_row_of_failures() -> None:
    assert breaker.succeed(failed(2)) == Breaker(Phase.CLOSED, 0, AT)


@pytest.mark.parametrize(("now_s", "passes"), [(0.0, False), (59.9, False), (60.0, True)])
def test_an_open_one_lets_nothing_through_until_its_time_is_over(
    now_s: float, passes: bool
) -> None:
    assert (breaker.admit(failed(3), POLICY, now_s) is not None) is passes


def test_a_half_open_one_lets_one_trial_through_at_a_time() -> None:
    trying = breaker.admit(failed(3), POLICY, 60.0)

    assert trying is not None and trying.phase is Phase.HALF_OPEN
    assert breaker.admit(trying, POLICY, 61.0) is None


def test_a_trial_that_succeeds_closes_it() -> None:
    trying = breaker.admit(failed(3), POLICY, 60.0)

    assert trying is not None
    assert breaker.succeed(trying) == Breaker(Phase.CLOSED, 0, AT)


def test_a_trial_that_fails_opens_it_for_as_long_again() -> None:
    trying = breaker.admit(failed(3), POLICY, 60.0)

    assert trying is not None
    again = breaker.fail(trying, POLICY, 61.0, AT)
    assert (again.phase, again.opened_s, again.trying) == (Phase.OPEN, 61.0, False)


def test_a_trial_that_told_nothing_makes_room_for_the_next() -> None:
    trying = breaker.admit(failed(3), POLICY, 60.0)

    assert trying is not None
    assert breaker.admit(breaker.abandon(trying), POLICY, 61.0) is not None


def test_a_failure_while_open_does_not_keep_it_open_for_longer() -> None:
    assert failed(1, failed(3), now_s=30.0).opened_s == 0.0


def test_a_success_while_open_lets_a_trial_through_at_once() -> None:
    assert breaker.succeed(failed(3)).phase is Phase.HALF_OPEN
