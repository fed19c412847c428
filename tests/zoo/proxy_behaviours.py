"""What can stand between: proxies that pass on, refuse, want a password, or break."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from servers import Handler, closes, read_request, resets, serving
from zoo.behaviours import PORT, Behaviour, Ground, own_host
from zoo.http_behaviours import PAGE, SOON, http, page
from zoo.https_behaviours import GOOD, ISSUING, ROOT, Chain, context_of, leaf, root_of, secure
from zoo.redirect_behaviours import answering, moved
from zoo.request_behaviours import has

NOBODY = 1  # a port of loopback where nobody listens

TARGET = f"http://127.0.0.1:{NOBODY}/a"


def proxied(
    name: str,
    proxy: Handler,
    target: str = TARGET,
    userinfo: str = "",
    chain: Chain | None = None,
    **settings: Any,
) -> Behaviour:
    """A proxy at an address of its own, which the module names; by TLS where it has a chain."""
    host = own_host()

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        with ISSUING:
            root_of(ground.folder)  # the module names its file
            tls = context_of(ground.folder, f"proxy-{name}", chain) if chain else None
        with ExitStack() as stack:
            stack.enter_context(serving(proxy, tls, host, PORT))
            yield stack.enter_context(secure(closes(PAGE))(ground)) if target == "tls" else target

    url = f"http{'s' if chain else ''}://{userinfo}{host}:{PORT}"
    module = {"proxy_url": url, "preferred_ip_protocol": "ip4", "tls_config": ROOT, **settings}
    return Behaviour(f"proxy-{name}", serve, http(**{"timeout": "4s", **module}))


def wants(condition: Callable[[bytes], bool]) -> Handler:
    """A proxy that answers by itself, 200 to what it wants to see."""
    return answering(lambda asked: page(status="200 OK" if condition(asked) else "400 No"))


def tunnels(
    condition: Callable[[bytes], bool] = bool, head: bytes = b"HTTP/1.1 200 OK\r\n\r\n"
) -> Handler:
    """A proxy that connects as it is told, where it is told as it likes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await read_request(reader)
        if not condition(asked):
            writer.write(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = asked.split(b" ")[1].decode().rpartition(":")
        there_reader, there_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.write(head)
        await asyncio.gather(_copied(reader, there_writer), _copied(there_reader, writer))

    return handler


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


def _plain() -> Iterator[Behaviour]:
    def starts(line: str) -> Callable[[bytes], bool]:
        return lambda asked: asked.startswith(line.encode())

    yield proxied("absolute", wants(starts(f"GET http://127.0.0.1:{NOBODY}/a HTTP/1.1\r\n")))
    yield proxied(
        "absolute-name",
        wants(starts(f"GET http://localhost:{NOBODY}/a HTTP/1.1\r\n")),
        f"http://localhost:{NOBODY}/a",
    )
    yield proxied(
        "absolute-host-header",
        wants(starts("GET http://shop.example/a HTTP/1.1\r\n")),
        headers={"Host": "shop.example"},
    )
    yield proxied(
        "unresolved",
        wants(has(b"Host: nowhere.invalid")),
        "http://nowhere.invalid/",
        skip_resolve_phase_with_proxy=True,
    )
    yield proxied("resolved", wants(bool), "http://nowhere.invalid/")
    yield proxied("password", wants(has(b"Proxy-Authorization: Basic dTpw")), userinfo="u:p@")
    yield proxied("no-password", wants(lambda asked: b"Proxy-" not in asked))
    yield proxied("refuses", answering(lambda asked: page(status="407 Who")))
    yield proxied("closes", closes())
    yield proxied("resets", resets())
    yield proxied(
        "redirects", answering(lambda asked: page() if b"/there" in asked else moved("/there"))
    )
    yield proxied(
        "redirects-away",
        answering(
            lambda asked: (
                page() if b"127.0.0.2" in asked.split(b"\r\n")[0] else moved("http://127.0.0.2/")
            )
        ),
    )
    yield Behaviour(
        "proxy-dead", lambda ground: _at(TARGET), http(proxy_url="http://127.0.0.1:1", timeout="3s")
    )
    yield Behaviour(
        "proxy-unknown",
        lambda ground: _at(TARGET),
        http(proxy_url="http://nowhere.invalid:1", timeout="3s"),
    )


def _tunnelled() -> Iterator[Behaviour]:
    yield proxied("tunnel", tunnels(), "tls")
    yield proxied("tunnel-1.0", tunnels(head=b"HTTP/1.0 200 Fine\r\nVia: me\r\n\r\n"), "tls")
    yield proxied("tunnel-201", tunnels(head=b"HTTP/1.1 201 Made\r\n\r\n"), "tls")
    yield proxied("tunnel-host", tunnels(lambda asked: b"\r\nHost: 127.0.0.1:" in asked), "tls")
    yield proxied(
        "tunnel-password", tunnels(has(b"Proxy-Authorization: Basic dTpw")), "tls", "u:p@"
    )
    for name, wanted, given in (
        ("one", b"X-P: 1", {"X-P": ["1"]}),
        ("two", b"X-P: 1\r\nX-P: 2", {"X-P": ["1", "2"]}),
        ("agent", b"User-Agent: me", {"User-Agent": ["me"]}),
    ):
        sees = tunnels(has(*wanted.split(b"\r\n")))
        yield proxied(f"tunnel-header-{name}", sees, "tls", proxy_connect_header=given)
    yield proxied(
        "tunnel-header-and-password",
        tunnels(has(b"Proxy-Authorization: Basic dTpw")),
        "tls",
        "u:p@",
        proxy_connect_header={"Proxy-Authorization": ["mine"]},
    )
    yield proxied(
        "header-for-tunnels-only",
        wants(lambda asked: b"X-P" not in asked),
        proxy_connect_header={"X-P": ["1"]},
    )
    yield proxied(
        "tunnel-interim", tunnels(head=b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), "tls"
    )
    yield proxied("tunnel-refused", tunnels(lambda asked: False), "tls")
    yield proxied("tunnel-garbage", tunnels(head=b"garbage\r\n\r\n"), "tls")
    yield proxied("tunnel-closes", closes(), "tls")
    yield proxied("tunnel-hangs", tunnels(head=b""), "tls", timeout=SOON)
    yield proxied(
        "tunnel-unresolved",
        tunnels(lambda asked: b"CONNECT localhost:" in asked),
        "tls",
        skip_resolve_phase_with_proxy=True,
    )


def _by_tls() -> Iterator[Behaviour]:
    """The proxy proves to be the target; behind a redirect to elsewhere, itself."""
    others, name = leaf(names=["other.example"]), f"http://localhost:{NOBODY}/a"
    passed = has(b"Proxy-Authorization: Basic dTpw")
    yield proxied("by-tls", wants(passed), name, "u:p@", GOOD)
    yield proxied("by-tls-counts-as-tls", wants(bool), name, chain=GOOD, fail_if_ssl=True)
    yield proxied("by-tls-of-others", wants(bool), name, chain=others)
    yield proxied(
        "by-tls-named", wants(bool), name, chain=others,
        tls_config=ROOT | {"server_name": "other.example"},
    )  # fmt: skip
    yield proxied("by-tls-unknown", wants(bool), name, chain=GOOD, tls_config={})
    yield proxied(
        "by-tls-redirects-away",
        answering(
            lambda asked: (
                page() if b"127.0.0.2" in asked.split(b"\r\n")[0] else moved("http://127.0.0.2/")
            )
        ),
        name,
        chain=GOOD,
    )
    yield proxied("by-tls-tunnel", tunnels(passed), "tls", "u:p@", GOOD)
    yield proxied("by-tls-tunnel-refused", tunnels(lambda asked: False), "tls", chain=GOOD)
    yield proxied("by-tls-tunnel-of-others", tunnels(), "tls", chain=others)


def _by_socks() -> Iterator[Behaviour]:
    for name, methods, reply in (
        ("fine", b"\5\0", b"\5\0\0\1\x7f\0\0\1\0\0"),
        ("named", b"\5\0", b"\5\0\0\3\4host\0\0"),
        ("refused", b"\5\0", b"\5\5\0\1\0\0\0\0\0\0"),
        ("closed-to-strangers", b"\5\xff", b""),
        ("of-version-4", b"\4\0", b""),
        ("cut", b"\5\0", b"\5\0\0"),
    ):
        yield socks(name, _socks(methods, reply))
    yield socks("with-password", _socks(b"\5\2", b"\5\0\0\1\0\0\0\0\0\0", b"\1\1u\1p"), "u:p@")
    yield socks("with-wrong-password", _socks(b"\5\2", b"", b"\1\1u\1x"), "u:p@")


def socks(name: str, proxy: Handler, userinfo: str = "") -> Behaviour:
    """A proxy of another kind, at an address of its own."""
    host = own_host()

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        with serving(proxy, host=host, port=PORT):
            yield TARGET

    url = f"socks5://{userinfo}{host}:{PORT}"
    return Behaviour(f"proxy-socks-{name}", serve, http(proxy_url=url, timeout="2s"))


def _socks(methods: bytes, reply: bytes, password: bytes = b"") -> Handler:
    """A proxy that says this, and answers itself what is then asked for."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(2))[1])
        writer.write(methods)
        if password:
            fits = await reader.readexactly(len(password)) == password
            writer.write(b"\1\0" if fits else b"\1\1")
        await reader.readexactly(10)
        writer.write(reply)
        asked = await read_request(reader)
        writer.write(page(status="200 OK" if asked.startswith(b"GET /a HTTP/1.1") else "400 No"))

    return handler


@contextmanager
def _at(target: str) -> Iterator[str]:
    yield target


BEHAVIOURS = [*_plain(), *_tunnelled(), *_by_tls(), *_by_socks()]
