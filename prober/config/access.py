"""The parts that say who may use the gateway, from where, and how much."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from prober.config import clients, fields, values
from prober.config.fields import Many, Parsed, setting
from prober.config.part import Part

ScopeName = Annotated[str, fields.word("read", "ingest", "operate", "admin")]
HeaderName = Annotated[str, Parsed(values.header_name, examples=["X-Prober-Token"])]
Sha256 = Annotated[bytes, Parsed(clients.sha256, pattern="^[0-9a-fA-F]{64}$")]
Rate = Annotated[
    clients.Rate | None,
    Parsed(clients.rate, pattern=f"^(off|{clients.RATE})$", examples=["10 per minute", "off"]),
]
Network = Annotated[clients.Network, Parsed(clients.network, examples=["10.0.0.0/8"])]
Origin = Annotated[
    str, Parsed(clients.origin, format="uri", examples=["https://status.example.org"])
]
Connections = Annotated[
    int,
    Parsed(
        clients.connections,
        type=["string", "integer"],
        pattern="^[0-9]+$",
        minimum=1,
        maximum=clients.MOST_CONNECTIONS,
    ),
]
Patience = Annotated[float, fields.duration("100ms")]


class Token(Part):
    """One who may use the gateway, and what for."""

    name: fields.Label = Field(description="What the log calls it; once in all tokens.")
    scopes: Annotated[tuple[ScopeName, ...], Many(1)] = Field(description="What it is good for.")
    token: Annotated[fields.Secret | None, BeforeValidator(lambda value: value or None)] = setting(
        None, "The token; where it is empty, nobody has it.", repr=False
    )
    sha256: Sha256 | None = setting(None, "The token's SHA-256, in place of the token.", repr=False)

    @model_validator(mode="after")
    def _has_one_secret(self) -> Token:
        if ("token" in self.model_fields_set) == ("sha256" in self.model_fields_set):
            raise ValueError("needs one of token and sha256; `prober token` makes both")
        return self

    @property
    def digest(self) -> bytes | None:
        """The SHA-256 of the token; None where it is empty."""
        return hashlib.sha256(self.token.encode()).digest() if self.token else self.sha256


def _distinct(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    names = [token.name for token in tokens]
    digests = [token.digest for token in tokens if token.digest]
    if len(set(names)) < len(names):
        raise ValueError("holds a name twice; give each token one of its own")
    if len(set(digests)) < len(digests):
        raise ValueError("holds a token twice; write it once, with all its scopes")
    return tokens


class Auth(Part):
    """Who may use the gateway."""

    header: HeaderName = setting("X-Prober-Token", "The header that carries a token.")
    reading: Annotated[str, fields.word("open", "token")] = setting(
        "open", "Whether reading is open to all, or needs a token too."
    )
    open: Annotated[tuple[fields.RoutePath, ...], Many(0)] = setting(
        [], "Paths that all may read, though reading needs a token."
    )
    tokens: Annotated[tuple[Token, ...], Many(0), AfterValidator(_distinct)] = setting(
        [], "Who may do what; without any, nothing can be written or forwarded."
    )


class Limits(Part):
    """What one client may take up."""

    requests: Rate = setting(
        "120000 per minute", "Requests of one address, which may come at once."
    )
    failed_attempts: Rate = setting(
        "10 per minute", "Wrong tokens of one address; then it is refused for a while."
    )
    body: fields.Size = setting("1MiB", "The largest body of a request.")
    event_body: fields.Size = setting("64KiB", "The largest body of an event.")
    head_time: Patience = setting("10s", "The longest that the head of a request may take.")
    body_time: Patience = setting("30s", "The longest that the body of a request may take.")
    write_time: Patience = setting("60s", "The longest that an answer may wait for its reader.")
    connections: Connections = setting(
        2000, "Connections at once; those that are idle make room for new ones."
    )
    streams: Connections = setting(2000, "WebSockets at once.")
    streams_per_client: Connections = setting(200, "WebSockets of one address at once.")


class Cors(Part):
    """Which pages of elsewhere may read the API from a browser."""

    origins: Annotated[tuple[Origin, ...], Many(0)] = setting(
        [], "Origins whose pages may; none where empty."
    )
