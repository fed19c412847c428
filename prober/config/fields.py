"""The types of fields: parsers of `values`, as pydantic takes them, with their JSON schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from prober.config import paths, units, values

REFERENCE = {"type": "string", "pattern": r"\$\{.+\}"}
"""The JSON schema of a reference, which can stand wherever one value can."""


def _or_reference(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, REFERENCE]})


class Parsed:
    """Annotates a field whose text one function parses, and says what the text looks like."""

    def __init__(self, parse: Callable[[str], object], **schema: object) -> None:
        self._parse = parse
        self._schema = {"type": "string", **schema}

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._one)

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, object]:
        return {"anyOf": [self._schema, REFERENCE]}

    def _one(self, value: object) -> object:
        if not isinstance(value, str | int):
            raise ValueError("is not one value; write one word or text")
        return self._parse(str(value))


class Many:
    """Annotates a list of `least` values or more, for which a single value may stand."""

    def __init__(self, least: int) -> None:
        self._least = least

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        many = handler(schema)
        return {"anyOf": [{**many, "minItems": self._least}, many["items"]]}

    def _listed(self, value: object) -> object:
        listed = value if isinstance(value, list | tuple) else [value]
        if len(listed) < self._least:
            raise ValueError("is empty; write at least one value")
        return listed


def setting(written: object, description: str, **more: Any) -> Any:
    """A field of a model, with its default as a file would write it."""
    return Field(default=written, description=description, **more)


def duration(shortest: str) -> Parsed:
    """A duration of `shortest` or more, in seconds."""
    return Parsed(
        values.at_least(units.seconds(shortest)),
        pattern=f"^{units.DURATION}$",
        examples=["300ms", "5s", "1m30s"],
    )


def word(*words: str) -> Parsed:
    """One of these words; those that look like numbers may be written as such."""
    return Parsed(values.one_of(*words), type=["string", "number"], enum=_as_written(words))


def _as_written(words: tuple[str, ...]) -> list[str | float]:
    numbers = [float(word) for word in words if word[:1].isdigit()]
    return [*words, *numbers]


def _filled(value: object) -> object:
    """Headers without a value get the empty one, which is not sent."""
    if not isinstance(value, dict):
        return value
    return {name: "" if text is None else text for name, text in value.items()}


# In YAML 200 is a number and true a truth value; prober takes both as the text that they are.
WORD = ["string", "number"]
ANY_TEXT = ["string", "number", "boolean", "null"]

Interval = Annotated[float, duration("100ms")]
Timeout = Annotated[float, duration("10ms")]
KeepTime = Annotated[
    float,
    Parsed(
        values.keep_time,
        pattern=f"^(forever|{units.DURATION})$",
        examples=["90d", "2y", "forever"],
    ),
]
KeepSize = Annotated[int, Parsed(values.keep_size, examples=["10GiB", "500MB"])]
SlowOver = Annotated[float, duration("1ms")]
Label = Annotated[str, Parsed(values.label, type=WORD, minLength=1, maxLength=128)]
Labels = Annotated[tuple[Label, ...], Many(0)]
Url = Annotated[
    values.Origin, Parsed(values.origin, format="uri", examples=["http://127.0.0.1:8000"])
]
Endpoint = Annotated[str, Parsed(values.endpoint, pattern="^/", examples=["/health"])]
Endpoints = Annotated[tuple[Endpoint, ...], Many(1)]
Method = Annotated[str, Parsed(values.method, enum=list(values.METHODS))]
Methods = Annotated[tuple[Method, ...], Many(1)]
RoutePath = Annotated[
    str, Parsed(paths.route, pattern="^/", examples=["/reports", "/reports/{name}"])
]
TargetPath = Annotated[str, Parsed(paths.target, pattern="^/", examples=["/report/{name}"])]
Count = Annotated[
    int, Field(ge=1, le=1000), _or_reference({"type": "integer", "minimum": 1, "maximum": 1000})
]
Headers = Annotated[
    dict[
        Annotated[str, Parsed(values.header_name)],
        Annotated[str, Parsed(values.header_value, type=ANY_TEXT)],
    ],
    BeforeValidator(_filled),
    AfterValidator(values.distinct),
]
Code = Annotated[
    frozenset[int],
    Parsed(
        values.codes,
        type=["string", "integer"],
        pattern=f"^({values.CODES})$",
        minimum=100,
        maximum=599,
    ),
]
Codes = Annotated[tuple[Code, ...], Many(1)]
Size = Annotated[
    int, Parsed(values.body_limit, type=["string", "integer"], pattern=f"^{units.SIZE}$")
]
HttpVersion = Annotated[str, word("auto", "1.0", "1.1", "2")]
Versions = Annotated[tuple[Annotated[str, word("1.0", "1.1", "2")], ...], Many(0)]
Encodings = Annotated[tuple[Annotated[str, word("gzip", "br", "deflate")], ...], Many(0)]
IpProtocol = Annotated[str, word("any", "ip4", "ip6", "prefer_ip4", "prefer_ip6")]
TlsVersion = Annotated[str, word("1.0", "1.1", "1.2", "1.3")]
Redirects = Annotated[
    int,
    Parsed(
        values.redirects, type=["string", "integer"], pattern="^[0-9]+$", minimum=1, maximum=100
    ),
]
Proxy = Annotated[str, Parsed(values.proxy, examples=["http://10.0.0.1:3128"])]
Address = Annotated[str, Parsed(values.address, examples=["192.0.2.1", "2001:db8::1"])]
ServerName = Annotated[str, Parsed(values.server_name, examples=["example.org"])]
Pattern = Annotated[re.Pattern[str], Parsed(values.pattern, type=WORD, format="regex")]
Patterns = Annotated[tuple[Pattern, ...], Many(0)]
HeaderPatterns = Annotated[
    dict[Annotated[str, Parsed(values.header_name)], Pattern], AfterValidator(values.distinct)
]
Expression = Annotated[str, Parsed(values.expression, examples=["body.status == 'UP'"])]
Resolver = Annotated[str, Parsed(values.resolver, examples=["192.0.2.53", "[::1]:53"])]
TokenUrl = Annotated[str, Parsed(values.token_url, format="uri")]
Secret = Annotated[str, Parsed(values.secret, type=WORD)]
Text = Annotated[str, Parsed(str, type=WORD)]
StoreUrl = Annotated[str, Parsed(values.store_url, examples=["postgresql://prober@db/prober"])]
Flag = Annotated[bool, _or_reference({"type": "boolean"})]
Port = Annotated[
    int, Field(ge=0, le=65_535), _or_reference({"type": "integer", "minimum": 0, "maximum": 65_535})
]
Workers = Annotated[
    int, Field(ge=0, le=64), _or_reference({"type": "integer", "minimum": 0, "maximum": 64})
]
