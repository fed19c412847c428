"""The fleet as JUnit XML, so that a CI system shows services as it shows tests.

The dialect is that of the Jenkins schema: testsuites, testsuite, testcase with failure (BROKEN),
error (UNKNOWN) or skipped (disabled).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as xml

from prober import fleet
from prober.model import Status
from prober.reports import rows
from prober.reports.times import rfc3339

# What XML 1.0 can't hold in any form, not even as a character reference.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

REMARKS = {Status.BROKEN: "failure", Status.UNKNOWN: "error"}


def render(members: Sequence[fleet.Member]) -> str:
    """A document with one suite and a case per service; `time` is the latency in seconds."""
    verdict = fleet.judge(members)
    attributes = {
        "name": "prober",
        "tests": str(verdict.total),
        "failures": str(verdict.broken),
        "errors": str(verdict.unknown),
        "skipped": str(verdict.disabled),
    }
    root = xml.Element("testsuites", attributes)
    suite = xml.SubElement(root, "testsuite", attributes | _timestamp(members))
    for member in members:
        _add_case(suite, member)
    xml.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{xml.tostring(root, encoding="unicode")}\n'


def _add_case(suite: xml.Element, member: fleet.Member) -> None:
    service, result = member.service, member.result
    seconds = ((result and result.latency_ms) or 0) / 1000
    case = xml.SubElement(
        suite,
        "testcase",
        classname=_clean(service.group or "prober"),
        name=_clean(service.name),
        time=f"{seconds:.6f}",
    )
    if not service.enabled:
        xml.SubElement(case, "skipped", message="disabled")
    elif kind := REMARKS.get(member.status):
        xml.SubElement(case, kind, type=_reason(member), message=_clean(_message(member)))
    if result and result.snippet:
        xml.SubElement(case, "system-out").text = _clean(result.snippet)


def _timestamp(members: Sequence[fleet.Member]) -> dict[str, str]:
    first = min((m.result.checked_at for m in members if m.result), default=None)
    return {} if first is None else {"timestamp": rfc3339(first)}


def _reason(member: fleet.Member) -> str:
    known = member.result and member.result.reason
    return known.value if known else member.status.value.lower()


def _message(member: fleet.Member) -> str:
    status, _, _, code, _, _, cause, _ = rows.fleet_row(member)
    parts = [status, cause, "" if code == rows.NONE else f"HTTP {code}"]
    parts += ["tolerated"] if fleet.is_tolerated(member) else []
    return ", ".join(part for part in parts if part not in ("", rows.NONE))


def _clean(text: str) -> str:
    return FORBIDDEN.sub("", text)
