"""Check one part of the tree against its model, and put what is wrong in words."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from prober.config import masking
from prober.config.nodes import Loc, Mapping, Node, Scalar, at, is_null, plain, problem, subject
from prober.config.part import Part
from prober.config.tree import Values
from prober.errors import Problem

# Stands in for a required value that is missing or wrong, so that the others are still checked.
STAND_IN = {"name": "name", "url": "http://localhost"}

WORDS: dict[str, str] = {
    "value_error": "{error}",
    "missing": "is missing; write one",
    "int_parsing": "is not a whole number; write one like 1",
    "int_parsing_size": "is too large; write a smaller number",
    "int_type": "is not a whole number; write one like 1",
    "bool_parsing": "is neither true nor false; write one of them",
    "bool_type": "is neither true nor false; write one of them",
    "greater_than_equal": "is too small; write {ge} or more",
    "less_than_equal": "is too large; write {le} or less",
    "dict_type": "is not a mapping; write one key and value a line below it",
    "model_type": "is not a mapping; write one key and value a line below it",
    "path_type": "is not a path; write one like data/spool",
}


def check(model: type[Part], node: Node, loc: Loc, problems: list[Problem]) -> Values:
    """The values of the keys that are written in `node` and right; the rest is reported.

    A key with nothing after it has the value that `model` gives it.
    """
    if not isinstance(node, Mapping):
        problems.append(problem(node, loc, f"{subject(node)} {WORDS['model_type']}"))
        return {}
    raw = {
        key: plain(value)
        for key, value in node.entries.items()
        if not (is_null(value) and key in model.model_fields)
    }
    found, faults = _validate(model, raw, lean=len(raw) == len(node.entries))
    problems += [_worded(model, node, loc, fault) for fault in faults]
    bad = {fault["loc"][0] for fault in faults}
    return {key: getattr(found, key) for key in node.entries if key not in bad}


def _validate(
    model: type[Part], raw: dict[str, Any], *, lean: bool
) -> tuple[BaseModel, list[ErrorDetails]]:
    try:
        return (_lean(model) if lean else model).model_validate(raw), []
    except ValidationError as error:
        faults = error.errors(include_url=False)
    bad = {fault["loc"][0] for fault in faults}
    good = {key: value for key, value in raw.items() if key not in bad}
    fields = model.model_fields.items()
    needed = {key: STAND_IN[key] for key, field in fields if field.is_required() and key in bad}
    return model.model_validate(good | needed), faults


@cache
def _lean(model: type[Part]) -> type[BaseModel]:
    """The model without defaults, which would be copied and checked again for each service."""
    fields: dict[str, Any] = {
        key: (field.rebuild_annotation(), ... if field.is_required() else None)
        for key, field in model.model_fields.items()
    }
    return create_model(model.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def _worded(model: type[Part], node: Mapping, loc: Loc, fault: ErrorDetails) -> Problem:
    # pydantic marks a fault of a key, rather than of its value, by a step of its own.
    steps = tuple(step for step in fault["loc"] if step != "[key]")
    while isinstance(at(node, steps[:-1]), Scalar):
        steps = steps[:-1]  # one value, where a list could stand, has no index
    there = at(node, steps)
    if fault["type"] == "extra_forbidden":
        fields = _innermost(model, steps).model_fields
        keys = [field.alias or key for key, field in fields.items()]
        return problem(there, (*loc, *steps), unknown(steps[-1], keys))
    words = WORDS[fault["type"]].format(**fault.get("ctx", {}))
    return problem(there, (*loc, *steps), f"{_called(there, steps, fault)} {words}")


def _innermost(model: type[Part], steps: Loc) -> type[Part]:
    """The part that the key at the end of `steps` stands in."""
    for step in steps[:-1]:
        if step in model.model_fields:
            model = _part_in(model.model_fields[str(step)].annotation) or model
    return model


def _part_in(annotation: object) -> type[Part] | None:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next(filter(None, map(_part_in, get_args(annotation))), None)


def _called(node: Node, steps: Loc, fault: ErrorDetails) -> str:
    if fault["loc"][-1] == "[key]":
        return repr(steps[-1])
    if fault["type"] == "missing":
        return f"the {steps[-1]}"
    # What stands in a header may be a secret, also where it is wrong.
    secret = "headers" in steps[:-1] or masking.is_secret(str(steps[-1]))
    return "its value" if secret else subject(node)


def unknown(key: object, keys: Iterable[str]) -> str:
    """What to say of a key that is none of `keys`."""
    close = get_close_matches(str(key), keys, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(keys)}"
    return f"is no key that prober knows here; {remedy}"
