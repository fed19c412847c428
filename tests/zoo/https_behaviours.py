"""What can go right and wrong with HTTPS: certificates, chains, versions, handshakes."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from servers import Handler, closes, serving
from zoo import pki
from zoo.behaviours import Behaviour, Ground, Serve
from zoo.http_behaviours import PAGE, http, page
from zoo.pki import Signed, Wish, signed
from zoo.redirect_behaviours import answering
from zoo.request_behaviours import has

ROOT = {"ca_file": "{folder}/root.crt"}
INSECURE = {"insecure_skip_verify": True}
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
    broken = made.pem.replace(b"MII", b"AAA", 1)
    (folder / "mixed.crt").write_bytes(b"a comment\n" + broken + made.pem + broken[:80])
    (folder / "broken.crt").write_bytes(broken)
    return made


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


def renewed_between(first: float, second: float) -> Chain:
    """A leaf by an authority that was renewed; both of its certificates are sent."""

    def chain(root: Signed) -> Sequence[Signed]:
        middle = signed(Wish("Middle", (), last_day=first, extensions=pki.authority()), root)
        return [signed(Wish(), middle), middle, pki.renewed(middle, int(second), root)]

    return chain


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
        "wildcard-below-top", leaf(names=["*.lan"]), tls_config={"server_name": "shop.lan"}
    )
    yield from shown("middle-renewed", renewed_between(10, 20))
    yield from shown("middle-renewed-before", renewed_between(20, 10))
    yield from shown("address-mapped", leaf(names=["::ffff:127.0.0.1"]), BY_ADDRESS)
    yield from shown("name-nobody-asks-for", GOOD, tls_config={"server_name": ".shop.example"})
    yield from shown(
        "wildcard-inner", leaf(names=["a.*.example"]), tls_config={"server_name": "a.b.example"}
    )
    yield from shown("name-with-dot", leaf(names=["localhost"]), "https://localhost.:{port}")
    for file in ("mixed", "broken"):
        trust = {"ca_file": f"{{folder}}/{file}.crt"}
        yield Behaviour(f"https-bundle-{file}", secure(closes(PAGE)), by_tls(tls_config=trust))
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
    yield Behaviour(
        "https-server-name-bracketed",
        secure(closes(PAGE), leaf(names=["::1"])),
        by_tls(tls_config={"server_name": "[::1]"}),
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


BEHAVIOURS = [
    behaviour for kind in (_certificates, _subjects, _chains, _names) for behaviour in kind()
]
