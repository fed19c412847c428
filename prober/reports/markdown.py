"""The fleet as a Markdown report: a table, the counts and the raw JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from prober import fleet
from prober.reports import rows
from prober.reports.fleet import as_json
from prober.reports.times import rfc3339

COLUMNS = ("Service", "Port", "Status", "Code", "Latency", "Endpoint", "Snippet")


def render(members: Sequence[fleet.Member]) -> str:
    """A whole document; what services answered can't break out of its cell."""
    verdict = fleet.judge(members)
    raw = json.dumps(as_json(members), indent=2, ensure_ascii=False)
    fence = _fence(raw)
    return "\n".join(
        [
            "# Runtime truth",
            "",
            f"{_escape(verdict.sentence)}{_when(members)}.",
            "",
            _line(COLUMNS),
            _line(["---"] * len(COLUMNS)),
            *(_line(map(_escape, _row(member))) for member in members),
            "",
            rows.counts(members),
            "",
            f"{fence}json",
            raw,
            fence,
            "",
        ]
    )


def table(columns: Sequence[str], rows_: Iterable[Sequence[str]]) -> str:
    """Cells of plain text as a table, ended by a line feed."""
    lines = [_line(columns), _line(["---"] * len(columns))]
    return "\n".join([*lines, *(_line(map(_escape, row)) for row in rows_)]) + "\n"


def _row(member: fleet.Member) -> list[str]:
    status, name, port, code, latency, endpoint, cause, snippet = rows.fleet_row(member)
    shown = status if cause == rows.NONE else f"{status} ({cause})"
    return [name, port, shown, code, latency, endpoint, snippet]


def _when(members: Sequence[fleet.Member]) -> str:
    latest = max((m.result.checked_at for m in members if m.result), default=None)
    return "" if latest is None else f", at {rfc3339(latest)}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escape(text: str) -> str:
    # An underscore stays: inside a word it means nothing, and names are searched for.
    return re.sub(r"([\\`*\[\]<>&|])", r"\\\1", text)


def _fence(text: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)
