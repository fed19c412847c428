"""The transition table, and the step that applies it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.model import Outcome, Reason, Result, Status
from prober.status import STATUS_AFTER, Signal, State, signal, step

states = st.builds(State, st.sampled_from(Status), st.integers(0, 10**12))
results = st.builds(
    Result, st.just("madre"), st.integers(0, 10**13), st.sampled_from(Outcome), reason=st.none()
)


def test_the_table_knows_every_outcome_and_every_signal() -> None:
    assert set(STATUS_AFTER) == {*Outcome, *Signal}


@pytest.mark.parametrize("event", [*Outcome, *Signal])
def test_only_a_failure_of_the_service_itself_leads_to_broken(event: Outcome | Signal) -> None:
    assert (STATUS_AFTER[event] is Status.BROKEN) == (event is Outcome.FAILURE)


def test_a_fault_of_prober_turns_a_well_service_unknown_with_its_reason() -> None:
    fault = Result("madre", 5, Outcome.FAULT, reason=Reason.PROBER)

    _, observation = step(State(Status.OK, 1), fault)

    assert observation.transition == ("madre", 5, Status.OK, Status.UNKNOWN, Reason.PROBER)


def test_disabling_a_service_needs_no_reason() -> None:
    _, observation = signal(State(Status.BROKEN, 1), "madre", 9, Signal.DISABLED)

    assert observation == (
        "madre", 9, Status.UNKNOWN, None, ("madre", 9, Status.BROKEN, Status.UNKNOWN, None)
    )  # fmt: skip


@given(states, results)
def test_a_transition_is_told_exactly_when_the_status_changes(state: State, result: Result) -> None:
    after, observation = step(state, result)

    assert (observation.transition is not None) == (after.status is not state.status)
    assert observation.status is after.status is STATUS_AFTER[result.outcome]


@given(states, results)
def test_a_status_holds_since_the_result_that_brought_it(state: State, result: Result) -> None:
    after, _ = step(state, result)

    assert after.since == (state.since if after.status is state.status else result.checked_at)


@given(st.lists(results, min_size=1), states)
def test_transitions_chain_from_the_first_status_to_the_last(
    found: list[Result], first: State
) -> None:
    state, path = first, [first.status]
    for result in found:
        state, observation = step(state, result)
        if observation.transition:
            assert observation.transition.old is path[-1]
            path.append(observation.transition.new)

    assert path[-1] is state.status
