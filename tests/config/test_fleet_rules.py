"""What must hold between services."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from prober.config.tree import Config
from prober.errors import Problem

Load = Callable[..., Config]
Faults = Callable[..., list[Problem]]


def fleet(**needs: str) -> str:
    """A configuration of services by name, each with what it depends on."""
    lines = [
        f"  - {{name: {name}, url: 'http://x', depends_on: [{names}]}}"
        for name, names in needs.items()
    ]
    return "\n".join(["services:", *lines])


def test_services_may_depend_on_each_other_as_a_tree(loaded: Load) -> None:
    config = loaded(fleet(a="b, c", b="c", c=""))
    assert [s.depends_on for s in config.services] == [("b", "c"), ("c",), ()]


def test_a_dependency_that_is_no_service_is_a_problem_with_a_near_name(faults: Faults) -> None:
    (problem,) = faults(fleet(madre="", other="madre, mardre"))
    assert problem.path == "services[1].depends_on[1]"
    assert problem.message == "'mardre' is no service; did you mean 'madre'?"


@pytest.mark.parametrize(
    ("needs", "way"),
    [
        ({"a": "a"}, "a → a"),
        ({"a": "b", "b": "a"}, "→ a →|→ b →"),
        ({"a": "b", "b": "c", "c": "a", "d": "a"}, "→"),
    ],
)
def test_a_circle_of_dependencies_is_a_problem(
    faults: Faults, needs: dict[str, str], way: str
) -> None:
    (problem,) = faults(fleet(**needs))
    assert "goes round in a circle" in problem.message
    assert any(part in problem.message for part in way.split("|"))


def test_every_circle_is_reported(faults: Faults) -> None:
    assert len(faults(fleet(a="b", b="a", c="d", d="c"))) == 2


def test_a_circle_is_written_in_the_direction_of_dependence(faults: Faults) -> None:
    (problem,) = faults(fleet(a="b", b="c", c="a"))
    way = problem.message.split(", ")[1].split(";")[0].split(" → ")
    assert set(pairwise(way)) == {("a", "b"), ("b", "c"), ("c", "a")}


def test_a_service_that_is_wrong_elsewhere_may_still_be_depended_on(faults: Faults) -> None:
    (problem,) = faults("services: [{name: a, url: x}, {name: b, url: 'http://b', depends_on: a}]")
    assert problem.path == "services[0].url"


@pytest.mark.parametrize(
    ("defaults", "own", "expected"),
    [
        (
            "",
            "timeout: 31s",
            "services[0].timeout: '31s' is longer than the interval, which is 30s unless set",
        ),
        (
            "interval: 20s",
            "timeout: 31s",
            "services[0].timeout: '31s' is longer than the interval, '20s' from defaults",
        ),
        (
            "",
            "interval: 10s, timeout: 31s",
            "services[0].timeout: '31s' is longer than the interval, '10s'",
        ),
        (
            "",
            "interval: 2s",
            "services[0].interval: '2s' is shorter than the timeout, which is 5s unless set",
        ),
        (
            "timeout: 10s",
            "interval: 9s",
            "services[0].interval: '9s' is shorter than the timeout, '10s' from defaults",
        ),
        (
            "timeout: 40s",
            "tags: x",
            "defaults.timeout: '40s' is longer than the interval, which is 30s unless set, "
            "for 'a' among others; write a shorter one",
        ),
        (
            "interval: 1s",
            "tags: x",
            "defaults.interval: '1s' is shorter than the timeout, which is 5s unless set, "
            "for 'a' among others",
        ),
    ],
)
def test_a_timeout_beyond_the_interval_is_blamed_on_who_set_it(
    faults: Faults, defaults: str, own: str, expected: str
) -> None:
    (problem,) = faults(
        f"defaults: {{{defaults}}}\n"
        f"services: [{{name: a, url: 'http://a', {own}}}, {{name: b, url: 'http://b', "
        "interval: 2m, timeout: 1m}]"
    )
    assert str(problem).startswith(expected)


def test_defaults_that_no_service_suffers_from_are_no_problem(loaded: Load) -> None:
    (service,) = loaded(
        "defaults: {timeout: 40s}\nservices: [{name: a, url: 'http://a', interval: 1m}]"
    ).services
    assert (service.interval_s, service.timeout_s) == (60.0, 40.0)


def test_a_time_that_is_no_duration_is_not_compared(faults: Faults) -> None:
    (problem,) = faults(
        "defaults: {timeout: 40s}\nservices: [{name: a, url: 'http://a', interval: 1x}]"
    )
    assert problem.path == "services[0].interval"


def test_a_timeout_may_be_as_long_as_the_interval(loaded: Load) -> None:
    text = "services: [{name: a, url: 'http://a', interval: 1s, timeout: 1000ms}]"
    assert loaded(text).services[0].timeout_s == 1.0


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ("name: a, was: b", "name: b", "services[0].was"),
        ("name: a", "name: b, was: b", "services[1].was"),
        ("name: a, was: c", "name: b, was: c", "services[1].was"),
    ],
)
def test_a_former_name_is_no_other_service(
    faults: Faults, first: str, second: str, path: str
) -> None:
    url = "url: 'http://x'"

    (problem,) = faults(f"services: [{{{first}, {url}}}, {{{second}, {url}}}]")

    assert problem.path == path and "is the name, now or before, of the service" in problem.message


def test_a_service_says_which_name_it_had(loaded: Load) -> None:
    config = loaded(
        "services: [{name: new, was: old, url: 'http://x'}, {name: b, url: 'http://x'}]"
    )

    assert [service.was for service in config.services] == ["old", None]
