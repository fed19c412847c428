"""Hold events against the canonical types of the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from prober.config.events import EventType, compile_schema
from prober.gateway.parsing import Event

ENVELOPE = frozenset({"type", "payload", "metadata", "source", "broadcast"})


class Canon:
    """The canonical types, compiled once."""

    def __init__(self, types: Mapping[str, EventType]) -> None:
        self._types = types
        self._checks = {name: compile_schema(kind.definition) for name, kind in types.items()}

    def __contains__(self, type_: str) -> bool:
        """Whether a type is canonical."""
        return type_ in self._types

    def nature(self, type_: str) -> str | None:
        """What kind of event a type is; None where it is not canonical, or has none."""
        kind = self._types.get(type_)
        return None if kind is None else kind.nature

    def fault(self, event: Event, size: int) -> str | None:
        """What is wrong with an event of so many bytes; nothing ever is where none is canonical.

        Fields beside `type` count as fields of the payload, as older senders put them there.
        """
        kind = self._types.get(event["type"])
        if kind is None:
            return None
        if size > kind.max_bytes:
            return f"{size} bytes are too many for this type; it may have {kind.max_bytes}"
        return self._checks[event["type"]](fields(event))


def fields(event: Event) -> object:
    """The payload with the fields beside `type`; a payload that is no object as it is."""
    payload = event.get("payload")
    if not isinstance(payload, dict | None):
        return payload
    beside = {name: value for name, value in event.items() if name not in ENVELOPE}
    return beside | (payload or {})
