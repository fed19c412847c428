"""The seam between check() and the kinds of probe: what one attempt says, and who makes it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from prober.model import Phase, Reason, Service, Timings


class Attempt(NamedTuple):
    """What one request to one endpoint found.

    `ok` says that it answered as the service expects. `http_code` is None where nothing answered;
    a code beside a reason other than `status` is that of an answer that could not be read to its
    end. `latency_ms` is the whole request, redirects included. `reason` and `phase` are None where
    `ok`. `tls_expiry` is the leaf certificate's notAfter in epoch seconds. `message` is a sentence
    for people, for logs and never for a metric label.
    """

    ok: bool
    http_code: int | None = None
    latency_ms: float | None = None
    snippet: str | None = None
    reason: Reason | None = None
    phase: Phase | None = None
    timings: Timings | None = None
    tls_expiry: int | None = None
    message: str | None = None


class Probe(Protocol):
    """One way to see whether a service is well."""

    async def run(self, service: Service, endpoint: str, deadline: float) -> Attempt:
        """Try one endpoint, and be back by `deadline` (seconds of `time.monotonic`).

        An outage is an Attempt that is not ok. What it raises is a defect.
        """
