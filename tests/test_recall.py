"""What the daemon goes on from after a restart."""

from __future__ import annotations

from dataclasses import replace

from prober.model import Outcome, Result, Service, Status
from prober.recall import recall
from prober.status import State

NOW = 1_000_000_000
MADRE = Service("madre", "http://h:1", "h", 1, interval_s=30, timeout_s=5)  # stale after 95 s


def seen(seconds_ago: float) -> dict[str, Result]:
    return {"madre": Result("madre", NOW - round(seconds_ago * 1000), Outcome.SUCCESS)}


def test_a_service_seen_within_its_intervals_goes_on_as_it_was() -> None:
    memory = recall([MADRE], {"madre": (Status.OK, 7)}, seen(20), NOW)

    assert memory.states == {"madre": State(Status.OK, 7)}
    assert memory.latest == seen(20)
    assert (memory.expired, memory.fresh) == ({}, frozenset())


def test_a_service_not_seen_for_long_expired_when_its_last_result_did() -> None:
    memory = recall([MADRE], {"madre": (Status.OK, 7)}, seen(3600), NOW)

    assert memory.expired == {"madre": NOW - 3_600_000 + 95_000}
    assert memory.latest == {}


def test_a_service_that_was_unknown_has_nothing_to_expire() -> None:
    memory = recall([MADRE], {"madre": (Status.UNKNOWN, 7)}, seen(3600), NOW)

    assert memory.expired == {}


def test_a_status_whose_results_were_deleted_expires_now() -> None:
    memory = recall([MADRE], {"madre": (Status.OK, 7)}, {}, NOW)

    assert memory.expired == {"madre": NOW}


def test_a_service_without_a_result_of_the_last_interval_wants_a_first_look() -> None:
    never = replace(MADRE, name="never")

    memory = recall([MADRE, never], {}, seen(31), NOW)

    assert memory.fresh == {"madre", "never"}


def test_a_disabled_service_keeps_its_status_until_it_is_told_to_be_disabled() -> None:
    memory = recall([replace(MADRE, enabled=False)], {"madre": (Status.OK, 7)}, seen(3600), NOW)

    assert memory.states == {"madre": State(Status.OK, 7)}
    assert (memory.expired, memory.fresh) == ({}, frozenset())
