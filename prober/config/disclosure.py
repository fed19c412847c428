"""A part of a file as it is written and people may see it: YAML without the secrets."""

from __future__ import annotations

import re
from io import StringIO

from ruamel.yaml import YAML

from prober.config import masking
from prober.config.nodes import Listing, Mapping, Node, Scalar

Shown = str | int | bool | None | list["Shown"] | dict[str, "Shown"]

TRUTH = {"true": True, "false": False}


def shown(node: Node) -> str:
    """The YAML of a node and all below it."""
    yaml = YAML()
    yaml.width = 4096  # a value is never broken over lines
    out = StringIO()
    yaml.dump(_open("", node), out)
    return out.getvalue().removesuffix("...\n")


def _open(key: str, node: Node) -> Shown:
    match node:
        case Scalar(text=None):
            return None
        case Scalar():
            return masking.MASK if masking.is_secret(key) else _typed(node)
        case Listing(items=items):
            return [_open(key, item) for item in items]
        case Mapping(entries=entries) if key == "proxy_connect_header":
            return dict.fromkeys(entries, masking.MASK)
        case Mapping(entries=entries) if key == "headers":
            return {name: _header(name, value) for name, value in entries.items()}
        case Mapping(entries=entries):
            return {name: _open(name, value) for name, value in entries.items()}


def _header(name: str, node: Node) -> Shown:
    value = _open("", node)
    return masking.header(name, value) if isinstance(value, str) else value


def _typed(node: Scalar) -> Shown:
    text = masking.url(node.text or "")
    if node.plain and re.fullmatch("0|[1-9][0-9]*", text):
        return int(text)
    return TRUTH.get(text, text) if node.plain else text
