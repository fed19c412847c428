"""The effective configuration as YAML: defaults filled in, secrets masked."""

from __future__ import annotations

import copy
import re
from io import StringIO

from ruamel.yaml import YAML

from prober.config import masking
from prober.config.nodes import Listing, Mapping, Node, Scalar, is_null
from prober.config.ondemand import Allow, Blackbox
from prober.config.part import Part
from prober.config.tree import Document, Gateway, RuntimeTable, ServiceEntry, Store

Shown = str | int | bool | None | list["Shown"] | dict[str, "Shown"]
Entries = dict[str, Node]

TRUTH = {"true": True, "false": False}


def effective(root: Mapping) -> str:
    """All that `root`, which must be free of problems, says and leaves to defaults.

    The text is a configuration itself, but for the masks.
    """
    store = _below(root, "store")
    whole: dict[str, Shown] = {
        "services": [_service(_below(root, "defaults"), node) for node in _services(root)],
        "store": _part(Store, store) | {"runtime_table": _table(store.get("runtime_table"))},
        "gateway": _part(Gateway, _below(root, "gateway")),
        "blackbox": _blackbox(root.entries.get("blackbox")),
        "maintenance": _value(Document, root.entries, "maintenance"),
        "workers": _value(Document, root.entries, "workers"),
    }
    return _yaml(whole)


def _below(root: Mapping, key: str) -> Entries:
    node = root.entries.get(key)
    return node.entries if isinstance(node, Mapping) else {}


def _services(root: Mapping) -> list[Entries]:
    listed = root.entries.get("services")
    items = listed.items if isinstance(listed, Listing) else ()
    return [item.entries for item in items if isinstance(item, Mapping)]


def _service(defaults: Entries, own: Entries) -> dict[str, Shown]:
    return _part(ServiceEntry, defaults | own) | {"headers": _headers(defaults, own)}


def _table(node: Node | None) -> Shown:
    return _part(RuntimeTable, node.entries) if isinstance(node, Mapping) else None


def _blackbox(node: Node | None) -> Shown:
    if not isinstance(node, Mapping):
        return None
    return _part(Blackbox, node.entries) | {"allow": _part(Allow, _below(node, "allow"))}


def _part(model: type[Part], entries: Entries) -> dict[str, Shown]:
    required_first = sorted(
        model.model_fields, key=lambda key: not model.model_fields[key].is_required()
    )
    return {key: _value(model, entries, key) for key in required_first}


def _value(model: type[Part], entries: Entries, key: str) -> Shown:
    node = entries.get(key)
    inner = model.model_fields[key].annotation
    if isinstance(inner, type) and issubclass(inner, Part):  # and not one that may be left out
        return _part(inner, node.entries if isinstance(node, Mapping) else {})
    if node is not None and not is_null(node):
        return _kept(key, node)
    # A copy, since YAML would write a list that occurs twice as an alias of the first.
    default: Shown = copy.deepcopy(model.model_fields[key].default)
    return default


def _headers(defaults: Entries, own: Entries) -> Shown:
    both: dict[str, tuple[str, Scalar]] = {}
    for layer in (defaults.get("headers"), own.get("headers")):
        for name, node in layer.entries.items() if isinstance(layer, Mapping) else ():
            if isinstance(node, Scalar):
                both[name.lower()] = name, node
    return {
        name: masking.header(name, _escaped(node.shown or ""))
        for name, node in both.values()
        if node.text
    }


def _shown(node: Node) -> Shown:
    match node:
        case Scalar():
            return _typed(node)
        case Listing():
            return [_shown(item) for item in node.items]
        case Mapping():
            return {key: _kept(key, value) for key, value in node.entries.items()}


def _kept(key: str, node: Node) -> Shown:
    return masking.MASK if masking.is_secret(key) and not is_null(node) else _shown(node)


def _typed(node: Scalar) -> Shown:
    """Unquoted numbers and truth values as such, so that they stay unquoted."""
    text = masking.url(node.shown or "")
    if node.plain and re.fullmatch("0|[1-9][0-9]*", text):
        return int(text)
    return TRUTH.get(text, _escaped(text)) if node.plain else _escaped(text)


def _escaped(text: str) -> str:
    """`text` with dollars that would be read as references written twice."""
    return re.sub(r"\$(?=[${])", "$$", text)


def _yaml(whole: Shown) -> str:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096  # a value is never broken over lines
    out = StringIO()
    yaml.dump(whole, out)
    return out.getvalue()
