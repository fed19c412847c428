"""The page and the metrics follow windows as they open and close."""

from __future__ import annotations

import pytest
from fleets import refusal, service

from prober.maintaining import Maintaining
from prober.maintenance import Once, Window
from prober.model import Observation, Status
from prober.sinks.metrics import Metrics
from prober.sinks.state import State

FLEET = (service("madre"), service("hermes", 8003))
WINDOW = Window("patches", frozenset({"madre"}), (), Once(1000, 2000))


class Told:
    """What a page and a scrape would tell of madre and hermes."""

    def __init__(self) -> None:
        self.state, self.metrics = State.build(FLEET), Metrics(FLEET)
        self.maintaining = Maintaining(self.state, self.metrics)

    def marks(self) -> list[str | None]:
        marks = [member.maintenance for member in self.state.members()]
        scraped = self.metrics.render()
        for name, mark in zip(("madre", "hermes"), marks, strict=True):
            assert (f'prober_maintenance{{target="{name}"}} 1\n' in scraped) is (mark is not None)
        return marks


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_service_is_marked_while_its_window_is_open(told: Told) -> None:
    told.maintaining.take([WINDOW], 900)
    before = told.marks()
    told.maintaining.look(1000)
    within = told.marks()
    told.maintaining.look(2000)

    assert (before, within, told.marks()) == ([None, None], ["patches", None], [None, None])


def test_a_window_that_is_open_at_the_start_is_told_at_once(told: Told) -> None:
    told.maintaining.take([WINDOW], 1500)

    assert told.marks() == ["patches", None]


def test_a_reload_takes_windows_over(told: Told) -> None:
    told.maintaining.take([WINDOW], 1500)
    told.maintaining.take([Window("rack", frozenset({"hermes"}), (), Once(0, 9000))], 1500)

    assert told.marks() == [None, "rack"]


def test_a_reload_marks_the_services_that_come(told: Told) -> None:
    told.maintaining.take([Window("all", frozenset(), ("*",), Once(0, 9000))], 1500)
    told.state.retarget([*FLEET, service("new")])
    told.maintaining.take([Window("all", frozenset(), ("*",), Once(0, 9000))], 1500)

    assert [member.maintenance for member in told.state.members()] == ["all"] * 3


async def test_what_is_observed_in_a_window_leaves_the_mark(told: Told) -> None:
    told.maintaining.take([WINDOW], 1500)
    await told.state.write([Observation("madre", 1600, Status.BROKEN, refusal())])

    assert told.marks() == ["patches", None]
    member = told.state.member("madre")
    assert member is not None and member.status is Status.BROKEN
