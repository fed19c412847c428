"""What TLS can make of HTTPS: versions, ciphers, clients' certificates, breaks, redirects."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from servers import Handler, closes, hangs, resets, serving
from zoo import pki
from zoo.behaviours import Behaviour, Ground, Serve
from zoo.http_behaviours import PAGE, SOON, at, http, page
from zoo.https_behaviours import (
    GOOD,
    ISSUING,
    NAMED,
    by_tls,
    context_of,
    leaf,
    root_of,
    secure,
)
from zoo.pki import Wish, signed
from zoo.redirect_behaviours import answering, moved

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


@cache
def visitors_of(folder: Path) -> None:
    """Make certificates of clients: one by the root, one by itself."""
    pki.written(folder, "visitor", signed(Wish("visitor"), root_of(folder)))
    pki.written(folder, "stranger", signed(Wish("stranger")))


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
    for most in ("TLS11", "TLS12", "TLS13"):
        for name in ("1.2", "1.3"):
            yield Behaviour(
                f"https-version-{name}-most-{most}",
                secure(closes(PAGE), prepare=only(versions[name])),
                by_tls(tls_config={"max_version": most}),
            )
    yield Behaviour(
        "https-version-most-below-least",
        secure(closes(PAGE)),
        by_tls(tls_config={"min_version": "TLS13", "max_version": "TLS12"}),
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
    behaviour for kind in (_versions, _clients, _breaks, _redirects) for behaviour in kind()
]
