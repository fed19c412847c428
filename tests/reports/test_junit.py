from __future__ import annotations

from xml.etree import ElementTree as xml

from fleets import member, refusal, success, wrong_answer
from hypothesis import given
from hypothesis import strategies as st

from prober.model import Outcome, Reason, Result
from prober.reports.junit import render


def test_a_case_per_service_bears_its_group_and_latency() -> None:
    root = xml.fromstring(render([member(success(), group="core")]))

    (case,) = root.iter("testcase")
    assert case.attrib == {"classname": "core", "name": "madre", "time": "0.012345"}
    assert case.findtext("system-out") == '{"status":"ok"}'


def test_a_broken_service_is_a_failure_with_its_reason() -> None:
    root = xml.fromstring(render([member(wrong_answer())]))

    (failure,) = root.iter("failure")
    assert failure.attrib == {"type": "status", "message": "BROKEN, status, HTTP 503"}


def test_a_tolerated_failure_says_so() -> None:
    root = xml.fromstring(render([member(refusal(), critical=False)]))

    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == "BROKEN, refused in connect, tolerated"


def test_what_prober_could_not_see_is_an_error_and_not_a_failure() -> None:
    fault = Result("madre", 0, Outcome.FAULT, reason=Reason.PROBER)

    root = xml.fromstring(render([member(fault)]))

    assert [node.attrib["type"] for node in root.iter("error")] == ["prober"]
    assert not list(root.iter("failure"))


def test_a_disabled_service_is_skipped() -> None:
    root = xml.fromstring(render([member(None, enabled=False)]))

    assert len(list(root.iter("skipped"))) == 1


def test_the_suite_counts_its_cases() -> None:
    fleet = [member(success("a")), member(refusal("b")), member(None, name="c", enabled=False)]

    suite = xml.fromstring(render(fleet)).find("testsuite")

    assert suite is not None
    assert {key: suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    assert suite.attrib["timestamp"] == "2026-11-22T15:00:00.123Z"


@given(st.text(st.characters(exclude_categories=())))
def test_any_answer_makes_valid_xml(snippet: str) -> None:
    text = render([member(success(name="s", snippet=snippet))])

    assert len(list(xml.fromstring(text.encode()).iter("testcase"))) == 1
