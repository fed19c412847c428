from __future__ import annotations

import json

import pytest
from fleets import member, refusal, service, success, wrong_answer

from prober.fleet import Member
from prober.model import Outcome, Reason, Result
from prober.reports.fleet import as_json


def test_a_service_that_is_well_has_exactly_these_keys_and_values() -> None:
    report = as_json([member(success())])

    assert report["services"] == [
        {
            "name": "madre",
            "port": 8001,
            "status": "OK",
            "critical": True,
            "maintenance": None,
            "http_code": 200,
            "latency_ms": 12.345,
            "endpoint_ok": "/health",
            "snippet": '{"status":"ok"}',
            "reason": None,
            "phase": None,
            "checked_at": "2026-11-22T15:00:00.123Z",
        }
    ]


def test_what_is_not_known_is_null() -> None:
    (found,) = json.loads(json.dumps(as_json([member(None)])))["services"]

    assert found["status"] == "UNKNOWN"
    assert {key for key, value in found.items() if value is None} == {
        "maintenance",
        "http_code",
        "latency_ms",
        "endpoint_ok",
        "snippet",
        "reason",
        "phase",
        "checked_at",
    }


def test_a_failure_says_why_and_where() -> None:
    (found,) = json.loads(json.dumps(as_json([member(refusal())])))["services"]

    assert (found["status"], found["reason"], found["phase"]) == ("BROKEN", "refused", "connect")


def test_the_summary_counts_each_service_once() -> None:
    fault = Result("d", 0, Outcome.FAULT, reason=Reason.PROBER)
    slow = Result("b", 0, Outcome.SLOW, 200, 900.0, "/")
    fleet = [
        member(success("a")),
        member(slow),
        member(wrong_answer("c")),
        member(fault),
        Member(service("e", enabled=False)),
    ]

    assert as_json(fleet)["summary"] == {
        "ok": 1,
        "degraded": 1,
        "broken": 1,
        "unknown": 1,
        "disabled": 1,
        "total": 5,
    }


@pytest.mark.parametrize(("critical", "verdict"), [(True, "broken"), (False, "ok")])
def test_only_a_critical_service_breaks_the_verdict(critical: bool, verdict: str) -> None:
    fleet = [member(success("a")), member(refusal("b"), critical=critical)]

    assert as_json(fleet)["verdict"] == verdict


def test_services_keep_their_order() -> None:
    fleet = [member(success(name)) for name in ("zeta", "alpha", "mid")]

    names = [found["name"] for found in json.loads(json.dumps(as_json(fleet)))["services"]]

    assert names == ["zeta", "alpha", "mid"]
