from __future__ import annotations

import pytest
from fleets import explained, member, refusal, success, wrong_answer

from prober.model import Result
from prober.reports import rows


@pytest.mark.parametrize(
    ("ms", "words"),
    [(None, "-"), (0.84, "0.8 ms"), (12.345, "12 ms"), (999.4, "999 ms"), (1234.5, "1.23 s")],
)
def test_latency_is_short_at_every_size(ms: float | None, words: str) -> None:
    assert rows.latency(ms) == words


@pytest.mark.parametrize(
    ("result", "words"),
    [(success(), "-"), (refusal(), "refused in connect"), (wrong_answer(), "status")],
)
def test_a_cause_names_the_phase_of_what_failed_on_the_way(result: Result, words: str) -> None:
    assert rows.cause(result) == words


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (success(), "-"),
        (refusal(), "refused in connect"),
        (explained(), "refused by 127.0.0.1:8001"),
    ],
)
def test_a_failure_is_told_in_its_sentence_where_it_has_one(result: Result, words: str) -> None:
    assert rows.why(result) == rows.fleet_row(member(result))[6] == words


def test_maintenance_follows_the_status() -> None:
    working = member(refusal())._replace(maintenance="patches")

    assert rows.fleet_row(working)[0] == "BROKEN, maintenance"


def test_a_disabled_service_is_shown_as_such() -> None:
    row = rows.fleet_row(member(None, enabled=False))

    assert row == ("DISABLED", "madre", "8001", "-", "-", "-", "-", "-")


def test_the_counts_stand_in_one_line() -> None:
    fleet = [member(success("a")), member(refusal("b")), member(None, name="c")]

    assert rows.counts(fleet) == "OK 1 · DEGRADED 0 · BROKEN 1 · UNKNOWN 1 of 3"


def test_disabled_services_are_counted_where_there_are_any() -> None:
    fleet = [member(success("a")), member(None, name="c", enabled=False)]

    assert rows.counts(fleet).endswith("UNKNOWN 0 · DISABLED 1 of 2")
