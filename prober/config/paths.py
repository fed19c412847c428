"""Paths of the gateway's routes, whose parameters stand in braces: /reports/{name}/{rest:path}."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(:path)?\}")
_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*")


def route(text: str) -> str:
    """The path of a route: ASCII as it is sent, without query, with parameters in braces.

    A parameter is a whole segment; only the last one may be "{name:path}", which takes all that
    follows, slashes included.
    """
    if not text.startswith("/"):
        raise ValueError("does not begin with a slash; write a path like /reports/{name}")
    segments = text[1:].split("/")
    if not all(map(_is_segment, segments)) or set(segments) & {".", ".."}:
        raise ValueError(
            "is not a path; write words and whole parameters between slashes, like /reports/{name}"
        )
    if any(segment.endswith(":path}") for segment in segments[:-1]):
        raise ValueError("goes on after a parameter of kind path; put that last")
    if len(parameters(text)) < len(_PARAMETER.findall(text)):
        raise ValueError("has two parameters of one name; rename one")
    return text


def target(text: str) -> str:
    """The path that a request is sent on to, in which parameters stand for what they took."""
    path, _, query = text.partition("?")
    if not query.isascii() or not query.isprintable() or set(query) & set(' #{}"<>'):
        raise ValueError("has no valid query; write one like /report?limit=50, without parameters")
    route(path)
    return text


def parameters(path: str) -> frozenset[str]:
    """The names of a path's parameters."""
    return frozenset(name for name, _ in _PARAMETER.findall(path))


def shape(path: str) -> str:
    """What tells a path from others: the names of its parameters left out."""
    return _PARAMETER.sub(lambda found: "{%s}" % (found[2] or ""), path)


def fill(path: str, values: Mapping[str, str]) -> str:
    """The path with each parameter replaced by its value."""
    return _PARAMETER.sub(lambda found: values[found[1]], path)


def _is_segment(text: str) -> bool:
    return bool(_PARAMETER.fullmatch(text) or _LITERAL.fullmatch(text))
