"""Judge an answer by what its service expects of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from prober.expectation import Expectation
from prober.model import Reason
from prober.probes.exchange import Exchange


class Unmet(NamedTuple):
    """Why an answer is not what was expected; the message is for people."""

    reason: Reason
    message: str


def unmet(expected: Expectation, exchange: Exchange) -> Unmet | None:
    """The first condition that an answer does not meet, or None where it meets all.

    Where the body was cut, and what is left of it does not decide, it is too large.
    """
    for rule in RULES:
        if found := next(rule(expected, exchange), None):
            return found
    return None


def _version(expected: Expectation, exchange: Exchange) -> Iterator[Unmet]:
    if expected.versions and exchange.http_version not in expected.versions:
        wanted = " or ".join(expected.versions)
        yield _not_met(f"HTTP/{exchange.http_version} is not HTTP/{wanted}")


def _headers(expected: Expectation, exchange: Exchange) -> Iterator[Unmet]:
    for name, pattern in expected.headers_match:
        values = _values(exchange, name)
        if not values:
            yield _not_met(f"there is no header {name}")
        elif not any(map(pattern.search, values)):
            yield _not_met(f"header {name} does not match {pattern.pattern!r}")
    for name, pattern in expected.headers_not_match:
        if any(map(pattern.search, _values(exchange, name))):
            yield _not_met(f"header {name} matches {pattern.pattern!r}")


def _values(exchange: Exchange, name: str) -> list[str]:
    return [value for key, value in exchange.headers if key.lower() == name.lower()]


def _body(expected: Expectation, exchange: Exchange) -> Iterator[Unmet]:
    if not expected.body_matches and not expected.body_not_matches:
        return
    text = exchange.body.decode(errors="replace")
    for pattern in expected.body_not_matches:
        if pattern.search(text):
            yield _not_met(f"body matches {pattern.pattern!r}")
    for pattern in expected.body_matches:
        if not pattern.search(text):
            said = f"body does not match {pattern.pattern!r}"
            yield _undecided(exchange) if exchange.cut else _not_met(said)
    if expected.body_not_matches and exchange.cut:
        yield _undecided(exchange)


def _json(expected: Expectation, exchange: Exchange) -> Iterator[Unmet]:
    if expected.json is None:
        return
    if exchange.cut:
        yield _undecided(exchange)
        return
    try:
        body = orjson.loads(exchange.body)
    except ValueError:
        yield _not_met("body is not JSON")
        return
    said = evaluate(expected.json, body)
    if said is not None:
        yield _not_met(f"{expected.json}{said}")


RULES: tuple[Callable[[Expectation, Exchange], Iterator[Unmet]], ...] = (
    _version,
    _headers,
    _body,
    _json,
)


ANSWERS: dict[bool, str | None] = {True: None, False: " is false"}


def evaluate(expression: str, body: object) -> str | None:
    """None where a CEL expression holds of a parsed body, else what to add about it."""
    try:
        found = _program(expression).execute({"body": body})
    except KeyError as error:
        return f": there is no {error}"
    except Exception as error:  # noqa: BLE001 - whatever a stranger's JSON does to an expression
        return f": {str(error).partition(chr(10))[0]}"
    return ANSWERS.get(found, "") if isinstance(found, bool) else ": it is not true or false"


@functools.lru_cache(maxsize=4096)
def _program(expression: str) -> Any:
    import cel  # an extra, which configurations without expressions do without

    return cel.compile(expression)


def _not_met(what: str) -> Unmet:
    return Unmet(Reason.CONDITION, f"condition not met: {what}")


def _undecided(exchange: Exchange) -> Unmet:
    size = len(exchange.body)
    return Unmet(Reason.TOO_LARGE, f"the body goes on behind {size} bytes, the body_limit")
