"""The status page: the verdict and a table, made on the server and readable without JavaScript.

Its script asks for the page anew, and only exchanges what differs: all that is shown is made here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice, product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from prober import __version__, clock
from prober.fleet import Member, Verdict, is_tolerated, remarkable, verdict
from prober.gateway.answers import aside
from prober.gateway.context import Given, Progress
from prober.gateway.described import text
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.model import Result, Status
from prober.reports.times import rfc3339

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "page.css").read_text()
SCRIPT = (TEMPLATES / "page.js").read_text()
_JINJA = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGE = _JINJA.get_template("page.html")


def _hash(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"


POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {_hash(STYLE)}",
        f"script-src {_hash(SCRIPT)}",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}

ROWS = 1000  # more than a person reads; all of them would hold up everything else
DISABLED = "DISABLED"
# Problems first: the order of the table, and of the fleet's own word.
ORDER = ("BROKEN", "UNKNOWN", "DEGRADED", "OK", DISABLED)
NOTICES = {
    ("schedule", "starting"): "Starting: the first probes are under way.",
    ("schedule", "stalled"): "Probes are not being made on schedule: what is shown may be old.",
    ("store", "starting"): "Starting: nothing was stored yet.",
    ("store", "stalled"): "Results are not reaching the store.",
    ("store", "spooling"): "The database can't be written: results wait on disk until it can.",
}
AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))  # seconds, unit

Piles = dict[tuple[str, bool], list[Member]]

router = APIRouter(dependencies=[needs(Scope.READ)])


class Row(NamedTuple):
    """One service as the table shows it: texts, empty where there is nothing to tell."""

    label: str
    name: str
    path: str
    critical: bool
    maintenance: str
    tags: tuple[str, ...]
    group: str
    port: int
    code: str = ""
    latency: str = ""
    endpoint: str = ""
    checked_at: str = ""
    checked: str = ""
    since_at: str = ""
    since: str = ""
    why: str = ""
    message: str = ""
    snippet: str = ""


SHOWN = REFUSALS | {200: text("The page", "<!DOCTYPE html>…", "text/html")}


@router.head("/", response_class=Response, responses=SHOWN)
@router.get("/", response_class=Response, responses=SHOWN)
async def page(context: Given) -> HTMLResponse:
    """The fleet in one look; it loads itself again every 5 s, and when a status changes."""

    async def made() -> str:
        now_ms = clock.epoch_ms()
        members, progress = context.state.members(), context.progress()
        return await aside(lambda: render(context.title, members, progress, now_ms))

    return HTMLResponse(await context.pages.get(made), headers=HEADERS)


def render(title: str, members: list[Member], progress: Progress, now_ms: int) -> str:
    """The page as HTML; `now_ms` (epoch) is what ages are counted from."""
    exceptions = remarkable(members)
    piles = _piles(exceptions)
    found = verdict(len(members), exceptions)
    rows = [_row(member, now_ms) for member in islice(_ordered(members, piles), ROWS)]
    return PAGE.render(
        title=title,
        version=__version__,
        style=Markup(STYLE),
        script=Markup(SCRIPT),
        word=_word(piles),
        verdict=found,
        counts=_counts(found),
        notices=_notices(progress),
        rows=rows,
        more=len(members) - len(rows),
        grouped=any(row.group for row in rows),
        now=rfc3339(now_ms),
    )


def _ordered(members: list[Member], piles: Piles) -> Iterator[Member]:
    """What matters most comes first; the many that are simply OK are looked for one by one."""
    for label, tolerated in product(ORDER, (False, True)):
        yield from piles[label, tolerated]
        if label == Status.OK:
            yield from (m for m in members if _label(m) == label and is_tolerated(m) is tolerated)


def _piles(members: Iterable[Member]) -> Piles:
    """Members by label and whether they are tolerated."""
    piles: Piles = {(label, tolerated): [] for label in ORDER for tolerated in (False, True)}
    for member in members:
        piles[_label(member), is_tolerated(member)].append(member)
    return piles


def _word(piles: Piles) -> str:
    """The worst status of a service that is not tolerated: the fleet's own."""
    return next((label for label in ORDER[:-1] if piles[label, False]), "OK")


def _label(member: Member) -> str:
    # str() costs half of .value, which counts where all members of a large fleet are asked.
    return str(member.status) if member.service.enabled else DISABLED


def _counts(verdict: Verdict) -> list[tuple[str, int, float, float]]:
    """Label, count, and the start and width of its share of the bar in percent."""
    counts = {
        "OK": verdict.ok,
        "DEGRADED": verdict.degraded,
        "BROKEN": verdict.broken,
        "UNKNOWN": verdict.unknown,
        DISABLED: verdict.disabled,
    }
    shares, start = [], 0.0
    for label, count in counts.items():
        width = 100 * count / max(verdict.total, 1)
        shares.append((label, count, round(start, 3), round(width, 3)))
        start += width
    return shares


def _notices(progress: Progress) -> list[str]:
    words = (("schedule", progress.schedule), ("store", progress.store))
    return [NOTICES[word] for word in words if word in NOTICES]


def _row(member: Member, now_ms: int) -> Row:
    service = member.service
    since = member.since
    return Row(
        label=_label(member),
        name=service.name,
        path=f"/api/v1/services/{quote(service.name, safe='')}",
        critical=service.critical,
        maintenance=member.maintenance or "",
        tags=service.tags,
        group=service.group or "",
        port=service.port,
        since_at=rfc3339(since) if since else "",
        since=age(now_ms - since) if since else "",
        **(_found(member.result, now_ms) if member.result else {}),
    )


def _found(result: Result, now_ms: int) -> dict[str, str]:
    """The cells that a probe fills."""
    return {
        "code": str(result.http_code or ""),
        "latency": "" if result.latency_ms is None else duration(result.latency_ms),
        "endpoint": result.endpoint_ok or "",
        "checked_at": rfc3339(result.checked_at),
        "checked": f"{age(now_ms - result.checked_at)} ago",
        "why": " · ".join(part for part in (result.reason, result.phase) if part),
        "message": result.message or "",
        "snippet": result.snippet or "",
    }


def duration(ms: float) -> str:
    """A latency in three digits or so: "0.42 ms", "12.3 ms", "640 ms", "2.41 s"."""
    if ms >= 1000:
        return f"{ms / 1000:.2f} s"
    return f"{ms:.{2 if ms < 1 else 1 if ms < 100 else 0}f} ms"


def age(ms: int) -> str:
    """How long, in its largest unit: "0 s", "59 s", "3 min", "26 d"."""
    seconds = max(0, ms // 1000)
    size, unit = next((step for step in AGES if seconds >= step[0]), AGES[-1])
    return f"{seconds // size} {unit}"
