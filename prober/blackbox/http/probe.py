"""Probe a target by HTTP: ask, follow, judge, and tell it all as blackbox_exporter does."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from prober.blackbox import addresses, faults, handshake
from prober.blackbox.guard import Refused
from prober.blackbox.http import draining, grants, judging, redirects, requests, telling, urls
from prober.blackbox.http.answers import Answer
from prober.blackbox.http.grants import NoToken
from prober.blackbox.http.heads import Malformed
from prober.blackbox.http.redirects import Chase
from prober.blackbox.http.requests import BadRequest, Request
from prober.blackbox.http.trips import Way
from prober.blackbox.http.urls import BadUrl, Url
from prober.blackbox.job import Job
from prober.module import HttpModule

FAULTS = (OSError, Malformed, BadUrl, BadRequest, NoToken, addresses.NoAddress)


async def run(job: Job) -> bool:
    """Whether the target's answer is what its module wants."""
    module = cast(HttpModule, job.module.spec)
    telling.begin(job.report)
    try:
        async with asyncio.timeout(job.deadline - time.monotonic()):
            chase = await _prepared(job, module)
    except FAULTS as error:
        job.report.say(f"failed: {_told(error)}")
        return False
    try:
        return await _probe(job, module, chase)
    finally:
        chase.close()


async def _prepared(job: Job, module: HttpModule) -> Chase:
    """The first request, and how its server is reached. Raises what `FAULTS` names."""
    has_scheme = job.target.startswith(("http://", "https://"))
    url = urls.parsed(job.target if has_scheme else f"http://{job.target}")
    proxy = urls.parsed(module.proxy) if module.proxy else None
    shown = url
    if proxy is not None and module.skip_resolve_phase_with_proxy:
        redirects.check_unresolved(job, url.hostname)
        found: list[str] = []
    else:
        address = await _resolved(job, module, url.hostname)
        shown = url._replace(host=_with_port(address, url.port))
        found = [address]
    if not requests.is_method(module.method):
        raise BadRequest(f"{module.method!r} is no method")
    await handshake.check(module.tls)
    telling.begin_phases(job.report)
    if proxy is not None:
        found = await job.resolver.resolve(proxy.hostname, job.deadline - time.monotonic())
    way = _way(job, module, url, found, proxy)
    request = _request(job, module, shown, url)
    return Chase(job, await _authorized(job, module, request), way, url)


async def _resolved(job: Job, module: HttpModule, host: str) -> str:
    began = time.monotonic()
    try:
        return await addresses.chosen(job, host, module.addressing)
    finally:
        telling.phase(job.report, "resolve", time.monotonic() - began)


def _way(job: Job, module: HttpModule, url: Url, found: list[str], proxy: Url | None) -> Way:
    name = module.tls.server_name or job.hostname or requests.host_of(module.headers)
    name = name or url.hostname
    return Way(
        found,
        name,
        module.tls,
        module.enable_http2,
        proxy,
        module.addressing.source,
        module.proxy_headers,
        name,
    )


def _request(job: Job, module: HttpModule, shown: Url, url: Url) -> Request:
    host = job.hostname or requests.host_of(module.headers) or url.host
    headers = requests.headers_of(module.headers)
    return Request(module.method, shown, host, headers, module.body.encode())


async def _authorized(job: Job, module: HttpModule, request: Request) -> Request:
    if module.fault:
        raise BadRequest(module.fault)
    if module.grant is None:
        return request
    token = await grants.authorization(job, module.grant)
    return request._replace(headers={**request.headers, "Authorization": token})


def _with_port(address: str, port: str) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port}" if port else host


async def _probe(job: Job, module: HttpModule, chase: Chase) -> bool:
    try:
        async with asyncio.timeout(job.deadline - time.monotonic()):
            is_final = await chase.run()
    except (*FAULTS, Refused) as error:
        job.report.say(f"failed: {_told(error)}")
        telling.failed_handshake(job.report, chase.traces)
        success = False
    else:
        success = await _judged(job, module, chase, is_final)
    telling.durations(job.report, chase.traces)
    job.report.gauge(*telling.REDIRECTS, chase.redirects)
    return success


async def _judged(job: Job, module: HttpModule, chase: Chase, is_final: bool) -> bool:
    answer = cast(Answer, chase.answer)
    objections = list(judging.head_faults(module, answer.head))
    if not objections and judging.checks_headers(module):
        objections = list(judging.header_faults(module, answer.head.headers))
        telling.matched(job.report, not objections)
    matches = not objections and judging.checks_body(module)
    limit = module.body_size_limit
    body = answer.body if is_final else None
    drained = await draining.drained(body, module.compression, limit, matches, job.deadline)
    chase.traces[-1].ended = time.monotonic()
    if matches and not drained.is_foreign:
        objections = list(judging.body_faults(module, drained))
        telling.matched(job.report, not objections)
    if drained.fault and (is_final or drained.is_foreign):
        objections.append(f"the body can't be read: {drained.fault}")
    objections += judging.wire_faults(module, answer)
    telling.answer(job.report, answer, drained.size)
    for objection in objections:
        job.report.say(objection)
    return not objections


def _told(error: Exception) -> str:
    return "the time is over" if isinstance(error, TimeoutError) else faults.sentence(error)
