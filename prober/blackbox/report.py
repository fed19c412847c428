"""What one on-demand probe tells: gauges under blackbox_exporter's names, and a log of its steps.

The text format is https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

NO_LABELS: Mapping[str, str] = {}
_IN_LABEL = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_SPECIAL = {math.inf: "+Inf", -math.inf: "-Inf"}

Labels = tuple[tuple[str, str], ...]


class Report:
    """Gathers gauges and log lines; `render` writes the gauges down, sorted by name."""

    def __init__(self) -> None:
        self._help: dict[str, str] = {}
        self._values: dict[str, dict[Labels, float]] = {}
        self._log: list[str] = []

    def declare(self, name: str, text: str) -> None:
        """Give a gauge its help; one without a value isn't rendered."""
        self._help.setdefault(name, text)

    def gauge(
        self, name: str, text: str, value: float, labels: Mapping[str, str] = NO_LABELS
    ) -> None:
        """Set a gauge, in place of a value that it has for the same labels."""
        self.declare(name, text)
        self._values.setdefault(name, {})[tuple(sorted(labels.items()))] = value

    def add(self, name: str, value: float, labels: Mapping[str, str] = NO_LABELS) -> None:
        """Add to a gauge that was declared; it begins at 0."""
        values, key = self._values.setdefault(name, {}), tuple(sorted(labels.items()))
        values[key] = values.get(key, 0.0) + value

    def say(self, sentence: str) -> None:
        """Note a step, or what went wrong, for people."""
        self._log.append(sentence)

    @property
    def log(self) -> tuple[str, ...]:
        """What was noted, in order."""
        return tuple(self._log)

    def render(self) -> str:
        """All gauges in Prometheus's text format."""
        return "".join(map(self._family, sorted(self._values)))

    def _family(self, name: str) -> str:
        head = f"# HELP {name} {self._help[name].translate(_IN_HELP)}\n# TYPE {name} gauge\n"
        values = sorted(self._values[name].items())
        return head + "".join(f"{name}{_braced(lb)} {number(v)}\n" for lb, v in values)


def _braced(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{value.translate(_IN_LABEL)}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def number(value: float) -> str:
    """A value as Go writes it, in the fewest digits: 200, 0.25, 1.7e+09, NaN."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return _SPECIAL[value]
    exact = Decimal(repr(value)).normalize()
    power = exact.adjusted()
    if -4 <= power < 6:
        return f"{exact:f}"
    return f"{exact.scaleb(-power):f}e{power:+03d}"
