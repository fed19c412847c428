"""What is expected of answers, from the file to the service."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable

import pytest
from config.conftest import Load

from prober.errors import Problem
from prober.expectation import ANYTHING, Expectation
from prober.model import Service

Fault = Callable[[str], Problem]
UP = re.compile("UP$")


def only(loaded: Load, line: str = "enabled: true") -> Service:
    (service,) = loaded(f"services:\n  - name: a\n    url: http://a\n    {line}\n").services
    return service


def test_nothing_more_than_a_code_is_expected_unless_said(loaded: Load) -> None:
    assert only(loaded).expects == ANYTHING


@pytest.mark.parametrize(
    ("line", "expects"),
    [
        ("expected_version: [1.1, 2]", Expectation(versions=("1.1", "2"))),
        ("expected_body: {matches: UP$}", Expectation(body_matches=(UP,))),
        ("expected_body: {not_matches: [UP$]}", Expectation(body_not_matches=(UP,))),
        ("expected_headers: {matches: {X-A: UP$}}", Expectation(headers_match=(("X-A", UP),))),
        (
            "expected_headers: {not_matches: {X-A: UP$}}",
            Expectation(headers_not_match=(("X-A", UP),)),
        ),
        ("expected_json: body.a == 1", Expectation(json="body.a == 1")),
    ],
)
def test_an_expectation_arrives_at_the_service(
    loaded: Load, line: str, expects: Expectation
) -> None:
    service = only(loaded, line)

    assert service.expects == expects
    assert pickle.loads(pickle.dumps(service)) == service


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("expected_version: 9", "expected_version: '9' is not known here; write 1.0, 1.1 or 2"),
        (
            "expected_body: {matches: '('}",
            "expected_body.matches: '(' is not a regular expression, missing ), unterminated",
        ),
        (
            "expected_headers: {matches: {X-A: '['}}",
            "expected_headers.matches.X-A: '[' is not a regular expression",
        ),
        (
            "expected_headers: {matches: {X A: x}}",
            "expected_headers.matches.X A: 'X A' is not a header name",
        ),
        (
            "expected_body: {match: UP}",
            "expected_body.match: is no key that prober knows here; did you mean 'matches'?",
        ),
        ("expected_json: body.", "expected_json: 'body.' is not an expression of CEL; write one"),
    ],
)
def test_a_wrong_expectation_is_told_with_a_remedy(
    service_fault: Fault, line: str, message: str
) -> None:
    problem = service_fault(line)

    assert str(problem).startswith(f"services[0].{message}")
    assert problem.line == 4


def test_an_expression_without_its_library_says_what_to_install(
    service_fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cel", None)

    problem = service_fault("expected_json: body.a == 1")

    assert "install prober[cel]" in problem.message
