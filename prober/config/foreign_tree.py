"""What a blackbox.yml may hold, under the names that blackbox_exporter 0.23 gives it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from prober.config import fields, foreign, values
from prober.config.fields import Many, Parsed
from prober.config.part import Part


def _filled(found: object) -> object:
    if not isinstance(found, dict):
        return found
    return {name: "" if text is None else text for name, text in found.items()}


Text = Annotated[str, Parsed(str)]
Texts = Annotated[tuple[Text, ...], Many(0)]
Duration = Annotated[float, Parsed(foreign.duration)]
Size = Annotated[int, Parsed(foreign.size)]
Whole = Annotated[int, Parsed(foreign.whole)]
Wholes = Annotated[tuple[Whole, ...], Many(0)]
Pattern = Annotated[str, Parsed(foreign.pattern)]
Patterns = Annotated[tuple[Pattern, ...], Many(0)]
Headers = Annotated[
    dict[str, Text],
    BeforeValidator(_filled),
    AfterValidator(values.distinct),
]
ManyHeaders = dict[str, Texts]
Proxy = Annotated[str | None, Parsed(foreign.proxy)]
TlsVersion = Annotated[str, Parsed(foreign.tls_version)]
Protocol = Annotated[str, Parsed(foreign.protocol)]
QueryType = Annotated[str, Parsed(foreign.either("ANY", foreign.query_type))]
QueryClass = Annotated[str, Parsed(foreign.either("IN", foreign.query_class))]


class Foreign(Part):
    """A mapping of the file; a key with nothing after it has its default."""

    model_config = ConfigDict(validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {key: value for key, value in raw.items() if value is not None}


class TlsConfig(Foreign):
    """How TLS is made and verified."""

    ca_file: Text = ""
    cert_file: Text = ""
    key_file: Text = ""
    server_name: Text = ""
    insecure_skip_verify: fields.Flag = False
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None


class BasicAuth(Foreign):
    """A user and password."""

    username: Text = ""
    password: Text = ""
    password_file: Text = ""


class Authorization(Foreign):
    """A header Authorization of any type but Basic."""

    type: Text = "Bearer"
    credentials: Text = ""
    credentials_file: Text = ""


class OAuth2(Foreign):
    """Where and with what a token is had."""

    client_id: Text = ""
    client_secret: Text = ""
    client_secret_file: Text = ""
    scopes: Texts = ()
    token_url: Text = ""
    endpoint_params: dict[str, Text] = Field(default={})
    proxy_url: Proxy = None
    tls_config: TlsConfig = TlsConfig()


class HeaderMatch(Foreign):
    """A pattern for the values of one header."""

    header: Text = ""
    regexp: Pattern = ""
    allow_missing: fields.Flag = False


HeaderMatches = Annotated[tuple[HeaderMatch, ...], Many(0)]


class Addressed(Foreign):
    """Which address of a target is probed."""

    preferred_ip_protocol: Protocol = "ip6"
    ip_protocol_fallback: fields.Flag = True


class Http(Addressed):
    """The prober http."""

    valid_status_codes: Wholes = ()
    valid_http_versions: Texts = ()
    skip_resolve_phase_with_proxy: fields.Flag = False
    no_follow_redirects: fields.Flag | None = None
    fail_if_ssl: fields.Flag = False
    fail_if_not_ssl: fields.Flag = False
    method: Text = ""
    headers: Headers = Field(default={})
    fail_if_body_matches_regexp: Patterns = ()
    fail_if_body_not_matches_regexp: Patterns = ()
    fail_if_header_matches: HeaderMatches = ()
    fail_if_header_not_matches: HeaderMatches = ()
    body: Text = ""
    compression: Text = ""
    body_size_limit: Size = 0
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    bearer_token: Text = ""
    bearer_token_file: Text = ""
    proxy_url: Proxy = None
    proxy_connect_header: ManyHeaders = Field(default={})
    tls_config: TlsConfig = TlsConfig()
    follow_redirects: fields.Flag = True
    enable_http2: fields.Flag = True


class Step(Foreign):
    """One step of a conversation."""

    expect: Pattern | None = None
    send: Text = ""
    starttls: fields.Flag = False


Steps = Annotated[tuple[Step, ...], Many(0)]


class Sourced(Addressed):
    """What may be probed from an address of one's own."""

    source_ip_address: Text = ""


class Tcp(Sourced):
    """The prober tcp."""

    query_response: Steps = ()
    tls: fields.Flag = False
    tls_config: TlsConfig = TlsConfig()


class Records(Foreign):
    """What the records of one section must be; a pattern may be wrong, and then fails probes."""

    fail_if_matches_regexp: Texts = ()
    fail_if_all_match_regexp: Texts = ()
    fail_if_not_matches_regexp: Texts = ()
    fail_if_none_matches_regexp: Texts = ()


class Dns(Sourced):
    """The prober dns."""

    dns_over_tls: fields.Flag = False
    tls_config: TlsConfig = TlsConfig()
    transport_protocol: Text = ""
    query_class: QueryClass = "IN"
    query_name: Text = ""
    query_type: QueryType = "ANY"
    recursion_desired: fields.Flag = True
    valid_rcodes: Texts = ()
    validate_answer_rrs: Records = Records()
    validate_authority_rrs: Records = Records()
    validate_additional_rrs: Records = Records()


class Icmp(Sourced):
    """The prober icmp."""

    payload_size: Annotated[int, Parsed(foreign.payload)] = 0
    dont_fragment: fields.Flag = False
    ttl: Annotated[int, Parsed(foreign.ttl)] = 64


class Grpc(Addressed):
    """The prober grpc, which prober has no counterpart of."""

    service: Text = ""
    tls: fields.Flag = False
    tls_config: TlsConfig = TlsConfig()


class ModuleEntry(Foreign):
    """One module. The sections of other probers than its own are checked, and then left alone."""

    prober: Text = ""
    timeout: Duration = 0.0
    http: Http = Http()
    tcp: Tcp = Tcp()
    dns: Dns | None = None
    icmp: Icmp = Icmp()
    grpc: Grpc = Grpc()
