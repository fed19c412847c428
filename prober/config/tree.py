"""The typed tree: what a configuration file may hold, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from prober.config import access, fields
from prober.config.events import Events
from prober.config.fields import setting
from prober.config.ondemand import Blackbox
from prober.config.part import Part
from prober.config.windows import Maintenance
from prober.maintenance import Window
from prober.model import Service
from prober.module import OnDemand

Values = dict[str, Any]
"""Values of one part that were checked, by key."""


class BasicAuth(Part):
    """A user and password, sent as they are with each request."""

    username: fields.Secret = Field(description="The user's name.")
    password: fields.Secret = Field(description="The password.", repr=False)


class OAuth2(Part):
    """Where and with what a token is had, by client credentials."""

    token_url: fields.TokenUrl = Field(description="Where tokens are given.")
    client_id: fields.Secret = Field(description="Who asks.")
    client_secret: fields.Secret = Field(description="The secret of who asks.", repr=False)
    scopes: fields.Labels = setting([], "What the token is to be good for.")


class Tls(Part):
    """How TLS is made and verified."""

    ca_file: fields.Label | None = setting(
        None, "The certificates to trust, in PEM; the system's where not set."
    )
    cert_file: fields.Label | None = setting(None, "A certificate to show, in PEM.")
    key_file: fields.Label | None = setting(
        None, "The key of that certificate; in the same file where not set."
    )
    min_version: fields.TlsVersion | None = setting(None, "The oldest version to speak.")
    server_name: fields.ServerName | None = setting(
        None, "The name to ask for and to look for in the certificate, in place of the url's host."
    )
    insecure: fields.Flag = setting(False, "Whether any certificate is good enough.")


class ExpectedBody(Part):
    """What the body of an answer must hold, as regular expressions."""

    matches: fields.Patterns = setting([], "Each must be found in the body.")
    not_matches: fields.Patterns = setting([], "None may be found in the body.")


class ExpectedHeaders(Part):
    """What headers of an answer must hold, as regular expressions by name."""

    matches: fields.HeaderPatterns = setting({}, "Each header must be there and match.")
    not_matches: fields.HeaderPatterns = setting({}, "No such header may match.")


class Settings(Part):
    """What a service may set, and `defaults` may set for all."""

    endpoints: fields.Endpoints = setting(
        ["/health"], "Paths that are tried in this order until one answers as expected."
    )
    interval: fields.Interval = setting("30s", "How often the service is probed: 100ms or more.")
    timeout: fields.Timeout = setting(
        "5s",
        "The longest that one probe may take, all its endpoints included: 10ms or more, and no "
        "longer than the interval.",
    )
    method: fields.Method = setting("GET", "The method of the request.")
    headers: fields.Headers = setting(
        {},
        "Headers to send. Those of a service are added to those of defaults and win over them; "
        "one with an empty value is not sent.",
        examples=[{"Authorization": "Bearer ${file:token.txt}"}],
    )
    body: fields.Text | None = setting(None, "The body of the request.")
    expected_status: fields.Codes = setting(
        [200],
        "Status codes that mean well, also as 2xx or 200-299.",
        examples=[[200, "301-303", 401], "2xx"],
    )
    expected_version: fields.Versions = setting(
        [], "Versions of HTTP that mean well; any where not set."
    )
    expected_headers: ExpectedHeaders | None = setting(
        None, "Regular expressions for headers of the answer."
    )
    expected_body: ExpectedBody | None = setting(
        None, "Regular expressions for the body, which body_limit must leave whole enough."
    )
    expected_json: fields.Expression | None = setting(
        None, "A CEL expression over body, the parsed JSON, that must be true."
    )
    follow_redirects: fields.Flag = setting(
        True, "Whether the answer at the end of redirects counts."
    )
    max_redirects: fields.Redirects = setting(
        10, "The most redirects that are followed; one more is a failure."
    )
    http_version: fields.HttpVersion = setting(
        "auto",
        "The version of HTTP to speak. 2 without TLS is spoken at once; auto takes what TLS agrees "
        "on, else 1.1.",
    )
    compression: fields.Encodings = setting(
        [], "Encodings to ask for and to decode; the body's limit counts what comes out."
    )
    basic_auth: BasicAuth | None = setting(None, "A user and password to send.")
    bearer_token: fields.Secret | None = setting(
        None, "A token to send as Authorization: Bearer.", repr=False
    )
    oauth2: OAuth2 | None = setting(
        None,
        "Where to get a token, which is kept while it holds and sent as Authorization: Bearer.",
    )
    proxy: fields.Proxy | None = setting(None, "A proxy to ask by way of.", repr=False)
    no_proxy: fields.Labels = setting([], "Hosts and domains that the proxy is not used for.")
    tls: Tls | None = setting(None, "How TLS is made and verified.")
    ip_protocol: fields.IpProtocol = setting(
        "any", "The addresses to connect to: only one kind, or one kind first."
    )
    resolver: fields.Resolver | None = setting(
        None, "The name server to ask; the system's resolver where not set."
    )
    source_address: fields.Address | None = setting(None, "The own address to connect from.")
    unix_socket: fields.Label | None = setting(
        None, "A Unix socket to connect to in place of the url's host and port."
    )
    keep_alive: fields.Flag = setting(False, "Whether connections are kept and used again.")
    body_limit: fields.Size = setting(
        "64KiB",
        "How much of an answer is read, in bytes or with a unit: at most 1024MiB.",
        examples=["64KiB", "1MB"],
    )
    slow_over: fields.SlowOver | None = setting(
        None, "A good answer that takes longer makes the service DEGRADED."
    )
    critical: fields.Flag = setting(True, "Whether the fleet is unwell when this service is.")
    group: fields.Label | None = setting(None, "What the service belongs to.")
    tags: fields.Labels = setting([], "Words to select services by.")
    enabled: fields.Flag = setting(True, "Whether the service is probed at all.")


class ServiceEntry(Settings):
    """One service."""

    name: fields.Label = Field(description="The service's name; once in all files.")
    url: fields.Url = Field(description="Where it listens: http or https, host and port; no path.")
    was: fields.Label | None = setting(
        None, "The name that it had before: its history goes on under the new one."
    )
    depends_on: fields.Labels = setting([], "Names of the services that this one needs.")


class RuntimeTable(Part):
    """A table of current states that other programs read."""

    url: fields.StoreUrl | None = setting(
        None, "Its database; the store's own where not set.", repr=False
    )
    name: fields.Label = setting("copilot_runtime_services", "The table's name.")


class Keep(Part):
    """For how long the store keeps what it knows."""

    raw: fields.KeepTime = setting("90d", "Each result; its hours and days outlive it.")
    minute: fields.KeepTime = setting(
        "30d", "Minutes: they are made of results when asked for, which stay as long, too."
    )
    hour: fields.KeepTime = setting("2y", "Hours: counts, times, latencies.")
    day: fields.KeepTime = setting("forever", "Days, likewise.")
    size: fields.KeepSize | None = setting(
        None, "The size of an SQLite file from which the oldest results go before their time."
    )


class Store(Part):
    """Where results are kept. Paths are relative to the working directory."""

    url: fields.StoreUrl = setting(
        "sqlite:///data/prober.db", "The database: SQLite or PostgreSQL.", repr=False
    )
    migrate: fields.Flag = setting(True, "Whether the tables are brought up to date at start.")
    spool: Path = setting(
        "data/spool", "The folder where results wait while the database can't be written."
    )
    keep: Keep = setting({}, "For how long what is known is kept.")
    runtime_table: RuntimeTable | None = setting(
        None, "A table of current states to keep for other programs; none where not set."
    )


class Forward(Part):
    """A route that is answered by a service."""

    path: fields.RoutePath = Field(description="The route's path; parameters stand in braces.")
    method: fields.Methods = setting(["GET"], "The methods that are sent on.")
    service: fields.Label = Field(description="The service that answers.")
    to: fields.TargetPath = Field(
        description="The path there, with the parameters of the route's own where it needs them."
    )
    timeout: fields.Timeout = setting(
        "30s", "The longest to connect, and to wait for each part of the answer."
    )
    body_limit: fields.Size = setting("1MiB", "The largest body that is sent on.")
    pass_token: fields.Flag = setting(False, "Whether the token of who asks is sent on.")


class Breaker(Part):
    """When calls to a service are held back, since it does not answer them."""

    failures: fields.Count = setting(3, "Failures in a row that open the breaker.")
    reset: fields.Timeout = setting("60s", "How long it stays open before one call is tried.")
    probes: fields.Flag = setting(False, "Whether probes count like calls.")


class Chat(Part):
    """The service that answers chats."""

    service: fields.Label = Field(description="The service that answers.")
    to: fields.Endpoint = Field(description="The path there, which is sent a POST.")
    timeout: fields.Timeout = setting("30s", "The longest to wait for the answer.")
    messages: fields.Count = setting(50, "The last messages of a session that are kept.")
    sessions: fields.Count = setting(100, "Sessions that are kept, the last used ones.")
    ttl: Annotated[float, fields.duration("1s")] = setting(
        "1h", "How long a session is kept after it was last used."
    )


class Gateway(Part):
    """Where the page, the API and the metrics are served."""

    host: fields.Label = setting("127.0.0.1", "The address to listen on.")
    port: fields.Port = setting(8790, "The port; 0 takes a free one.")
    title: fields.Label = setting("prober", "The heading of the page.")
    auth: access.Auth = setting({}, "Who may do what with a token.")
    limits: access.Limits = setting({}, "How much one client may ask.")
    cors: access.Cors = setting({}, "Which pages of elsewhere may read the API.")
    trusted_proxies: Annotated[tuple[access.Network, ...], fields.Many(0)] = setting(
        [], "Proxies whose X-Forwarded-For is believed."
    )
    module: fields.Label | None = setting(
        None, "What prober is called in /health and in the status; the title where not set."
    )
    version: fields.Label | None = setting(
        None, "The version told beside it; prober's own where not set."
    )
    aliases: dict[fields.RoutePath, fields.RoutePath] = setting(
        {}, "Further paths of prober's own routes.", examples=[{"/status": "/api/v1/status"}]
    )
    forward: Annotated[tuple[Forward, ...], fields.Many(0)] = setting(
        [], "Routes that services answer."
    )
    breaker: Breaker = setting({}, "When calls to a service are held back.")
    chat: Chat | None = setting(None, "Who answers chats; nobody where not set.")
    events: Events = setting({}, "Which events are canonical, and what they must hold.")


class Document(Part):
    """The configuration of prober: one file, or several that are merged."""

    defaults: Settings = setting({}, "What holds for each service that doesn't say otherwise.")
    services: tuple[ServiceEntry, ...] = setting([], "What is watched.")
    store: Store = setting({}, "Where results are kept.")
    gateway: Gateway = setting({}, "Where prober answers over HTTP.")
    blackbox: Blackbox | None = setting(
        None, "Probes on demand, as blackbox_exporter makes them; none where not set."
    )
    maintenance: Annotated[tuple[Maintenance, ...], fields.Many(0)] = setting(
        [], "Windows in which planned work may leave services unwell."
    )
    workers: fields.Workers = setting(1, "Processes that probe; 0 probes in the main process.")


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that was checked and compiled. Nothing downstream checks it again."""

    services: tuple[Service, ...] = ()
    store: Store = field(default_factory=Store)
    gateway: Gateway = field(default_factory=Gateway)
    workers: int = 1
    blackbox: OnDemand | None = None
    maintenance: tuple[Window, ...] = ()
    files: tuple[Path, ...] = ()
