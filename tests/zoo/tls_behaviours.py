"""TLS of every kind behind a TCP port: from the start, or asked for by STARTTLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from servers import Handler
from zoo.behaviours import Behaviour, Ground, Serve
from zoo.speaking import (
    BANNER,
    READY,
    SOON,
    Identity,
    at,
    closes,
    echo,
    expect,
    refused,
    resets,
    says,
    send,
    stays,
    tcp,
)

TRUST = {"ca_file": "{authority}"}
INSECURE = {"insecure_skip_verify": True}
NAMED = "DNS:shop.example"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def starts_tls(
    identity: Identity,
    consent: bytes = b"220 go ahead\r\n",
    later: Handler = stays,
    honest: bool = True,
) -> Serve:
    """A mail server that consents to TLS in these words, and then begins it where it is honest."""

    def handler_of(ground: Ground) -> Handler:
        context = identity(ground)

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example ESMTP\r\n")
            while line := await reader.readline():
                if line.startswith(b"EHLO"):
                    writer.write(b"250-mail.example\r\n250-STARTTLS\r\n250 HELP\r\n")
                elif line.startswith(b"STARTTLS"):
                    writer.write(consent)
                    await writer.drain()
                    break
            if honest:
                await writer.start_tls(context)
            await later(reader, writer)

        return handler

    def serve(ground: Ground) -> AbstractContextManager[str]:
        return at(handler_of(ground), host="localhost")(ground)

    return serve


def server(path: str, **how: Any) -> Identity:
    """A context that shows a certificate of the authority; `how` as `Authority.issue`."""
    return lambda ground: ground.issued(path, **how).context()


def self_signed(ground: Ground) -> ssl.SSLContext:
    """A context that shows a certificate that nobody vouches for."""
    return ground.stranger.context()


def only(version: ssl.TLSVersion) -> Identity:
    """A context that speaks one version of TLS."""

    def identity(ground: Ground) -> ssl.SSLContext:
        context = ground.issued("versions").context()
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        return context

    return identity


def ciphers(names: str) -> Identity:
    """A context that speaks TLS 1.2 with these ciphers."""

    def identity(ground: Ground) -> ssl.SSLContext:
        context = only(V12)(ground)
        context.set_ciphers(names)
        return context

    return identity


def asks_for_client(version: ssl.TLSVersion) -> Identity:
    """A context that wants a client's certificate from the authority."""

    def identity(ground: Ground) -> ssl.SSLContext:
        context = ground.issued("guarded").context()
        context.minimum_version = context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ground.authority.cert)
        ground.issued("visitor")
        return context

    return identity


def tls(*steps: Mapping[str, Any], timeout: str = "4s", **config: Any) -> dict[str, Any]:
    """A module that begins with TLS and trusts the authority; `config` is its tls_config."""
    return tcp(*steps, timeout=timeout, tls=True, tls_config=TRUST | config)


def mail(*steps: Mapping[str, Any], timeout: str = "4s", **config: Any) -> dict[str, Any]:
    """A module that asks a mail server for TLS."""
    before = (
        expect("^220 ([^ ]+) ESMTP"),
        send("EHLO prober.example"),
        expect("^250-STARTTLS"),
        send("STARTTLS"),
        expect("^220"),
        {"starttls": True},
    )
    return tcp(*before, *steps, timeout=timeout, tls_config=TRUST | config)


ENCRYPTED = {
    "tls": (at(stays, server("shop"), "localhost"), tls()),
    "tls-by-address": (at(stays, server("shop")), tls()),
    "tls-by-ipv6": (at(stays, server("six", names="IP:::1"), "[::1]"), tls()),
    "tls-trailing-dot": (at(stays, server("shop"), "localhost."), tls()),
    "tls-upper-case": (at(stays, server("shop"), "LOCALHOST"), tls()),
    "tls-empty-name": (at(stays, server("shop"), ""), tls()),
    "tls-old-cipher": (at(stays, ciphers("ECDHE-ECDSA-AES128-SHA"), "localhost"), tls()),
    "tls-strange-cipher": (
        at(stays, ciphers("ECDHE-ECDSA-CAMELLIA128-SHA256"), "localhost"),
        tls(),
    ),
    "tls-with-words": (
        at(echo, server("shop"), "localhost"),
        tls(READY | send("$2"), expect("42")),
    ),
    "tls-then-close": (
        at(says(b"ready\n", ending=closes), server("shop"), "localhost"),
        tls(expect("never")),
    ),
    "tls-unknown-authority": (
        at(stays, server("shop"), "localhost"),
        tcp(tls=True),
    ),
    "tls-insecure": (at(stays, server("shop")), tls(insecure_skip_verify=True)),
    "tls-self-signed": (at(stays, self_signed, "localhost"), tls()),
    "tls-self-signed-insecure": (at(stays, self_signed), tcp(tls=True, tls_config=INSECURE)),
    "tls-self-signed-trusted": (
        at(stays, self_signed, "localhost"),
        tls(ca_file="{folder}/stranger/localhost.crt"),
    ),
    "tls-no-authority-file": (
        at(stays, server("shop"), "localhost"),
        tls(ca_file="{folder}/nowhere.crt"),
    ),
    "tls-wrong-name": (at(stays, server("named", names=NAMED), "localhost"), tls()),
    "tls-wrong-name-insecure": (
        at(stays, server("named", names=NAMED), "localhost"),
        tls(insecure_skip_verify=True),
    ),
    "tls-server-name": (
        at(stays, server("named", names=NAMED)),
        tls(server_name="shop.example"),
    ),
    "tls-wrong-server-name": (
        at(stays, server("shop"), "localhost"),
        tls(server_name="shop.example"),
    ),
    "tls-wildcard": (
        at(stays, server("wild", names="DNS:*.shop.example")),
        tls(server_name="www.shop.example"),
    ),
    "tls-wildcard-is-one-label": (
        at(stays, server("wild", names="DNS:*.shop.example")),
        tls(server_name="a.b.shop.example"),
    ),
    "tls-several-names": (
        at(stays, server("names", names=f"{NAMED},DNS:localhost,DNS:www.shop.example")),
        tls(server_name="www.shop.example"),
    ),
    "tls-common-name-only": (
        at(stays, server("shop.example", names="IP:127.0.0.1")),
        tls(server_name="shop.example"),
    ),
    "tls-expired": (
        at(stays, server("old", first_day=-30, last_day=-3), "localhost"),
        tls(),
    ),
    "tls-expired-insecure": (
        at(stays, server("old", first_day=-30, last_day=-3), "localhost"),
        tls(insecure_skip_verify=True),
    ),
    "tls-not-yet-valid": (
        at(stays, server("new", first_day=3, last_day=30), "localhost"),
        tls(),
    ),
    "tls-1.2-only": (at(stays, only(V12), "localhost"), tls()),
    "tls-1.3-only": (at(stays, only(V13), "localhost"), tls()),
    "tls-1.1-only": (at(stays, only(ssl.TLSVersion.TLSv1_1), "localhost"), tls()),
    "tls-1.1-allowed": (
        at(stays, only(ssl.TLSVersion.TLSv1_1), "localhost"),
        tls(min_version="TLS10"),
    ),
    "tls-1.3-demanded": (at(stays, only(V12), "localhost"), tls(min_version="TLS13")),
    "client-certificate-missing": (
        at(says(b"ready\n"), asks_for_client(V12), "localhost"),
        tls(expect("ready")),
    ),
    "client-certificate-missing-1.3": (
        at(says(b"ready\n"), asks_for_client(V13), "localhost"),
        tls(expect("ready")),
    ),
    "client-certificate": (
        at(says(b"ready\n"), asks_for_client(V13), "localhost"),
        tls(
            expect("ready"),
            cert_file="{folder}/authority/visitor.pem",
            key_file="{folder}/authority/visitor.key",
        ),
    ),
    "tls-to-plain-words": (at(says(BANNER), host="localhost"), tls()),
    "tls-to-silence": (at(stays, host="localhost"), tls(timeout=SOON)),
    "tls-to-one-who-closes": (at(says(ending=closes), host="localhost"), tls()),
    "tls-to-one-who-resets": (at(says(ending=resets), host="localhost"), tls()),
    "tls-refused": (refused, tls()),
    "plain-to-tls": (at(stays, server("shop")), tcp(send("hello"), expect("hello"))),
}

STARTING_TLS = {
    "starttls": (starts_tls(server("shop")), mail()),
    "starttls-with-words": (
        starts_tls(server("shop"), later=echo),
        mail(READY | send("$1"), expect("alice")),
    ),
    "starttls-refused": (
        starts_tls(server("shop"), consent=b"454 not now\r\n", honest=False),
        mail(timeout=SOON),
    ),
    "starttls-refused-then-close": (
        starts_tls(server("shop"), consent=b"454 not now\r\n", later=closes, honest=False),
        mail(),
    ),
    "starttls-then-silence": (starts_tls(server("shop"), honest=False), mail(timeout=SOON)),
    "starttls-then-words": (
        starts_tls(server("shop"), later=says(b"", BANNER), honest=False),
        mail(),
    ),
    "starttls-then-close": (starts_tls(server("shop"), later=closes, honest=False), mail()),
    "starttls-self-signed": (starts_tls(self_signed), mail()),
    "starttls-insecure": (starts_tls(self_signed), mail(insecure_skip_verify=True)),
    "starttls-expired": (starts_tls(server("old", first_day=-30, last_day=-3)), mail()),
    "starttls-wrong-name": (starts_tls(server("named", names=NAMED)), mail()),
    "starttls-server-name": (
        starts_tls(server("named", names=NAMED)),
        mail(server_name="shop.example"),
    ),
    "starttls-1.2": (starts_tls(only(V12)), mail()),
}  # fmt: skip

ASKED_FOR = {
    "hostname": (at(stays, server("named", names=NAMED)), tls()),
    "hostname-and-server-name": (
        at(stays, server("named", names=NAMED)),
        tls(server_name="localhost"),
    ),
    "hostname-with-starttls": (starts_tls(server("named", names=NAMED)), mail()),
}

BEHAVIOURS = [
    Behaviour(f"tcp-{name}", serve, module)
    for table in (ENCRYPTED, STARTING_TLS)
    for name, (serve, module) in table.items()
] + [
    Behaviour(f"tcp-{name}", serve, module, hostname="shop.example")
    for name, (serve, module) in ASKED_FOR.items()
]
