"""The services' series for Prometheus, kept as text that is rendered anew only where it changed.

prometheus-client walks an object per label set, which takes hundreds of milliseconds at 1,000
services; here each service keeps its lines, and a scrape joins them.
The format is https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from prober.model import Observation, Outcome, Phase, Reason, Result, Service, Status, Timings
from prober.sinks.base import Sink

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BUCKETS_MS = tuple(bound * 1000 for bound in BUCKETS_S)
_SUCCESS = {Status.OK: 1, Status.DEGRADED: 1, Status.BROKEN: 0, Status.UNKNOWN: None}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

# Name, type and help of each family, in the order of the texts of `_Series.render`.
FAMILIES = (
    (
        "prober_probe_success",
        "gauge",
        "Whether the service is well: 1 for OK and DEGRADED, 0 for BROKEN, absent for UNKNOWN.",
    ),
    (
        "prober_probe_duration_seconds",
        "histogram",
        "How long the service took to answer, over the probes that it answered.",
    ),
    (
        "prober_probe_phase_duration_seconds",
        "gauge",
        "How long each phase of the last probe took.",
    ),
    ("prober_probes_total", "counter", "Probes that were made."),
    ("prober_probe_failures_total", "counter", "Probes without success, by reason."),
    (
        "prober_probe_http_status_code",
        "gauge",
        "HTTP status code of the last probe, absent where nothing answered.",
    ),
    (
        "prober_probe_tls_expiry_timestamp_seconds",
        "gauge",
        "When the service's certificate expires, in epoch seconds.",
    ),
)
_HEADS = tuple(f"# HELP {name} {text}\n# TYPE {name} {kind}\n" for name, kind, text in FAMILIES)


class Metrics(Sink):
    """The series of every enabled service. Every method is for the event loop's thread."""

    name = "metrics"
    lossless = False
    linger_s = 0.0

    def __init__(self, services: Sequence[Service]) -> None:
        self._series: dict[str, _Series] = {}
        self.retarget(services)

    def retarget(self, services: Sequence[Service]) -> None:
        """Follow a new configuration: what stays counts on, and what left loses its series."""
        known = self._series
        names = [service.name for service in services if service.enabled]
        self._series = {name: known.get(name) or _Series(name) for name in names}

    async def write(self, batch: Sequence[Observation]) -> None:
        """Count a batch; an observation of a service that has no series is ignored."""
        for observation in batch:
            series = self._series.get(observation.service)
            if series is not None:
                series.take(observation)

    async def close(self) -> None:
        """Nothing to let go of."""

    def render(self) -> str:
        """All services' series in the text format, family by family, ending in a newline."""
        texts = [series.text or series.render() for series in self._series.values()]
        families = zip(*texts, strict=True) if texts else [()] * len(_HEADS)
        return "".join(head + "".join(lines) for head, lines in zip(_HEADS, families, strict=True))


class _Series:
    """What one service's series are made of; `text` caches them, and is empty when out of date.

    Lines that seldom change are made when they do, the others when they are asked for.
    """

    __slots__ = (
        "answers",
        "code",
        "code_line",
        "counts",
        "duration_lines",
        "failures",
        "phase_lines",
        "probes",
        "status",
        "success_line",
        "sum_ms",
        "target",
        "text",
        "timings",
        "tls_expiry",
        "tls_expiry_line",
    )

    def __init__(self, target: str) -> None:
        self.target = f'target="{target.translate(_ESCAPES)}"'
        self.duration_lines = _duration_template(self.target)
        self.phase_lines = _phase_template(self.target)
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.answers = self.probes = 0
        self.sum_ms = 0.0
        self.failures: dict[Reason, int] = {}
        self.timings: Timings | None = None
        self.status = Status.UNKNOWN
        self.code: int | None = None
        self.tls_expiry: int | None = None
        self.success_line = self.code_line = self.tls_expiry_line = ""
        self.text: tuple[str, ...] = ()

    def take(self, observation: Observation) -> None:
        """Count one observation; without a result, nothing of the last probe holds any more."""
        self.text = ()
        result = observation.result
        if result is not None:
            self.count(result)
        self.timings = result and result.timings
        self.show(observation.status, result and result.http_code)

    def count(self, result: Result) -> None:
        self.probes += 1
        if result.reason is not None:
            self.failures[result.reason] = self.failures.get(result.reason, 0) + 1
        measured = result.outcome is not Outcome.FAULT and not result.stalled
        if measured and result.latency_ms is not None:
            self.counts[bisect_left(_BUCKETS_MS, result.latency_ms)] += 1
            self.answers += 1
            self.sum_ms += result.latency_ms
        if result.tls_expiry is not None and result.tls_expiry != self.tls_expiry:
            self.tls_expiry = result.tls_expiry
            self.tls_expiry_line = self.line(
                "prober_probe_tls_expiry_timestamp_seconds", self.tls_expiry
            )

    def show(self, status: Status, code: int | None) -> None:
        if status is not self.status:
            self.status = status
            self.success_line = self.line("prober_probe_success", _SUCCESS[status])
        if code != self.code:
            self.code = code
            self.code_line = self.line("prober_probe_http_status_code", code)

    def line(self, name: str, value: int | None) -> str:
        return "" if value is None else f"{name}{{{self.target}}} {value}\n"

    def render(self) -> tuple[str, ...]:
        """The lines of each family, in the order of `FAMILIES`."""
        self.text = (
            self.success_line,
            self.duration_lines % (*accumulate(self.counts), self.sum_ms, self.answers),
            self.phase_lines % self.timings if self.timings else "",
            f"prober_probes_total{{{self.target}}} {self.probes}\n",
            self.failure_lines() if self.failures else "",
            self.code_line,
            self.tls_expiry_line,
        )
        return self.text

    def failure_lines(self) -> str:
        head = f"prober_probe_failures_total{{{self.target},reason="
        return "".join([f'{head}"{reason}"}} {n}\n' for reason, n in self.failures.items()])


# The two families of many lines are `%` templates: their numbers are all that ever changes.
# Times are kept in milliseconds, which the format's own notation turns into seconds: 1.250e-3.


def _duration_template(target: str) -> str:
    label = target.replace("%", "%%")
    name = "prober_probe_duration_seconds"
    bounds = [*map(str, BUCKETS_S), "+Inf"]
    buckets = [f'{name}_bucket{{{label},le="{bound}"}} %d\n' for bound in bounds]
    return "".join(buckets) + f"{name}_sum{{{label}}} %.3fe-3\n{name}_count{{{label}}} %d\n"


def _phase_template(target: str) -> str:
    head = f"prober_probe_phase_duration_seconds{{{target.replace('%', '%%')},phase="
    return "".join([f'{head}"{phase}"}} %.3fe-3\n' for phase in Phase])
