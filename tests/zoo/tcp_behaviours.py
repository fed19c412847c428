"""What can stand behind a TCP port: words, silence, TLS of every kind; or nothing at all."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from servers import LOOPBACK, Handler, dead_port, reset, serving
from zoo.behaviours import Behaviour, Ground, Serve

Identity = Callable[[Ground], ssl.SSLContext]
Ending = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LONGEST = 65_535  # of a line, as blackbox_exporter reads them
SOON = "700ms"  # a timeout, for those that wait for it


async def stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read on until the other side goes."""
    while await reader.read(65_536):
        pass


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close in good order, once it is read."""
    await writer.drain()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    await reset(writer)


def says(*pieces: bytes, ending: Ending = stays, pause_s: float = 0.05) -> Handler:
    """Say these pieces without being asked."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s if len(pieces) > 1 else 0)
        await ending(reader, writer)

    return handler


def replies(greeting: bytes, answers: Mapping[bytes, bytes], otherwise: bytes = b"") -> Handler:
    """Greet, and answer each line by this table."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            writer.write(answers.get(line, otherwise))

    return handler


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say each line again, between brackets."""
    writer.write(b"ready user=alice id=42\n")
    while line := await reader.readline():
        writer.write(b"[" + line.rstrip(b"\n") + b"]\n")


def at(handler: Handler, identity: Identity | None = None, host: str = LOOPBACK) -> Serve:
    """Serve it on a free port; `host` is shown in the target as it is."""

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        tls = identity(ground) if identity else None
        with serving(handler, tls, "::1" if ":" in host else LOOPBACK) as server:
            yield f"{host}:{server.port}"

    return serve


def target(text: str) -> Serve:
    """No server at all."""

    @contextmanager
    def serve(_: Ground) -> Iterator[str]:
        yield text

    return serve


@contextmanager
def refused(_: Ground) -> Iterator[str]:
    """A port that nobody listens on."""
    with dead_port() as port:
        yield f"{LOOPBACK}:{port}"


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


def tcp(*steps: Mapping[str, Any], timeout: str = "4s", **options: Any) -> dict[str, Any]:
    """A module that prefers IPv4."""
    chosen = {"preferred_ip_protocol": "ip4", **options}
    if steps:
        chosen["query_response"] = list(steps)
    return {"prober": "tcp", "timeout": timeout, "tcp": chosen}


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


def expect(pattern: str, answer: str = "") -> dict[str, Any]:
    """A step that waits for a line, and perhaps says something then."""
    return {"expect": pattern, "send": answer} if answer else {"expect": pattern}


def send(text: str) -> dict[str, Any]:
    """A step that says something."""
    return {"send": text}


TRUST = {"ca_file": "{authority}"}
INSECURE = {"insecure_skip_verify": True}
BANNER = b"220 mail.example ESMTP Postfix\r\n"
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
READY = expect(r"^ready user=(?P<user>\w+) id=(\d+)( extra)?")

CONNECTING = {
    "open": (at(stays), tcp()),
    "refused": (refused, tcp()),
    "closes-at-once": (at(says(ending=closes)), tcp()),
    "resets-at-once": (at(says(ending=resets)), tcp()),
    "ipv6": (at(stays, host="[::1]"), tcp()),
    "ipv6-preferred": (at(stays, host="[::1]"), tcp(preferred_ip_protocol="ip6")),
    "by-name": (at(stays, host="localhost"), tcp()),
    "by-name-with-source": (at(stays, host="localhost"), tcp(source_ip_address="127.0.0.1")),
    "source-of-the-other-family": (at(stays), tcp(source_ip_address="::1")),
    "source-of-somebody-else": (at(stays), tcp(source_ip_address="192.0.2.1")),
    "no-fallback": (
        at(stays),
        tcp(preferred_ip_protocol="ip6", ip_protocol_fallback=False),
    ),
}

TARGETS = {
    "host-only": (target("127.0.0.1"), tcp()),
    "empty-port": (target("127.0.0.1:"), tcp()),
    "empty-host": (target(":80"), tcp()),
    "bracketed": (target("[::1]:1"), tcp()),
    "bracketed-ipv4": (target("[127.0.0.1]:1"), tcp()),
    "unbracketed": (target("::1:80"), tcp()),
    "unclosed-bracket": (target("[::1:80"), tcp()),
    "bracket-without-port": (target("[::1]"), tcp()),
    "unknown-port-name": (target("127.0.0.1:nosuchservice"), tcp()),
    "port-name": (target("127.0.0.1:tcpmux"), tcp()),
    "port-too-large": (target("127.0.0.1:65536"), tcp()),
    "negative-port": (target("127.0.0.1:-1"), tcp()),
    "signed-port": (target("127.0.0.1:+1"), tcp()),
    "url": (target("http://127.0.0.1:80/"), tcp()),
    "short-address": (target("127.1:80"), tcp()),
    "name-with-a-space": (target("a b:80"), tcp()),
}

READING = {
    "banner": (at(says(BANNER)), tcp(expect("^220 .*ESMTP"))),
    "banner-then-close": (at(says(BANNER, ending=closes)), tcp(expect("^220 .*ESMTP"))),
    "other-banner-then-close": (at(says(b"554 no\r\n", ending=closes)), tcp(expect("^220"))),
    "other-banner-then-silence": (at(says(b"554 no\r\n")), tcp(expect("^220"), timeout=SOON)),
    "silence": (at(stays), tcp(expect("^220"), timeout=SOON)),
    "closes-before-banner": (at(says(ending=closes)), tcp(expect("^220"))),
    "resets-before-banner": (at(says(ending=resets)), tcp(expect("^220"))),
    "banner-in-pieces": (at(says(b"22", b"0 mail ", b"ESMTP\r", b"\n")), tcp(expect("ESMTP$"))),
    "no-line-end-then-close": (at(says(b"SSH-2.0-x", ending=closes)), tcp(expect("^SSH-2.0-"))),
    "no-line-end-then-silence": (at(says(b"SSH-2.0-x")), tcp(expect("^SSH-2.0-"), timeout=SOON)),
    "no-line-end-then-reset": (
        at(says(b"SSH-2.0", b"-x", ending=resets)),
        tcp(expect("^SSH-2.0-x")),
    ),
    "cr-lf-is-cut": (at(says(b"ready\r\n")), tcp(expect("^ready$"))),
    "only-one-cr-is-cut": (at(says(b"ready\r\r\n", ending=closes)), tcp(expect("^ready$"))),
    "bare-cr-ends-no-line": (at(says(b"one\rtwo\n")), tcp(expect("^one\rtwo$"))),
    "cr-before-the-end": (at(says(b"ready\r", ending=closes)), tcp(expect("^ready$"))),
    "third-line": (at(says(b"one\ntwo\nthree\n")), tcp(expect("^three"))),
    "empty-line-matches": (at(says(b"\n")), tcp(expect("^$"))),
    "nothing-is-no-empty-line": (at(says(ending=closes)), tcp(expect("^$"))),
    "longest-line": (at(says(b"x" * (LONGEST - 2) + b"y\n")), tcp(expect("y$"))),
    "line-of-the-longest-size": (at(says(b"x" * (LONGEST - 1) + b"y\n")), tcp(expect("y$"))),
    "line-too-long": (at(says(b"x" * LONGEST + b"y\n")), tcp(expect("y$"))),
    "far-too-long-a-line": (at(says(b"x" * 300_000 + b"\nready\n")), tcp(expect("ready"))),
    "long-line-without-end": (
        at(says(b"x" * (LONGEST + 1), ending=closes)),
        tcp(expect("^x")),
    ),
    "long-lines-one-by-one": (at(says(2 * (b"x" * 60_000 + b"\n") + b"z\n")), tcp(expect("^z"))),
    "binary": (at(says(b"\x00\x01\xfe\xff\x00 ready\n")), tcp(expect("ready$"))),
    "binary-any-character": (at(says(b"\xff\xfe\n")), tcp(expect("^..$"), timeout=SOON)),
    "unicode": (at(says("größe: 7\n".encode())), tcp(expect("^gr..e: ([0-9])$"))),
    "case": (at(says(b"READY\n")), tcp(expect("(?i)^ready$"))),
    "class": (at(says(b"a-b.c 12\n")), tcp(expect(r"^[[:alpha:]]-\w\.c\s\d{2}$"))),
}  # fmt: skip

TALKING = {
    "send-only": (at(echo), tcp(send("hello"))),
    "send-to-the-deaf": (at(says(ending=closes)), tcp(send("hello"))),
    "send-and-expect": (at(echo), tcp(send("hello"), expect(r"^\[hello\]$"))),
    "expect-and-send": (at(echo), tcp(expect("^ready", "hi"), expect(r"^\[hi\]$"))),
    "two-of-one-batch": (at(says(b"one\ntwo\n")), tcp(expect("one"), expect("two"))),
    "wrong-order": (at(says(b"one\ntwo\n", ending=closes)), tcp(expect("two"), expect("one"))),
    "second-never-comes": (at(echo), tcp(expect("ready"), expect("never"), timeout=SOON)),
    "second-after-the-end": (at(says(b"one\n", ending=closes)), tcp(expect("one"), expect("two"))),
    "reset-between": (at(says(b"one\n", b"", ending=resets)), tcp(expect("one"), expect("two"))),
    "group-by-number": (at(echo), tcp(READY | send("a${2}b"), expect(r"^\[a42b\]$"))),
    "group-without-braces": (at(echo), tcp(READY | send("$1 $2"), expect(r"^\[alice 42\]$"))),
    "group-by-name": (at(echo), tcp(READY | send("${user}!"), expect(r"^\[alice!\]$"))),
    "all-that-matched": (at(echo), tcp(READY | send("$0"), expect(r"^\[ready user=.* id=42\]$"))),
    "longest-name-counts": (at(echo), tcp(READY | send("<$1x>"), expect(r"^\[<>\]$"))),
    "unknown-group": (at(echo), tcp(READY | send("<${9}>"), expect(r"^\[<>\]$"))),
    "unmatched-group": (at(echo), tcp(READY | send("<${3}>"), expect(r"^\[<>\]$"))),
    "leading-zero": (at(echo), tcp(READY | send("<$02>"), expect(r"^\[<>\]$"))),
    "two-dollars": (at(echo), tcp(READY | send("$$1"), expect(r"^\[\$1\]$"))),
    "lone-dollar": (
        at(echo),
        tcp(READY | send("5$ ${ ${user $-"), expect(r"^\[5\$ \$\{ \$\{user \$-\]$")),
    ),
    "empty-after-expansion": (at(echo), tcp(READY | send("${9}"), expect("."), timeout=SOON)),
    "no-expansion-without-expect": (at(echo), tcp(send("$1 ${2}"), expect(r"^\[\$1 \$\{2\}\]$"))),
    "much-to-send": (at(stays), tcp(send("x" * 1_000_000))),
    "smtp": (
        at(replies(BANNER, {b"EHLO me\n": b"250-mail\r\n250 OK\r\n", b"QUIT\n": b"221 bye\r\n"})),
        tcp(expect("^220", "EHLO me"), expect("^250 ", "QUIT"), expect("^221")),
    ),
    "irc": (
        at(replies(b"NOTICE AUTH\n", {b"NICK me\n": b"PING :xyz\n", b"PONG xyz\n": b":i 001\n"})),
        tcp(send("NICK me"), expect("PING :([^ ]+)", "PONG ${1}"), expect("^:[^ ]+ 001$")),
    ),
}  # fmt: skip

NAMED = "DNS:shop.example"

ENCRYPTED = {
    "tls": (at(stays, server("shop"), "localhost"), tls()),
    "tls-by-address": (at(stays, server("shop")), tls()),
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
    for table in (CONNECTING, TARGETS, READING, TALKING, ENCRYPTED, STARTING_TLS)
    for name, (serve, module) in table.items()
] + [
    Behaviour(f"tcp-{name}", serve, module, hostname="shop.example")
    for name, (serve, module) in ASKED_FOR.items()
]
