"""Read an event's JSON strictly: what two parsers could understand differently is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import HTTPException

MAX_DEPTH = 64
MAX_TYPE = 255  # the length of the ledger's column

Event = dict[str, Any]
"""An event as it was sent; `type` is a text of 1 to `MAX_TYPE` printable characters."""


def parse(body: bytes) -> Event:
    """The event in a request's body.

    Raises HTTPException: 400 where that is no strict JSON, 422 where it is no event.
    """
    event = _strict(body)
    if not isinstance(event, dict):
        raise _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is no JSON object")
    type_ = event.get("type")
    if not isinstance(type_, str) or not 1 <= len(type_) <= MAX_TYPE or not type_.isprintable():
        message = f"type: must be a text of 1 to {MAX_TYPE} printable characters"
        raise _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    return event


def _strict(body: bytes) -> object:
    try:
        value = orjson.loads(body)  # refuses what is not UTF-8, NaN, and what is out of range
    except orjson.JSONDecodeError as error:
        raise _refuse(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from None
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _refuse(HTTPStatus.BAD_REQUEST, f"the body is nested over {MAX_DEPTH} levels deep")
    if _all_kept(value, body):
        return value
    try:
        UNIQUE.decode(body.decode())
    except ValueError as error:
        raise _refuse(HTTPStatus.BAD_REQUEST, f"the body is no strict JSON: {error}") from None
    return value


def _all_kept(value: object, body: bytes) -> bool:
    """Whether each key surely stands there once; a text that looks like a key leaves it open."""
    kept = _keys(value)
    return kept == body.count(b":") or kept == len(NAMED.findall(body))


def _keys(value: object) -> int:
    kept, left = 0, [value]
    while left:
        parent = left.pop()
        if isinstance(parent, dict):
            kept += len(parent)
        left += [child for child in _children(parent) if isinstance(child, dict | list)]
    return kept


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level := [child for parent in level for child in _children(parent)]:
        depth += 1
    return depth


def _children(value: object) -> Collection[object]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
    return ()


def _unique(pairs: list[tuple[str, object]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} stands there twice")


NAMED = re.compile(rb'"[ \t\r\n]*:')
"""The end of each key; what else looks so stands in a text, whose own quotes are escaped."""

UNIQUE = json.JSONDecoder(object_pairs_hook=_unique)
"""Raises ValueError at keys that occur twice, of which orjson takes the last."""


def _refuse(status: HTTPStatus, message: str) -> HTTPException:
    return HTTPException(status, message)
