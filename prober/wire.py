"""How a request travels: what HTTP is spoken, by which way, and how TLS is made."""

from __future__ import annotations

from typing import NamedTuple


class TlsOptions(NamedTuple):
    """How TLS is made and verified; None leaves a choice to the system.

    The files are paths to PEM. `min_version` is "1.0" to "1.3". `server_name` is asked for, and
    looked for in the certificate, in place of the url's host. `insecure` verifies nothing. Only
    modules of probes on demand have a `max_version`.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    min_version: str | None = None
    server_name: str | None = None
    insecure: bool = False
    max_version: str | None = None


class OAuth2(NamedTuple):
    """What a token is asked for with, by client credentials; `params` are sent as well."""

    token_url: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()


class Wire(NamedTuple):
    """How a request travels; every default is what a plain visitor does.

    `http_version` is "auto", "1.0", "1.1" or "2". `compression` are the encodings to ask for.
    `ip_protocol` is "any", "ip4", "ip6", "prefer_ip4" or "prefer_ip6". `proxy` is a url, which
    the hosts in `no_proxy` do without. `unix_socket` is a path to connect to in place of the host.
    `resolver` is the address and port of a name server.
    """

    http_version: str = "auto"
    compression: tuple[str, ...] = ()
    max_redirects: int = 10
    proxy: str | None = None
    no_proxy: tuple[str, ...] = ()
    ip_protocol: str = "any"
    source_address: str | None = None
    unix_socket: str | None = None
    resolver: str | None = None
    tls: TlsOptions = TlsOptions()


PLAIN = Wire()
