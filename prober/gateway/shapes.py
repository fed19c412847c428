"""The shapes of JSON answers, for the OpenAPI document; moments in text are RFC 3339 in UTC."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Word = Literal["ok", "degraded", "broken", "unknown", "disabled"]
Status = Literal["OK", "DEGRADED", "BROKEN", "UNKNOWN"]
Fleetwide = Literal["ok", "broken"]
EpochMs = int


class Shape(BaseModel):
    """An object with these keys and no others."""

    model_config = ConfigDict(extra="forbid")


class Fault(Shape):
    """What is wrong."""

    error: str
    status_code: int


class ModuleFault(Fault):
    """What is wrong with the module that was to answer."""

    module: str


class CircuitOpen(Shape):
    """The module is not asked, since it failed too often."""

    status: Literal["circuit_open"]
    module: str


class NoSession(Fault):
    """No such session is kept."""

    session_id: str


class Health(Shape):
    """That prober answers."""

    status: Literal["ok"]
    module: str
    version: str


class Ready(Shape):
    """Whether prober does its work, and what is wrong where it doesn't."""

    schedule: Literal["ok", "starting", "stalled"]
    store: Literal["ok", "starting", "stalled", "spooling"]
    ready: bool


class Found(Shape):
    """What one probe found."""

    http_code: int | None
    latency_ms: float | None
    endpoint_ok: str | None
    snippet: str | None
    reason: str | None
    phase: str | None


class Past(Found):
    """A probe of the past."""

    status: Status
    checked_at: str
    stalled: bool


class Results(Shape):
    """A service's probes, the newest first."""

    service: str
    results: list[Past]


class Part(Shape):
    """What a service did in a span of time: shares from 0 to 1, latencies in milliseconds."""

    service: str
    uptime: float | None
    seconds: dict[str, float]
    results: dict[str, int]
    maintenance_s: float = Field(description="Time of maintenance windows, which is left out")
    reasons: dict[str, int]
    latency_ms: dict[str, float | None]
    start: str = Field(alias="from")
    end: str = Field(alias="to")


class Parts(Shape):
    """A service's uptime, part by part."""

    service: str
    parts: list[Part]


class Incident(Shape):
    """A time in which a service was BROKEN; `to` is null while it lasts."""

    service: str
    start: str = Field(alias="from")
    end: str | None = Field(alias="to")
    duration_s: float
    reasons: list[str]
    snippet: str | None


class Incidents(Shape):
    """A service's incidents, the oldest first."""

    service: str
    incidents: list[Incident]


class Days(Shape):
    """The uptime of every service by day, UTC: shares from 0 to 1, from the day `first` on."""

    first: str
    uptimes: dict[str, list[float | None]]


class Month(Shape):
    """A service in a calendar month."""

    service: str
    start: str = Field(alias="from")
    end: str = Field(alias="to")
    uptime: float | None
    known_s: float
    maintenance_s: float = Field(description="Time of maintenance windows, which is left out")
    broken_s: float
    incidents: int
    mttr_s: float | None
    mtbf_s: float | None
    longest_s: float
    target: float
    verdict: Literal["met", "missed", "unknown"]


class Months(Shape):
    """Every service in a calendar month."""

    month: str
    met: bool
    services: list[Month]


class Service(Found):
    """A service with its last result."""

    name: str
    port: int | None
    status: Status
    critical: bool
    maintenance: str | None = Field(description="The name of the window that it is in")
    checked_at: str | None
    message: str | None


class OneService(Service):
    """A service, and how it is watched."""

    since: str | None
    enabled: bool
    url: str
    endpoints: list[str]
    interval_s: float
    timeout_s: float
    group: str | None
    tags: list[str]
    depends_on: list[str]


class Counts(Shape):
    """How many services there are of each status."""

    ok: int
    degraded: int
    broken: int
    unknown: int
    disabled: int
    total: int


class Fleet(Shape):
    """Every service."""

    verdict: Fleetwide
    summary: Counts
    services: list[Service]


class Module(Shape):
    """A module's latest health."""

    status: Word
    since: str | None
    checked_at: str | None
    http_code: int | None
    latency_ms: float | None
    endpoint_ok: str | None
    reason: str | None


class Modules(Shape):
    """How many modules are well."""

    healthy_modules: int
    total_modules: int
    all_healthy: bool


class StatusOfAll(Shape):
    """Every module with its port and its latest health."""

    ok: Literal[True]
    status: Literal["ok"]
    module: str
    version: str
    timestamp: str
    ports: dict[str, int | None]
    modules: dict[str, Module]
    summary: Modules


class Share(Shape):
    """How many modules are well, and how many are not."""

    total: int
    healthy: int
    unhealthy: int


class Overview(Shape):
    """The health of every module."""

    gateway: str
    version: str
    modules_health: dict[str, Module]
    summary: Share


class PastShare(Share):
    """How many modules were well, how many were not, and of how many nothing is known."""

    unknown: int


class Snapshot(Shape):
    """Every module at a moment."""

    t: EpochMs
    time: str
    modules: dict[str, Module]
    summary: PastShare


class Breaker(Shape):
    """A service's breaker, with its failures in a row."""

    state: Literal["closed", "open", "half_open"]
    failure_count: int
    last_failure: str | None


class Breakers(Shape):
    """The breaker of every service."""

    breakers: dict[str, Breaker]
    timestamp: str


class Spoken(BaseModel):
    """A service's answer to a chat: an object of its own, with the session's id."""

    model_config = ConfigDict(extra="allow")
    session_id: str


class Message(Shape):
    """What was said."""

    role: Literal["user", "assistant"]
    content: str
    timestamp: str
    metadata: dict[str, Any]


class Session(Shape):
    """A chat's last messages, the newest last."""

    session_id: str
    user_id: str | None
    created_at: str
    message_count: int
    messages: list[Message]
    summary: str


class Taken(Shape):
    """The event is in the ledger."""

    status: Literal["ok"]
    event_id: str
    type: str


class Rejected(Shape):
    """The event breaks the schema of its type; the refusal is in the ledger."""

    status: Literal["rejected"]
    reason: Literal["schema_validation_failed"]
    detail: str
    event_id: str


class Frequency(Shape):
    """How often a type occurred."""

    count: int
    rate_per_min: float


class Cardinality(Shape):
    """The events of the window by type."""

    status: Literal["ok"]
    timestamp: EpochMs
    window_seconds: float
    events: dict[str, Frequency]
    total_events: int


class Node(Shape):
    """An event."""

    id: str
    type: str
    timestamp: int
    severity: str | None
    nature: str | None


class Edge(Shape):
    """How strongly two events belong together."""

    source: str
    target: str
    strength: float = Field(ge=0, le=1)


class Graph(Shape):
    """Events and what connects them."""

    nodes: list[Node]
    edges: list[Edge]
    total_nodes: int
    total_edges: int


class Correlations(Shape):
    """The newest events of the window as a graph."""

    status: Literal["ok"]
    timestamp: EpochMs
    graph: Graph
