"""Take an event in: check it, record it, count it, and tell those who listen."""

from __future__ import annotations

import os
import time
from collections import deque
from http import HTTPStatus
from typing import Any, NamedTuple, get_args

import orjson
from fastapi import HTTPException

from prober import clock
from prober.cardinality import Cardinality, per_minute
from prober.config.events import Events
from prober.correlation import WEIGHTS, Edge, Node, edges
from prober.gateway.canon import Canon
from prober.gateway.intake import Intake, NotStored
from prober.gateway.parsing import Event, parse
from prober.hub import EVENT, Hub, Listener
from prober.storage.ledger import Entry
from prober.telemetry import Outcome, Telemetry

REFUSED = "event.rejected"  # what a refusal is called in the ledger
REASON = "schema_validation_failed"
MAX_NODES = 100
MAX_EDGES = 500
MAX_SHARED = 128  # characters of an id that events may share

VERSION_4 = 0x4000_8000_0000_0000_0000
FREE = ~0xF000_C000_0000_0000_0000  # bits of a UUID that are random

# Where an event names what it may share with others.
NAMES: dict[str, tuple[str, ...]] = {
    "correlation": ("correlation_id",),
    "session": ("session_id",),
    "service": ("service", "source"),
}
assert NAMES.keys() == WEIGHTS.keys()


class Noted(NamedTuple):
    """An event that was taken in, as it was sent: what it shares is looked up when asked for."""

    id: str
    at: int
    body: bytes


class Reception:
    """Built by the composition root, which also closes it; for one event loop."""

    def __init__(self, settings: Events, intake: Intake, hub: Hub, telemetry: Telemetry) -> None:
        self._canon = Canon(settings.types)
        self._intake = intake
        # Looked up once: finding a child by its labels takes longer than counting.
        self._outcomes = {word: telemetry.events.labels(word) for word in get_args(Outcome)}
        self.hub = hub
        self._window_ms = int(settings.window * 1000)
        self._counts = Cardinality(settings.window, time.monotonic())
        self._newest: deque[Noted] = deque(maxlen=MAX_NODES)

    async def take(self, body: bytes) -> dict[str, object]:
        """The answer to an event, once it is recorded.

        Raises HTTPException where the body is no event, and `NotStored`.
        """
        event = parse(body)
        fault = self._canon.fault(event, len(body))
        id_, at = _new_id(), clock.epoch_ms()
        if fault is not None:
            await self._record(_refusal(id_, at, fault, body), "rejected")
            return {"status": "rejected", "reason": REASON, "detail": fault, "event_id": id_}
        await self._record(_entry(event["type"], id_, at, body), "accepted")
        self._note(event, Noted(id_, at, body))
        return {"status": "ok", "event_id": id_, "type": event["type"]}

    def canonical(self, message: bytes) -> Event | None:
        """The event in a message, where it is one of a canonical type; else None.

        Raises HTTPException where the message is no strict JSON, or breaks its type's schema.
        """
        try:
            event = parse(message)
        except HTTPException as refusal:
            if refusal.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:  # JSON, but no event
                return None
            raise
        if event["type"] not in self._canon:
            return None
        if fault := self._canon.fault(event, len(message)):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{REASON}: {fault}")
        return event

    def tell(self, event: Event, but: Listener) -> None:
        """Tell listeners of an event that is not recorded, `but` for who sent it."""
        self._publish({"timestamp": clock.epoch_ms()} | event, but)

    def cardinality(self) -> dict[str, object]:
        """How many events of each type the window holds."""
        now_s = time.monotonic()
        covered_s = self._counts.covered_s(now_s)
        counts = self._counts.counts(now_s)
        return {
            "status": "ok",
            "timestamp": clock.epoch_ms(),
            "window_seconds": round(covered_s, 2),
            "events": {
                type_: {"count": count, "rate_per_min": per_minute(count, covered_s)}
                for type_, count in counts.items()
            },
            "total_events": sum(counts.values()),
        }

    def correlations(self) -> dict[str, object]:
        """The graph of the newest events of the window."""
        now = clock.epoch_ms()
        newest = [noted for noted in list(self._newest) if now - noted.at <= self._window_ms]
        nodes = [self._node(noted) for noted in newest]
        found = edges(nodes, MAX_EDGES)
        graph = {
            "nodes": [_shown(node) for node in nodes],
            "edges": [Edge._asdict(edge) for edge in found],
            "total_nodes": len(nodes),
            "total_edges": len(found),
        }
        return {"status": "ok", "timestamp": now, "graph": graph}

    async def close(self) -> None:
        """Commit what waits, and let go of the database."""
        await self._intake.close()

    async def _record(self, entry: Entry, outcome: Outcome) -> None:
        try:
            await self._intake.record(entry)
        except NotStored:
            self._outcomes["failed"].inc()
            raise
        self._outcomes[outcome].inc()

    def _note(self, event: Event, noted: Noted) -> None:
        self._counts.add(event["type"], time.monotonic())
        self._newest.append(noted)
        if event.get("broadcast") is True:
            self._publish({"timestamp": noted.at} | event | {"event_id": noted.id})

    def _node(self, noted: Noted) -> Node:
        event = orjson.loads(noted.body)
        return _node(event, noted.id, noted.at, self._canon.nature(event["type"]))

    def _publish(self, event: Event, but: Listener | None = None) -> None:
        if self.hub.wanted(EVENT):
            text = orjson.dumps(event | {"channel": EVENT}).decode()
            self.hub.publish(EVENT, text, but=but)


def _new_id() -> str:
    # A random UUID as uuid.uuid4 makes it, of which the object takes most of the time.
    bits = int.from_bytes(os.urandom(16), "big") & FREE | VERSION_4
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _entry(type_: str, id_: str, at: int, body: bytes) -> Entry:
    # The event stands there as it was sent, to the letter: it may be evidence.
    text = f'{{"event_id":"{id_}","received_at":{at},"event":{body.decode()}}}'
    return Entry(type_, text, at)


def _refusal(id_: str, at: int, fault: str, body: bytes) -> Entry:
    detail = orjson.dumps(fault).decode()
    text = (
        f'{{"event_id":"{id_}","received_at":{at},"reason":"{REASON}","detail":{detail},'
        f'"event":{body.decode()}}}'
    )
    return Entry(REFUSED, text, at)


def _node(event: Event, id_: str, at: int, nature: str | None) -> Node:
    parts = [part for part in (event.get("payload"), event.get("metadata")) if _is_object(part)]
    parts.append(event)
    severity, timestamp = _first(parts, "severity", str), _first(parts, "timestamp", int)
    shares = frozenset(
        (kind, value)
        for kind, names in NAMES.items()
        for name in names
        if (value := _first(parts, name, str)) and len(value) <= MAX_SHARED
    )
    return Node(id_, event["type"], at, timestamp or at, severity, nature, shares)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _first(parts: list[Any], name: str, kind: type[Any]) -> Any:
    return next((p[name] for p in parts if isinstance(p.get(name), kind)), None)


def _shown(node: Node) -> dict[str, object]:
    return {
        "id": node.id,
        "type": node.type,
        "timestamp": node.timestamp,
        "severity": node.severity,
        "nature": node.nature,
    }
