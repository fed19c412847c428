"""Two answers of probes in Prometheus's text format, held against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

# Gauges whose values are spans of time: no two measurements agree on them.
TIMES = frozenset(
    {
        "probe_dns_duration_seconds",
        "probe_dns_lookup_time_seconds",
        "probe_duration_seconds",
        "probe_http_duration_seconds",
        "probe_icmp_duration_seconds",
    }
)
_SAMPLE = re.compile(r"^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$")

Samples = Mapping[str, Mapping[str, str]]
"""The samples of an answer: name, then labels, then value."""


def samples(text: str) -> Samples:
    """Read an answer; labels stay as they are written, values of time are left out."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, value = _parts(line)
            found.setdefault(name, {})[labels] = "" if name in TIMES else value
    return found


def differences(theirs: Samples, ours: Samples) -> dict[str, str]:
    """The metrics that differ, each with what both sides say."""
    names = sorted({*theirs, *ours})
    return {name: told for name in names for told in _difference(theirs, ours, name)}


def _difference(theirs: Samples, ours: Samples, name: str) -> Iterator[str]:
    one, other = theirs.get(name), ours.get(name)
    if one != other:
        yield f"blackbox_exporter: {_shown(one)}; prober: {_shown(other)}"


def _shown(values: Mapping[str, str] | None) -> str:
    if values is None:
        return "nothing"
    return ", ".join(
        f"{{{labels}}} {value}" if labels else value for labels, value in values.items()
    )


def _parts(line: str) -> tuple[str, str, str]:
    match = _SAMPLE.match(line)
    assert match, f"no sample: {line}"
    return match[1], match[2] or "", match[3]
