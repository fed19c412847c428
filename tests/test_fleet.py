"""The verdict of a fleet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.fleet import Member, judge
from prober.model import Service, Status


def member(name: str, status: Status, maintenance: str | None = None, **settings: bool) -> Member:
    service = Service(name, "http://h:1", "h", 1, **settings)  # type: ignore[arg-type]  # all bool
    return Member(service, status, maintenance=maintenance)


members = st.builds(
    member,
    st.text(min_size=1),
    st.sampled_from(Status),
    critical=st.booleans(),
    enabled=st.booleans(),
)


@pytest.mark.parametrize(
    ("status", "well"),
    [
        (Status.OK, True),
        (Status.DEGRADED, True),
        (Status.BROKEN, False),
        (Status.UNKNOWN, False),
    ],
)
def test_a_critical_service_decides(status: Status, well: bool) -> None:
    assert judge([member("madre", status)]).well is well


def test_a_service_that_is_not_critical_is_tolerated() -> None:
    fleet = [member("madre", Status.OK), member("drifter", Status.BROKEN, critical=False)]

    verdict = judge(fleet)

    assert verdict.well
    assert verdict.sentence == "1/2 OK, drifter tolerated"


@pytest.mark.parametrize("critical", [True, False])
def test_a_service_in_maintenance_is_tolerated(critical: bool) -> None:
    working = member("madre", Status.BROKEN, "patches", critical=critical)

    verdict = judge([working, member("hermes", Status.OK, "patches")])

    assert (verdict.well, verdict.broken) == (True, 1)
    assert verdict.sentence == "1/2 OK, madre in maintenance"


def test_a_disabled_service_counts_as_disabled_only() -> None:
    verdict = judge([member("shub", Status.UNKNOWN, enabled=False)])

    assert (verdict.disabled, verdict.unknown, verdict.well) == (1, 0, True)


def test_the_sentence_names_the_critical_services_that_are_not_well() -> None:
    fleet = [member(n, Status.BROKEN) for n in "abcde"] + [member("f", Status.OK)]

    assert judge(fleet).sentence == "1/6 OK, a, b, c and 2 more BROKEN"


@given(st.lists(members))
def test_the_counts_are_disjoint_and_sum_to_the_total(fleet: list[Member]) -> None:
    v = judge(fleet)

    assert v.ok + v.degraded + v.broken + v.unknown + v.disabled == v.total == len(fleet)
