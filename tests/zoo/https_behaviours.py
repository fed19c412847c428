"""What can go right and wrong with HTTPS: certificates, chains, versions, handshakes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from servers import Handler, closes, hangs, resets, serving
from zoo import pki
from zoo.behaviours import Behaviour, Ground, Serve
from zoo.http_behaviours import PAGE, SOON, at, http, page
from zoo.pki import Signed, Wish, signed
from zoo.redirect_behaviours import answering, moved
from zoo.request_behaviours import has

ROOT = {"ca_file": "{folder}/root.crt"}
INSECURE = {"insecure_skip_verify": True}
CIPHERS = (
    ("cbc", "ECDHE-ECDSA-AES128-SHA", "p256"),
    ("cbc-sha256", "ECDHE-ECDSA-AES128-SHA256", "p256"),
    ("chacha", "ECDHE-ECDSA-CHACHA20-POLY1305", "p256"),
    ("rsa-exchange", "AES128-GCM-SHA256", "rsa2048"),
    ("rsa-exchange-cbc", "AES256-SHA", "rsa2048"),
    ("ccm", "ECDHE-ECDSA-AES128-CCM", "p256"),
    ("dhe", "DHE-RSA-AES128-GCM-SHA256", "rsa2048"),
    ("camellia", "CAMELLIA128-SHA", "rsa2048"),
)
NAMED = "https://localhost:{port}"
BY_ADDRESS = "https://127.0.0.1:{port}"

ISSUING = Lock()  # servers start in threads, and all must have the same root

Chain = Callable[[Signed], Sequence[Signed]]
"""Issue a leaf and what is sent behind it, given the root."""


@cache
def root_of(folder: Path) -> Signed:
    """The root that modules trust."""
    made = signed(Wish("Root", (), last_day=400, extensions=pki.authority()))
    (folder / "root.crt").write_bytes(made.pem)
    return made


@cache
def visitors_of(folder: Path) -> None:
    """Make certificates of clients: one by the root, one by itself."""
    pki.written(folder, "visitor", signed(Wish("visitor"), root_of(folder)))
    pki.written(folder, "stranger", signed(Wish("stranger")))


@cache
def context_of(folder: Path, name: str, chain: Chain) -> ssl.SSLContext:
    """A server's context that shows a chain."""
    made = pki.written(folder, name, *chain(root_of(folder)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(made.cert, made.key)
    return context


def leaf(**wish: Any) -> Chain:
    """A leaf by the root itself."""
    return lambda root: [signed(Wish(**wish), root)]


GOOD = leaf()


def secure(
    handler: Handler,
    chain: Chain = GOOD,
    target: str = NAMED,
    prepare: Callable[[ssl.SSLContext], None] | None = None,
) -> Serve:
    """Serve it by TLS on a free port."""

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        name = f"{id(chain)}-{id(prepare)}"
        with ISSUING:
            context = context_of(ground.folder, name, chain)
        if prepare:
            prepare(context)
        with serving(handler, context) as server:
            yield target.format(port=server.port)

    return serve


def by_tls(**settings: Any) -> dict[str, Any]:
    """A module that trusts the root, unless it says otherwise."""
    trust = ROOT | settings.pop("tls_config", {})
    return http(
        **{"preferred_ip_protocol": "ip4", "tls_config": trust, "timeout": "4s", **settings}
    )


def shown(name: str, chain: Chain, target: str = NAMED, **settings: Any) -> Iterator[Behaviour]:
    """A certificate, judged and not judged."""
    serve = secure(closes(PAGE), chain, target)
    yield Behaviour(f"https-{name}", serve, by_tls(**settings))
    loose = {"tls_config": INSECURE | settings.pop("tls_config", {})}
    yield Behaviour(f"https-{name}-insecure", serve, by_tls(**loose, **settings))


def between(*wishes: Wish) -> Chain:
    """A leaf by authorities, the last of them by the root; all are sent."""

    def chain(root: Signed) -> Sequence[Signed]:
        made: list[Signed] = []
        issuer = root
        for wish in wishes:
            issuer = signed(wish, issuer)
            made.insert(0, issuer)
        return made

    return chain


def middle(name: str = "Middle", **how: Any) -> Wish:
    """An authority of its own."""
    return Wish(name, (), **{"extensions": pki.authority(), **how})


def _certificates() -> Iterator[Behaviour]:
    yield from shown("good", GOOD)
    yield from shown("good-by-address", GOOD, BY_ADDRESS)
    yield from shown("self-signed", lambda root: [signed(Wish())])
    yield from shown(
        "self-signed-authority", lambda root: [signed(Wish(extensions=pki.authority()))]
    )
    yield from shown("unknown-authority", lambda root: [signed(Wish(), signed(middle("Stranger")))])
    yield from shown("expired", leaf(first_day=-30, last_day=-2))
    yield from shown("not-yet-valid", leaf(first_day=2))
    yield from shown("other-host", leaf(names=["shop.example"]))
    yield from shown("no-names", leaf(names=[], subject="localhost"))
    yield from shown("no-names-by-address", leaf(names=[], subject="127.0.0.1"), BY_ADDRESS)
    yield from shown("only-name-by-address", leaf(names=["localhost"]), BY_ADDRESS)
    yield from shown("address-as-name", leaf(names=["localhost"], subject="127.0.0.1"), BY_ADDRESS)
    yield from shown("only-address-by-name", leaf(names=["127.0.0.1"]))
    yield from shown("upper-case-name", leaf(names=["LOCALHOST"]))
    yield from shown(
        "many-names",
        leaf(names=["a.example", "localhost", "10.0.0.1", "b.example", "me@example.com"]),
    )
    yield from shown(
        "wildcard", leaf(names=["*.shop.example"]), tls_config={"server_name": "a.shop.example"}
    )
    yield from shown(
        "wildcard-two-deep",
        leaf(names=["*.shop.example"]),
        tls_config={"server_name": "a.b.shop.example"},
    )
    yield from shown(
        "wildcard-itself",
        leaf(names=["*.shop.example"]),
        tls_config={"server_name": "shop.example"},
    )
    yield from shown(
        "wildcard-partial",
        leaf(names=["a*.shop.example"]),
        tls_config={"server_name": "ab.shop.example"},
    )
    yield from shown("wildcard-top", leaf(names=["*"]))
    yield from shown(
        "wildcard-inner", leaf(names=["a.*.example"]), tls_config={"server_name": "a.b.example"}
    )
    yield from shown("name-with-dot", leaf(names=["localhost"]), "https://localhost.:{port}")
    for key in ("p384", "ed25519", "rsa1024", "rsa2048"):
        yield from shown(f"key-{key}", leaf(key=key))
    yield from shown("far-future", leaf(last_day=200_000))
    yield from shown("after-the-root", leaf(last_day=900))
    yield from shown("long-expired", leaf(first_day=-20_000, last_day=-15_000))
    yield from shown("is-an-authority", leaf(extensions=pki.authority()))
    for name, use in {
        "client": ExtendedKeyUsageOID.CLIENT_AUTH,
        "server": ExtendedKeyUsageOID.SERVER_AUTH,
        "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    }.items():
        yield from shown(f"for-{name}", leaf(extensions=[(x509.ExtendedKeyUsage([use]), False)]))
    unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    yield from shown("unknown-critical", leaf(extensions=[(unknown, True)]))
    yield from shown("unknown-uncritical", leaf(extensions=[(unknown, False)]))


def _subjects() -> Iterator[Behaviour]:
    def called(name: str, *parts: tuple[ObjectIdentifier, str]) -> Iterator[Behaviour]:
        subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
        yield from shown(f"subject-{name}", leaf(subject=subject))

    cn, org, unit = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME
    yield from called("empty")
    yield from called(
        "full",
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.STATE_OR_PROVINCE_NAME, "Bavaria"),
        (NameOID.LOCALITY_NAME, "Munich"),
        (NameOID.STREET_ADDRESS, "Way 1"),
        (NameOID.POSTAL_CODE, "80331"),
        (org, "Acme"),
        (unit, "Shop"),
        (cn, "shop"),
        (NameOID.SERIAL_NUMBER, "17"),
    )
    yield from called("other-order", (cn, "shop"), (org, "Acme"), (NameOID.COUNTRY_NAME, "DE"))
    yield from called(
        "scrambled",
        (NameOID.POSTAL_CODE, "80331"),
        (unit, "Shop"),
        (NameOID.LOCALITY_NAME, "Munich"),
        (org, "Acme"),
        (NameOID.STREET_ADDRESS, "Way 1"),
        (NameOID.STATE_OR_PROVINCE_NAME, "Bavaria"),
    )
    yield from called("two-units", (unit, "One"), (unit, "Two"), (cn, "shop"))
    yield from called("two-names", (cn, "one"), (cn, "two"))
    yield from called("email", (cn, "shop"), (NameOID.EMAIL_ADDRESS, "me@example.com"))
    yield from called(
        "domain",
        (NameOID.DOMAIN_COMPONENT, "example"),
        (NameOID.DOMAIN_COMPONENT, "com"),
        (cn, "shop"),
    )
    yield from called("escapes", (org, 'A, "B" + <C>; \\D'), (cn, "#shop "))
    yield from called("space-first", (org, " Acme"), (cn, " "))
    yield from called("not-ascii", (org, "Ächme 株式会社"), (cn, "shop"))
    yield from called("line-break", (org, "A\nB"), (cn, "shop"))
    yield from called("title", (NameOID.TITLE, "Dr."), (cn, "shop"))


def _chains() -> Iterator[Behaviour]:
    yield from shown("middle", between(middle(), Wish()))
    yield from shown("middle-two", between(middle("One"), middle("Two"), Wish()))
    yield from shown("middle-missing", lambda root: between(middle(), Wish())(root)[:1])
    yield from shown("middle-expired", between(middle(first_day=-30, last_day=-2), Wish()))
    yield from shown("middle-ends-first", between(middle(last_day=5), Wish()))
    yield from shown("middle-no-authority", between(Wish("Middle"), Wish()))
    yield from shown(
        "middle-path-too-long",
        between(middle("One", extensions=pki.authority(0)), middle("Two"), Wish()),
    )
    yield from shown("root-sent-too", lambda root: [*between(middle(), Wish())(root), root])
    yield from shown(
        "wrong-order", lambda root: _swapped(between(middle("One"), middle("Two"), Wish())(root))
    )
    yield from shown("stranger-behind", lambda root: [*GOOD(root), signed(middle("Stranger"))])
    yield from shown(
        "stranger-expired-behind",
        lambda root: [*GOOD(root), signed(middle("Stranger", first_day=-30, last_day=-2))],
    )
    yield from shown("twice", lambda root: [*GOOD(root)] * 2)
    for name, tree in {"permitted": "localhost", "other": "shop.example"}.items():
        limits = x509.NameConstraints([x509.DNSName(tree)], None)
        how = [*pki.authority(), (limits, True)]
        yield from shown(
            f"limited-to-{name}", between(middle(extensions=how), Wish(names=["localhost"]))
        )
    yield from shown("sha1", _by_sha1)


def _swapped(chain: Sequence[Signed]) -> Sequence[Signed]:
    return [chain[0], *reversed(chain[1:])]


def _by_sha1(root: Signed) -> Sequence[Signed]:
    issuer = signed(middle("Old", key="rsa2048"), root)
    with TemporaryDirectory() as folder:
        return [pki.by_sha1(Path(folder), issuer), issuer]


def _names() -> Iterator[Behaviour]:
    shop = leaf(names=["shop.example"])
    serve = secure(closes(PAGE), shop)
    yield Behaviour("https-server-name", serve, by_tls(tls_config={"server_name": "shop.example"}))
    yield Behaviour(
        "https-server-name-other", serve, by_tls(tls_config={"server_name": "other.example"})
    )
    yield Behaviour("https-host-header", serve, by_tls(headers={"Host": "shop.example"}))
    yield Behaviour("https-host-header-port", serve, by_tls(headers={"Host": "shop.example:443"}))
    yield Behaviour("https-hostname", serve, by_tls(), hostname="shop.example")
    yield Behaviour("https-hostname-other", serve, by_tls(), hostname="other.example")
    yield Behaviour(
        "https-hostname-insecure", serve, by_tls(tls_config=INSECURE), hostname="other.example"
    )
    yield Behaviour(
        "https-hostname-and-server-name",
        serve,
        by_tls(tls_config={"server_name": "other.example"}),
        hostname="shop.example",
    )
    host = answering(
        lambda asked: page(status="200 OK" if has(b"Host: shop.example")(asked) else "400 No")
    )
    yield Behaviour("https-hostname-sent", secure(host, shop), by_tls(), hostname="shop.example")
    yield Behaviour("https-system-roots", secure(closes(PAGE)), http(preferred_ip_protocol="ip4"))
    yield Behaviour(
        "https-no-such-authority",
        secure(closes(PAGE)),
        by_tls(tls_config={"ca_file": "/nowhere/ca.crt"}),
    )


def _versions() -> Iterator[Behaviour]:
    def only(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
        def prepare(context: ssl.SSLContext) -> None:
            context.minimum_version = context.maximum_version = version

        return prepare

    versions = {
        "1.0": ssl.TLSVersion.TLSv1,
        "1.1": ssl.TLSVersion.TLSv1_1,
        "1.2": ssl.TLSVersion.TLSv1_2,
        "1.3": ssl.TLSVersion.TLSv1_3,
    }
    for name, version in versions.items():
        serve = secure(closes(PAGE), prepare=only(version))
        yield Behaviour(f"https-version-{name}", serve, by_tls())
        for least in ("TLS10", "TLS11", "TLS12", "TLS13"):
            yield Behaviour(
                f"https-version-{name}-least-{least}",
                serve,
                by_tls(tls_config={"min_version": least}),
            )
    for name, ciphers, key in CIPHERS:

        def prepare(context: ssl.SSLContext, ciphers: str = ciphers) -> None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(f"{ciphers}:@SECLEVEL=0")

        yield Behaviour(
            f"https-cipher-{name}", secure(closes(PAGE), leaf(key=key), prepare=prepare), by_tls()
        )


def _clients() -> Iterator[Behaviour]:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for mode in (ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL):
            name = f"https-client-{version.name[-1]}-{mode.name[5:].lower()}"
            serve = _asking_for_client(version, mode)
            yield Behaviour(name, serve, by_tls())
            files = {"cert_file": "{folder}/visitor.crt", "key_file": "{folder}/visitor.key"}
            yield Behaviour(f"{name}-given", serve, by_tls(tls_config=files))
    strange = {"cert_file": "{folder}/stranger.crt", "key_file": "{folder}/stranger.key"}
    yield Behaviour(
        "https-client-stranger",
        _asking_for_client(ssl.TLSVersion.TLSv1_3, ssl.CERT_REQUIRED),
        by_tls(tls_config=strange),
    )


def _asking_for_client(version: ssl.TLSVersion, mode: ssl.VerifyMode) -> Serve:
    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        with ISSUING:
            visitors_of(ground.folder)

        def prepare(context: ssl.SSLContext) -> None:
            context.minimum_version = context.maximum_version = version
            context.load_verify_locations(ground.folder / "root.crt")
            context.verify_mode = mode

        with secure(closes(PAGE), prepare=prepare)(ground) as target:
            yield target

    return serve


def _breaks() -> Iterator[Behaviour]:
    def raw(name: str, handler: Handler, **settings: Any) -> Behaviour:
        return Behaviour(f"https-{name}", at(handler, NAMED), by_tls(**settings))

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        await asyncio.Event().wait()

    def greets(data: bytes) -> Handler:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65_536)
            writer.write(data)
            await writer.drain()

        return handler

    async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    yield raw("to-plain", closes(PAGE))
    yield raw("to-plain-that-answers", greets(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    yield raw("to-garbage", greets(b"garbage garbage garbage"))
    yield raw("to-alert", greets(b"\x15\x03\x03\x00\x02\x02\x28"))
    yield raw("to-silence", silent, timeout=SOON)
    yield raw("to-closing", gone)
    yield raw("to-reset", resets(at_once=True))
    plain = secure(closes(PAGE), target="http://localhost:{port}")
    yield Behaviour("http-to-tls", plain, http(preferred_ip_protocol="ip4", timeout="3s"))
    answers: dict[str, Handler] = {
        "closes": closes(),
        "resets": resets(),
        "hangs": hangs(),
        "garbage": closes(b"garbage\r\n\r\n"),
        "cut-body": closes(PAGE[:-3]),
        "endless-cut": closes(b"HTTP/1.1 200 OK\r\n\r\nhello"),
        "reset-in-endless": resets(b"HTTP/1.1 200 OK\r\n\r\nhello"),
        "hangs-in-body": hangs(PAGE[:-3]),
        "404": closes(page(status="404 No")),
        "1.0": closes(b"HTTP/1.0 200 OK\r\n\r\nhello"),
    }
    for name, handler in answers.items():
        yield Behaviour(f"https-answer-{name}", secure(handler), by_tls(timeout=SOON))
    yield Behaviour("https-fail-if-ssl", secure(closes(PAGE)), by_tls(fail_if_ssl=True))
    yield Behaviour("https-fail-if-not-ssl", secure(closes(PAGE)), by_tls(fail_if_not_ssl=True))
    yield Behaviour(
        "https-regex", secure(closes(PAGE)), by_tls(fail_if_body_matches_regexp=["hello"])
    )
    yield Behaviour(
        "https-version-not-valid", secure(closes(PAGE)), by_tls(valid_http_versions=["HTTP/2.0"])
    )
    yield Behaviour("https-without-http2", secure(closes(PAGE)), by_tls(enable_http2=False))


def _redirects() -> Iterator[Behaviour]:
    def leads(
        name: str,
        first_secure: bool,
        then: str,
        handler: Handler,
        then_secure: bool = True,
        **settings: Any,
    ) -> Behaviour:
        @contextmanager
        def serve(ground: Ground) -> Iterator[str]:
            with ISSUING:
                context = context_of(ground.folder, "redirects", GOOD)
            with ExitStack() as stack:
                there = stack.enter_context(serving(handler, context if then_secure else None))
                first = answering(lambda asked: moved(then.format(port=there.port)))
                here = stack.enter_context(serving(first, context if first_secure else None))
                yield f"http{'s' if first_secure else ''}://localhost:{here.port}"

        return Behaviour(f"https-redirect-{name}", serve, by_tls(**settings))

    plain, tls = "http://localhost:{port}", "https://localhost:{port}"
    told = answering(
        lambda asked: page(body=b"referred" if b"\r\nreferer:" in asked.lower() else b"-")
    )
    yield leads("from-plain", False, tls, told)
    yield leads("from-plain-fail-if-ssl", False, tls, told, fail_if_ssl=True)
    yield leads("from-plain-by-address", False, "https://127.0.0.1:{port}", told)
    yield leads("to-plain", True, plain, told, False)
    yield leads("to-plain-fail-if-not-ssl", True, plain, told, False, fail_if_not_ssl=True)
    yield leads("to-plain-fail-if-ssl", True, plain, told, False, fail_if_ssl=True)
    yield leads("to-tls", True, tls, told)
    yield leads("to-tls-closing", True, tls, closes())
    yield leads("to-tls-on-plain-port", True, tls, told, False)
    yield leads("to-tls-server-name", True, tls, told, tls_config={"server_name": "localhost"})
    yield leads("not-followed", True, tls, told, follow_redirects=False, valid_status_codes=[302])


BEHAVIOURS = [
    behaviour
    for kind in (
        _certificates,
        _subjects,
        _chains,
        _names,
        _versions,
        _clients,
        _breaks,
        _redirects,
    )
    for behaviour in kind()
]
