"""Probes on demand in blackbox_exporter's terms. A kind is a file, and a line here."""

from __future__ import annotations

from prober.blackbox.job import Run

KINDS: dict[type, Run] = {}
