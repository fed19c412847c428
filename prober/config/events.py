"""The part of the tree that says which events are canonical, and what they must hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import jsonschema_rs
import orjson
from pydantic import BeforeValidator, Field, WithJsonSchema

from prober.config import fields, units, values
from prober.config.fields import setting
from prober.config.part import Part

SAID = 200  # characters: a fault may quote the value
LARGEST = 65_536
"""The largest event that is taken in at all, in bytes."""

NUMBERS = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minContains",
        "maxContains",
        "minProperties",
        "maxProperties",
    }
)
TRUTHS = frozenset(
    {"uniqueItems", "additionalProperties", "unevaluatedProperties", "items", "unevaluatedItems"}
)


def compile_schema(schema: dict[str, Any]) -> Callable[[object], str | None]:
    """What says how a value breaks a JSON Schema, or None; raises ValueError where it is none.

    A reference leads nowhere but into the schema itself: nothing is fetched.
    """
    validator = jsonschema_rs.validator_for(schema, retriever=_fetch)

    def fault(value: object) -> str | None:
        error = next(iter(validator.iter_errors(value)), None)
        if error is None:
            return None
        place = ".".join(map(str, error.instance_path))
        return f"{place or 'payload'}: {error.message}"[:SAID]

    return fault


def _fetch(uri: str) -> Any:
    raise ValueError(f"{uri} is not in the schema, and nothing is fetched")


def _schema(value: object) -> dict[str, Any]:
    schema = _parsed(value) if isinstance(value, str) else _typed("", value)
    if not isinstance(schema, dict):
        raise ValueError("is not a JSON Schema; write a mapping, or one in JSON")
    try:
        compile_schema(schema)
    except jsonschema_rs.ValidationError as error:
        raise ValueError(f"is not a JSON Schema: {error.message}; correct it") from None
    return schema


def _parsed(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}; correct it, or write a mapping") from None


def _typed(key: str, value: object) -> object:
    """Values of the file, which are all text, as the keywords of JSON Schema want them."""
    match value:
        case dict():
            return {k: _typed(k, v) for k, v in value.items()}
        case list():
            return [_typed("", item) for item in value]
        case "true" | "false" if key in TRUTHS:
            return value == "true"
        case str() if key in NUMBERS:
            return _number(value)
    return value


def _number(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text  # which the schema of schemas objects to


def _event_size(text: str) -> int:
    size = units.size(text)
    if not 1 <= size <= LARGEST:
        raise ValueError("is out of range; write a size from 1B to 64KiB")
    return size


Schema = Annotated[
    dict[str, Any],
    BeforeValidator(_schema),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]}),
]
EventName = Annotated[str, fields.Parsed(values.label, minLength=1, maxLength=128)]
EventSize = Annotated[
    int,
    fields.Parsed(_event_size, type=["string", "integer"], pattern=f"^{units.SIZE}$"),
]


class EventType(Part):
    """One canonical type of event."""

    definition: Schema = Field(
        {}, alias="schema", description="The JSON Schema that its payload must keep to."
    )
    nature: fields.Label | None = setting(None, "What kind of event it is, for readers.")
    max_bytes: EventSize = setting("64KiB", "The largest event of this type, as JSON.")


class Events(Part):
    """What is taken in at /api/v1/events."""

    window: Annotated[float, fields.duration("10s")] = setting(
        "5m", "How far back counts and correlations of events look."
    )
    types: dict[EventName, EventType] = setting(
        {}, "The canonical types by name; events of all others are taken as they are."
    )
