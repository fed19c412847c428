"""The gauges of a probe by HTTP, under blackbox_exporter's names, from the start to the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prober.blackbox import chains
from prober.blackbox.handshake import Handshake
from prober.blackbox.http import dates
from prober.blackbox.http.answers import Answer
from prober.blackbox.http.trips import Trace
from prober.blackbox.report import Report

DURATION = (
    "probe_http_duration_seconds",
    "Duration of http request by phase, summed over all redirects",
)
PHASES = ("connect", "processing", "tls", "transfer")
CONTENT_LENGTH = ("probe_http_content_length", "Length of http content response")
BODY_LENGTH = ("probe_http_uncompressed_body_length", "Length of uncompressed response body")
REDIRECTS = ("probe_http_redirects", "The number of redirects")
SSL = ("probe_http_ssl", "Indicates if SSL was used for the final redirect")
STATUS = ("probe_http_status_code", "Response HTTP status code")
VERSION = ("probe_http_version", "Returns the version of HTTP of the probe response")
REGEX = ("probe_failed_due_to_regex", "Indicates if probe failed due to regex")
MODIFIED = (
    "probe_http_last_modified_timestamp_seconds",
    "Returns the Last-Modified HTTP response header in unixtime",
)


def begin(report: Report) -> None:
    """Set the gauges that are told whatever happens."""
    report.declare(*DURATION)
    for name, text in (CONTENT_LENGTH, BODY_LENGTH, REDIRECTS, SSL, STATUS, VERSION, REGEX):
        report.gauge(name, text, 0)


def begin_phases(report: Report) -> None:
    """Set the durations of the phases that follow on resolving."""
    for name in PHASES:
        phase(report, name, 0.0)


def phase(report: Report, name: str, seconds: float) -> None:
    """Set the duration of a phase."""
    report.gauge(*DURATION, seconds, {"phase": name})


def durations(report: Report, traces: Iterable[Trace]) -> None:
    """Add up the durations of all trips; the first one's resolving was told before."""
    for number, trace in enumerate(traces):
        if number:
            _add(report, "resolve", trace.started, trace.resolved)
        for name, start, end in _spans(trace):
            _add(report, name, start, end)


def _add(report: Report, name: str, start: float | None, end: float | None) -> None:
    seconds = 0.0 if start is None or end is None else end - start
    report.add(DURATION[0], seconds, {"phase": name})


def _spans(trace: Trace) -> Iterable[tuple[str, float | None, float | None]]:
    if trace.ready is None:
        return
    yield "connect", trace.resolved, trace.connected if trace.secure else trace.ready
    if trace.secure:
        yield "tls", trace.handshake, trace.secured
    yield "processing", trace.ready, trace.answered
    yield "transfer", trace.answered, trace.ended


def matched(report: Report, fits: bool) -> None:
    """Tell whether patterns were to blame."""
    report.gauge(*REGEX, float(not fits))


def answer(report: Report, told: Answer, size: int) -> None:
    """Tell of the last answer, whose body had so many bytes without compression."""
    report.gauge(*STATUS, told.head.status)
    report.gauge(*CONTENT_LENGTH, float(told.length))
    report.gauge(*BODY_LENGTH, size)
    report.gauge(*VERSION, float(told.head.proto.removeprefix("HTTP/")))
    modified = dates.epoch_s(told.head.first("Last-Modified"))
    if modified is not None:
        report.gauge(*MODIFIED, modified)
    if told.tls is not None:
        report.gauge(*SSL, 1)
        _certificates(report, told.tls)


def failed_handshake(report: Report, traces: Sequence[Trace]) -> None:
    """Tell of the certificates of a last trip that TLS ended: then they are wanted most."""
    if traces and traces[-1].ready is None and traces[-1].tls is not None:
        _certificates(report, traces[-1].tls)


def _certificates(report: Report, tls: Handshake) -> None:
    chains.tell(report, tls.sent, tls.verified, tls.spoken)
