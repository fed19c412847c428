"""The series of one service, and how each family of them reads in Prometheus's text format.

The format is https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

from prober.model import Observation, Outcome, Phase, Reason, Result, Status, Timings

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BUCKETS_MS = tuple(bound * 1000 for bound in BUCKETS_S)
_SUCCESS = {Status.OK: 1, Status.DEGRADED: 1, Status.BROKEN: 0, Status.UNKNOWN: None}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

# The two families of many lines are `%` templates: their numbers are all that ever changes, and
# NUL, which no name may hold, stands for the label.
# Times are kept in milliseconds, which the format's own notation turns into seconds: 1.250e-3.
_LABEL = "\0"
_HISTOGRAM = "prober_probe_duration_seconds"
_DURATION = (
    "".join(f'{_HISTOGRAM}_bucket{{{_LABEL},le="{bound}"}} %d\n' for bound in (*BUCKETS_S, "+Inf"))
    + f"{_HISTOGRAM}_sum{{{_LABEL}}} %.3fe-3\n{_HISTOGRAM}_count{{{_LABEL}}} %d\n"
)
_PHASES = "".join(
    f'prober_probe_phase_duration_seconds{{{_LABEL},phase="{phase}"}} %.3fe-3\n' for phase in Phase
)


class Series:
    """What one service's series are made of."""

    __slots__ = (
        "answers",
        "code",
        "counts",
        "failures",
        "label",
        "maintenance",
        "probes",
        "status",
        "sum_ms",
        "timings",
        "tls_expiry",
    )

    def __init__(self, target: str) -> None:
        self.label = f'target="{target.translate(_ESCAPES)}"'
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.answers = self.probes = 0
        self.sum_ms = 0.0
        self.failures: dict[Reason, int] | None = None
        self.timings: Timings | None = None
        self.status = Status.UNKNOWN
        self.maintenance = False
        self.code: int | None = None
        self.tls_expiry: int | None = None

    def take(self, observation: Observation) -> None:
        """Count one observation; without a result, nothing of the last probe holds any more."""
        result = observation.result
        if result is not None:
            self._count(result)
        self.timings = result and result.timings
        self.code = result and result.http_code
        self.status = observation.status

    def _count(self, result: Result) -> None:
        self.probes += 1
        if result.reason is not None:
            self.failures = self.failures or {}
            self.failures[result.reason] = self.failures.get(result.reason, 0) + 1
        measured = result.outcome is not Outcome.FAULT and not result.stalled
        if measured and result.latency_ms is not None:
            self.counts[bisect_left(_BUCKETS_MS, result.latency_ms)] += 1
            self.answers += 1
            self.sum_ms += result.latency_ms
        self.tls_expiry = result.tls_expiry or self.tls_expiry


def _success(series: Series) -> str:
    value = _SUCCESS[series.status]
    return "" if value is None else f"prober_probe_success{{{series.label}}} {value}\n"


def _maintenance(series: Series) -> str:
    # None for the others, as for nearly all at nearly any time: their text would cost every scrape.
    return f"prober_maintenance{{{series.label}}} 1\n" if series.maintenance else ""


def _duration(series: Series) -> str:
    numbers = (*accumulate(series.counts), series.sum_ms, series.answers)
    return (_DURATION % numbers).replace(_LABEL, series.label)


def _phases(series: Series) -> str:
    return (_PHASES % series.timings).replace(_LABEL, series.label) if series.timings else ""


def _probes(series: Series) -> str:
    return f"prober_probes_total{{{series.label}}} {series.probes}\n"


def _failures(series: Series) -> str:
    if series.failures is None:
        return ""
    head = f"prober_probe_failures_total{{{series.label},reason="
    return "".join([f'{head}"{reason}"}} {n}\n' for reason, n in series.failures.items()])


def _code(series: Series) -> str:
    if series.code is None:
        return ""
    return f"prober_probe_http_status_code{{{series.label}}} {series.code}\n"


def _tls_expiry(series: Series) -> str:
    if series.tls_expiry is None:
        return ""
    return f"prober_probe_tls_expiry_timestamp_seconds{{{series.label}}} {series.tls_expiry}\n"


class Family(NamedTuple):
    """One family: its name, type and help, and the lines that one service has in it."""

    name: str
    kind: str
    help: str
    lines: Callable[[Series], str]

    @property
    def head(self) -> str:
        """The lines that stand once, above those of all services."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"


FAMILIES = (
    Family(
        "prober_probe_success",
        "gauge",
        "Whether the service is well: 1 for OK and DEGRADED, 0 for BROKEN, absent for UNKNOWN.",
        _success,
    ),
    Family(
        "prober_maintenance",
        "gauge",
        "1 while the service is in a maintenance window, else absent.",
        _maintenance,
    ),
    Family(
        "prober_probe_duration_seconds",
        "histogram",
        "How long the service took to answer, over the probes that it answered.",
        _duration,
    ),
    Family(
        "prober_probe_phase_duration_seconds",
        "gauge",
        "How long each phase of the last probe took.",
        _phases,
    ),
    Family("prober_probes_total", "counter", "Probes that were made.", _probes),
    Family(
        "prober_probe_failures_total", "counter", "Probes without success, by reason.", _failures
    ),
    Family(
        "prober_probe_http_status_code",
        "gauge",
        "HTTP status code of the last probe, absent where nothing answered.",
        _code,
    ),
    Family(
        "prober_probe_tls_expiry_timestamp_seconds",
        "gauge",
        "When the service's certificate expires, in epoch seconds.",
        _tls_expiry,
    ),
)
