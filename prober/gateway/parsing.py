"""Read an event's JSON strictly: what two parsers could understand differently is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
    try:
        UNIQUE.decode(body.decode())
    except ValueError as error:
        raise _refuse(HTTPStatus.BAD_REQUEST, f"the body is no strict JSON: {error}") from None
    return value


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level := [child for parent in level for child in _children(parent)]:
        depth += 1
    return depth


def _children(value: object) -> Iterator[object]:
    match value:
        case dict():
            yield from value.values()
        case list():
            yield from value


def _unique(pairs: list[tuple[str, object]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} stands there twice")


UNIQUE = json.JSONDecoder(object_pairs_hook=_unique)
"""Raises ValueError at keys that occur twice, of which orjson takes the last."""


def _refuse(status: HTTPStatus, message: str) -> HTTPException:
    return HTTPException(status, message)
