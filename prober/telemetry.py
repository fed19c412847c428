"""prober's own series: what an operator needs to trust, or distrust, the others."""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Metric,
    disable_created_metrics,
)
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from prober import __version__

LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
WRITE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)

Refused = Literal[
    "auth_required",
    "forbidden",
    "foreign_origin",
    "no_token_configured",
    "too_many_wrong_tokens",
    "too_many_requests",
    "too_many_streams",
    "too_many_streams_of_client",
    "body_too_large",
    "body_too_slow",
]
"""Why the gateway refuses what is asked of it."""

Outcome = Literal["accepted", "rejected", "failed"]
"""What becomes of an event; a failed one is not known to be stored."""


class Lag(Collector):
    """How late probes start, counted by whole batches: a Histogram takes as long as a status."""

    def __init__(self) -> None:
        self._counts = [0] * (len(LAG_BUCKETS) + 1)
        self._sum_s = 0.0

    def observe(self, lags_ms: Iterable[float]) -> None:
        """Count lags, in milliseconds."""
        for lag_ms in lags_ms:
            lag_s = lag_ms / 1000
            self._counts[bisect_left(LAG_BUCKETS, lag_s)] += 1
            self._sum_s += lag_s

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        bounds = [*map(str, map(float, LAG_BUCKETS)), "+Inf"]
        yield HistogramMetricFamily(
            "prober_schedule_lag_seconds",
            "How late probes start after their slot.",
            buckets=list(zip(bounds, accumulate(self._counts), strict=True)),
            sum_value=self._sum_s,
        )


class Telemetry:
    """The registry of prober's own series; built once by the composition root and handed down."""

    def __init__(self) -> None:
        # Without it each counter has a second series that nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it lacks annotations
        self.registry = CollectorRegistry(auto_describe=True)
        Info(
            "prober_build",
            "Version of prober and of the Python it runs on.",
            registry=self.registry,
        ).info({"version": __version__, "python": platform.python_version()})
        self._watch_probes()
        self._watch_sinks()
        self._watch_store()
        self._watch_gateway()
        self._watch_configuration()

    def _watch_probes(self) -> None:
        r = self.registry
        self.lag = Lag()
        r.register(self.lag)
        self.missed = Counter(
            "prober_missed_slots_total",
            "Slots that passed without a probe, since the one before was still running.",
            registry=r,
        )
        self.stalled = Counter(
            "prober_stalled_probes_total",
            "Probes during which the worker stood still: their latency is in no statistics.",
            registry=r,
        )
        self.in_flight = Gauge(
            "prober_probes_in_flight", "Probes that are running now.", ["worker"], registry=r
        )
        self.worker_restarts = Counter(
            "prober_worker_restarts_total",
            "Times that a worker died and was started again.",
            registry=r,
        )

    def _watch_sinks(self) -> None:
        r = self.registry
        self.queue_depth = Gauge(
            "prober_sink_queue_depth",
            "Observations waiting in a sink's queue.",
            ["sink"],
            registry=r,
        )
        self.dropped = Counter(
            "prober_sink_dropped_total",
            "Observations that a sink's full queue had to drop.",
            ["sink"],
            registry=r,
        )

    def _watch_store(self) -> None:
        r = self.registry
        self.spool_rows = Gauge(
            "prober_spool_rows", "Observations waiting on disk for the database.", registry=r
        )
        self.store_write = Histogram(
            "prober_store_write_seconds",
            "Time that writing one batch to the database took.",
            buckets=WRITE_BUCKETS,
            registry=r,
        )
        self.store_last_success = Gauge(
            "prober_store_last_success_timestamp_seconds",
            "When a batch was last committed to the database.",
            registry=r,
        )

    def _watch_gateway(self) -> None:
        r = self.registry
        self.breaker_state = Gauge(
            "prober_breaker_state",
            "Which state the breaker of a service is in: 1 for that one, 0 for the others.",
            ["target", "state"],
            registry=r,
        )
        self.refusals = Counter(
            "prober_gateway_refusals_total",
            "What the gateway refused by itself, by reason.",
            ["reason"],
            registry=r,
        )
        self.events = Counter(
            "prober_events_total", "Events that were sent in, by outcome.", ["outcome"], registry=r
        )
        self.stream_clients = Gauge(
            "prober_stream_clients", "WebSockets that are open now.", registry=r
        )
        self.stream_dropped = Counter(
            "prober_stream_dropped_total",
            "WebSockets that were closed since their client read too slowly.",
            registry=r,
        )
        # Each is there from the start, so that its first increase is seen.
        for reason in get_args(Refused):
            self.refusals.labels(reason)
        for outcome in get_args(Outcome):
            self.events.labels(outcome)

    def _watch_configuration(self) -> None:
        r = self.registry
        self.reload_ok = Gauge(
            "prober_config_reload_success",
            "Whether the last reading of the configuration worked.",
            registry=r,
        )
        self.reload_time = Gauge(
            "prober_config_last_reload_timestamp_seconds",
            "When the configuration in force was read.",
            registry=r,
        )

    def refused(self, reason: Refused) -> None:
        """Count what the gateway refused."""
        self.refusals.labels(reason).inc()

    def reloaded(self, epoch_s: float) -> None:
        """Note that the configuration was read, and is in force from now on."""
        self.reload_ok.set(1)
        self.reload_time.set(epoch_s)

    def render(self) -> str:
        """All of prober's own series in Prometheus's text format."""
        return generate_latest(self.registry).decode()
