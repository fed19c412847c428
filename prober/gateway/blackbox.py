"""/probe: probes on demand, for whom Prometheus has asked blackbox_exporter so far."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Response
from fastapi.responses import PlainTextResponse

from prober.channel import Answer, Ask
from prober.gateway.context import Context, Given
from prober.gateway.described import Answers, fault, text
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.gateway.metrics import CONTENT_TYPE
from prober.inquiry import NoAnswer
from prober.module import HttpModule, Module, OnDemand, Unusable

USUAL_S = 120.0  # where Prometheus doesn't say how long it waits
LONGEST_S = 600.0  # else a stranger could keep all places taken
TRUE = "true"

Several = Annotated[list[str], Query(default_factory=list)]
"""A parameter; of several of its name the first counts, as for Go."""

router = APIRouter(tags=["probes on demand"], dependencies=[needs(Scope.READ)])

OFF = "probes on demand are off; set blackbox.config_file"
FORBIDDEN = "The token is wrong or not good for this, or the target may not be probed"


def _line(description: str, example: str) -> dict[str, Any]:
    """What is told as Prometheus shows it; what refuses a request before that is JSON."""
    described = fault(400, description)[400]
    told = text(description, f"{example}\n")["content"]
    return {**described, "description": description, "content": told | described["content"]}


ANSWERS: Answers = {
    200: text("What the probe found, also where it failed", "probe_success 1\n"),
    400: _line("No target, or a module that can't be probed by", "Target parameter is missing"),
    403: _line(FORBIDDEN, "10.0.0.1 is not among the targets that may be probed"),
    **fault(404, OFF),
    500: _line("The time limit is no number", "Failed to parse timeout from Prometheus header"),
    503: _line("No worker can be asked now", "no worker is running"),
}


class _Declined(Exception):
    """The question can't be put to a worker: a status code and a line for who asks."""

    def __init__(self, status: HTTPStatus, line: str) -> None:
        super().__init__(line)
        self.status = status


@router.get(
    "/probe",
    response_class=Response,
    responses=REFUSALS | ANSWERS,
)
async def probe(
    context: Given,
    target: Annotated[Several, Query(description="What to probe: a URL, host:port or host")],
    module: Annotated[Several, Query(description="The module to probe by")],
    hostname: Annotated[
        Several, Query(description="Asked for in place of the target's own name (http)")
    ],
    debug: Annotated[Several, Query(description="'true' tells the log and the module as well")],
    scrape_timeout: Annotated[
        str, Header(alias="X-Prometheus-Scrape-Timeout-Seconds", description="In seconds")
    ] = "",
) -> Response:
    """Probe a target once, and answer in Prometheus's text format."""
    settings = context.on_demand()
    if settings is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, OFF)
    name = _first(module) or "http_2xx"
    try:
        ask = _question(settings, name, _first(target), _first(hostname), scrape_timeout)
        answer = await _answer(context, ask)
    except _Declined as declined:
        return PlainTextResponse(f"{declined}\n", declined.status)
    if _first(debug) == TRUE:
        return PlainTextResponse(_debugged(answer, settings.shown[name]))
    return Response(answer.text, media_type=CONTENT_TYPE)


def _question(
    settings: OnDemand, name: str, target: str, hostname: str, scrape_timeout: str
) -> Ask:
    module = settings.modules.get(name)
    if module is None:
        shown = json.dumps(name, ensure_ascii=False)
        raise _Declined(HTTPStatus.BAD_REQUEST, f"Unknown module {shown}")
    limit_s = _waiting_s(scrape_timeout) - settings.timeout_offset_s
    if not target:
        raise _Declined(HTTPStatus.BAD_REQUEST, "Target parameter is missing")
    if isinstance(module, Unusable):
        raise _Declined(HTTPStatus.BAD_REQUEST, module.reason)
    _check_hostname(hostname, module)
    timeout_s = _timeout_s(limit_s, module)
    return Ask(0, target, module, hostname, timeout_s, settings.allowed)


async def _answer(context: Context, ask: Ask) -> Answer:
    try:
        answer = await context.ask(ask)
    except NoAnswer as why:
        raise _Declined(HTTPStatus.SERVICE_UNAVAILABLE, str(why)) from None
    if answer.refused is not None:
        raise _Declined(HTTPStatus.FORBIDDEN, answer.refused)
    return answer


def _first(values: list[str]) -> str:
    return values[0] if values else ""


def _timeout_s(limit_s: float, module: Module) -> float:
    """How long the probe may take: less than Prometheus waits, and no longer than the module says.

    As in blackbox_exporter, a module's own time counts where the offset leaves none.
    """
    if 0 < module.timeout_s < limit_s or limit_s < 0:
        limit_s = module.timeout_s
    return min(limit_s, LONGEST_S)


def _waiting_s(scrape_timeout: str) -> float:
    try:
        found = float(scrape_timeout or 0)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        why = f'strconv.ParseFloat: parsing "{scrape_timeout}": invalid syntax'
        line = f"Failed to parse timeout from Prometheus header: {why}"
        raise _Declined(HTTPStatus.INTERNAL_SERVER_ERROR, line)
    return found or USUAL_S


def _check_hostname(hostname: str, module: Module) -> None:
    if not isinstance(module.spec, HttpModule):
        return
    if not hostname.isprintable():
        raise _Declined(HTTPStatus.BAD_REQUEST, "the parameter 'hostname' is not a host's name")
    for name, value in module.spec.headers:
        if hostname and name.lower() == "host" and value != hostname:
            raise _Declined(
                HTTPStatus.BAD_REQUEST,
                f"host header defined both in module configuration ({value}) and with "
                f"URL-parameter 'hostname' ({hostname})",
            )


def _debugged(answer: Answer, module: str) -> str:
    log = "".join(f"{line}\n" for line in answer.log)
    return (
        f"Logs for the probe:\n{log}\n\n\n"
        f"Metrics that would have been returned:\n{answer.text}\n\n\n"
        f"Module configuration:\n{module}"
    )
