from __future__ import annotations

import re
import time

import pytest
from servers import answers_by_path, response, serving

from prober.check import Checker
from prober.expectation import ANYTHING, Expectation
from prober.model import Outcome, Phase, Reason, Service, Timings
from prober.probes.base import Attempt
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange
from prober.probes.expecting import evaluate, unmet
from prober.probes.http import HttpProbe

UP, DOWN = re.compile("UP"), re.compile("DOWN")
HEADERS = (("Content-Type", "text/plain"), ("X-A", "one"), ("x-a", "two"))
JSON = {"status": "UP", "n": 4, "nodes": [{"ok": True}, {"ok": False}]}


def exchange(body: bytes = b"all is UP", cut: bool = False) -> Exchange:
    timings = Timings(0, 0, 0, 0, 0)
    return Exchange(200, body, timings, 1.0, http_version="1.1", headers=HEADERS, cut=cut)


def said(expected: Expectation, answer: Exchange) -> tuple[Reason, str] | None:
    found = unmet(expected, answer)
    return found and (found.reason, found.message.removeprefix("condition not met: "))


def header(name: str, pattern: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return ((name, re.compile(pattern)),)


@pytest.mark.parametrize(
    "expected",
    [
        ANYTHING,
        Expectation(versions=("1.1", "2")),
        Expectation(body_matches=(UP, re.compile("^all")), body_not_matches=(DOWN,)),
        Expectation(headers_match=header("content-type", "^text/") + header("X-A", "two")),
        Expectation(headers_not_match=header("X-A", "three") + header("X-Missing", "")),
    ],
)
def test_an_answer_as_expected_is_well(expected: Expectation) -> None:
    assert unmet(expected, exchange()) is None


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (Expectation(versions=("1.0", "2")), "HTTP/1.1 is not HTTP/1.0 or 2"),
        (Expectation(body_matches=(UP, DOWN)), "body does not match 'DOWN'"),
        (Expectation(body_not_matches=(DOWN, UP)), "body matches 'UP'"),
        (Expectation(headers_match=header("X-B", "")), "there is no header X-B"),
        (Expectation(headers_match=header("X-A", "six")), "header X-A does not match 'six'"),
        (Expectation(headers_not_match=header("x-a", "t.o")), "header x-a matches 't.o'"),
        (Expectation(json="body.a"), "body is not JSON"),
    ],
)
def test_a_condition_that_is_not_met_is_named(expected: Expectation, message: str) -> None:
    assert said(expected, exchange()) == (Reason.CONDITION, message)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        (Expectation(body_matches=(UP,)), None),
        (Expectation(body_matches=(DOWN,)), Reason.TOO_LARGE),
        (Expectation(body_not_matches=(UP,)), Reason.CONDITION),
        (Expectation(body_not_matches=(DOWN,)), Reason.TOO_LARGE),
        (Expectation(json="true"), Reason.TOO_LARGE),
    ],
)
def test_a_cut_body_is_too_large_where_it_does_not_decide(
    expected: Expectation, reason: Reason | None
) -> None:
    found = unmet(expected, exchange(cut=True))

    assert (found and found.reason) is reason


@pytest.mark.parametrize(
    "expression",
    ["body.status == 'UP'", "body.n > 3", "body.nodes.exists(x, x.ok)", "!has(body.gone)"],
)
def test_an_expression_that_holds_has_nothing_to_add(expression: str) -> None:
    assert evaluate(expression, JSON) is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("body.n > 4", " is false"),
        ("body.gone.deeper == 1", ": there is no 'gone'"),
        ("body.n", ": it is not true or false"),
        ("body.status > 3", ": No such overload"),
        ("missing == 1", ": Undefined variable"),
        ("body.nodes[7].ok", ": "),
        ("body.n / 0 == 1", ": "),
    ],
)
def test_an_expression_that_does_not_hold_says_why(expression: str, words: str) -> None:
    assert (evaluate(expression, JSON) or "").startswith(words)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"1", b'{"a": 1e400}', b"\xff"])
def test_no_body_can_break_an_expression(body: bytes) -> None:
    found = unmet(Expectation(json="body.status == 'UP'"), exchange(body))

    assert found is not None
    assert found.reason is Reason.CONDITION


async def probed(engine: Engine, url: str, expects: Expectation) -> Attempt:
    service = Service("madre", url, "127.0.0.1", int(url.rpartition(":")[2]), expects=expects)
    return await HttpProbe(engine).run(service, "/", time.monotonic() + 5)


async def test_headers_are_read_where_something_is_expected_of_them(engine: Engine) -> None:
    expects = Expectation(headers_match=header("X-State", "^well$"))
    with serving(answers_by_path({"/": response(200, b"", {"X-State": "well"})})) as server:
        attempt = await probed(engine, server.url, expects)

    assert attempt.ok


async def test_an_unmet_condition_is_a_failure_of_the_transfer(engine: Engine) -> None:
    with serving(answers_by_path({"/": response(200, b"DOWN")})) as server:
        attempt = await probed(engine, server.url, Expectation(body_matches=(UP,)))

    assert (attempt.ok, attempt.http_code, attempt.snippet) == (False, 200, "DOWN")
    assert (attempt.reason, attempt.phase) == (Reason.CONDITION, Phase.TRANSFER)
    assert attempt.message == "condition not met: body does not match 'UP'"


async def test_a_wrong_code_is_told_before_a_condition(engine: Engine) -> None:
    with serving(answers_by_path({"/": response(500, b"DOWN")})) as server:
        attempt = await probed(engine, server.url, Expectation(body_matches=(UP,)))

    assert attempt.reason is Reason.STATUS


async def test_the_next_endpoint_is_tried_where_a_condition_is_not_met() -> None:
    bodies = {"/a": response(200, b"DOWN"), "/b": response(200, b"UP")}
    checker = Checker()
    with serving(answers_by_path(bodies)) as server:
        expects = Expectation(body_matches=(UP,))
        service = Service(
            "madre", server.url, server.host, server.port, ("/a", "/b"), expects=expects
        )
        result = await checker.check(service, 0)
    checker.close()

    assert (result.outcome, result.endpoint_ok) == (Outcome.SUCCESS, "/b")
