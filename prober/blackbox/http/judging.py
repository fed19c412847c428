"""Whether an answer is what its module wants, in the order in which blackbox_exporter looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prober import patterns
from prober.blackbox.http.answers import Answer
from prober.blackbox.http.draining import Drained
from prober.blackbox.http.heads import Head, Headers, canonical
from prober.module import HeaderMatch, HttpModule


def head_faults(module: HttpModule, head: Head) -> Iterator[str]:
    """What speaks against the status code; without valid ones, it must be 2xx."""
    if module.valid_status_codes:
        if head.status not in module.valid_status_codes:
            yield f"the status code {head.status} is none of those that are valid"
    elif not 200 <= head.status < 300:
        yield f"the status code {head.status} is not 2xx"


def wire_faults(module: HttpModule, answer: Answer) -> Iterator[str]:
    """What speaks against the way the answer came."""
    if module.valid_http_versions and answer.head.proto not in module.valid_http_versions:
        yield f"{answer.head.proto} is none of the versions that are valid"
    if module.fail_if_ssl and answer.tls is not None:
        yield "the final request was by TLS"
    if module.fail_if_not_ssl and answer.tls is None:
        yield "the final request was not by TLS"


def header_faults(module: HttpModule, headers: Headers) -> Iterator[str]:
    """What the headers' checks object to."""
    for match in module.fail_if_header_matches:
        yield from _missing(match, headers)
        yield from _matching(match, headers)
    for match in module.fail_if_header_not_matches:
        yield from _missing(match, headers)
        yield from _unmatched(match, headers)


def body_faults(module: HttpModule, body: Drained) -> Iterator[str]:
    """What the body's checks object to."""
    if body.fault is not None:
        yield f"the body can't be matched: {body.fault}"
        return
    data = patterns.legible(bytes(body.data))
    for pattern in module.fail_if_body_matches:
        if patterns.compiled(pattern).search(data):
            yield f"the body matches {pattern!r}"
    for pattern in module.fail_if_body_not_matches:
        if not patterns.compiled(pattern).search(data):
            yield f"the body doesn't match {pattern!r}"


def checks_headers(module: HttpModule) -> bool:
    """Whether the module looks at headers."""
    return bool(module.fail_if_header_matches or module.fail_if_header_not_matches)


def checks_body(module: HttpModule) -> bool:
    """Whether the module looks into the body."""
    return bool(module.fail_if_body_matches or module.fail_if_body_not_matches)


def _missing(match: HeaderMatch, headers: Headers) -> list[str]:
    if canonical(match.header) in headers:
        return []
    return [] if match.allow_missing else [f"the header {match.header} is missing"]


def _matching(match: HeaderMatch, headers: Headers) -> Iterator[str]:
    if any(map(_search(match), headers.get(canonical(match.header), []))):
        yield f"the header {match.header} matches {match.pattern!r}"


def _unmatched(match: HeaderMatch, headers: Headers) -> Iterator[str]:
    values = headers.get(canonical(match.header), [])
    if values and not any(map(_search(match), values)):
        yield f"the header {match.header} doesn't match {match.pattern!r}"


def _search(match: HeaderMatch) -> Callable[[str], object]:
    pattern = patterns.compiled(match.pattern)
    return lambda value: pattern.search(patterns.legible(value.encode(errors="surrogateescape")))
