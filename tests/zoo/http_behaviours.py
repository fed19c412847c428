"""What can answer by HTTP/1: status lines, heads and bodies, in order and out of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from servers import (
    LOOPBACK,
    Handler,
    black_hole,
    closes,
    dead_port,
    drips,
    floods,
    hangs,
    resets,
    says,
    serving,
)
from zoo.behaviours import Behaviour, Ground, Serve

SOON = "700ms"  # a timeout, for those that wait for it
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def http(**settings: Any) -> dict[str, Any]:
    """A module that asks by HTTP; `timeout` is the module's own."""
    timeout = settings.pop("timeout", None)
    module = {"prober": "http", "http": settings}
    return module | ({"timeout": timeout} if timeout else {})


def at(handler: Handler, target: str = "{url}", host: str = LOOPBACK) -> Serve:
    """Serve it on a free port; the target may hold {url}, {host} and {port}."""

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        with serving(handler, None, host) as server:
            yield target.format(url=server.url, port=server.port, host=server.host)

    return serve


def page(*headers: str, body: bytes = b"hello", status: str = "200 OK") -> bytes:
    """A whole answer with these headers and its right length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def head(*lines: str, body: bytes = b"hello") -> bytes:
    """An answer of exactly these lines, and then the body."""
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*chunks: bytes, headers: tuple[str, ...] = ()) -> bytes:
    """An answer with these raw bytes behind a head that announces chunks."""
    return head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *headers, body=b"".join(chunks))


def once(name: str, data: bytes, **settings: Any) -> Behaviour:
    """Answer with these bytes and close."""
    return Behaviour(name, at(closes(data)), http(**settings))


def stays(name: str, data: bytes, **settings: Any) -> Behaviour:
    """Answer with these bytes, and keep the connection open."""
    return Behaviour(name, at(hangs(data)), http(**{"timeout": SOON, **settings}))


def _statuses() -> Iterator[Behaviour]:
    for code in (
        100,
        199,
        200,
        201,
        204,
        206,
        299,
        300,
        304,
        305,
        400,
        401,
        404,
        418,
        500,
        503,
        599,
    ):
        yield once(f"status-{code}", page(status=f"{code} Said"))
    for odd in ("000", "099", "600", "999", "20", "2000", "2x0", "+20", "-20", ""):
        yield once(f"status-odd-{odd or 'none'}", page(status=f"{odd} Said"))
    yield once("status-without-reason", page(status="200"))
    yield once("status-without-reason-but-space", page(status="200 "))
    yield once("status-after-two-spaces", page(status=" 200 OK"))
    yield once("status-after-a-tab", b"HTTP/1.1\t200 OK\r\n\r\n")
    yield once("status-valid-listed", page(status="404 No"), valid_status_codes=[200, 404])
    yield once("status-valid-not-listed", page(), valid_status_codes=[201, 404])
    yield once("status-valid-redirect-unlisted", page(status="302 Go"), valid_status_codes=[302])


def _versions() -> Iterator[Behaviour]:
    for proto in (
        "HTTP/1.0", "HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/2.0", "HTTP/3.0", "HTTP/2", "HTTP/1",
        "http/1.1", "HTTP/1.10", "HTTP/11", "HTTP/a.b", "HTTPS/1.1", "ICY", "HTTP/1,1",
    ):  # fmt: skip
        yield once(f"version-{proto.replace('/', '-')}", head(f"{proto} 200 OK", "A: b"))
    yield once("version-valid", PAGE, valid_http_versions=["HTTP/1.1", "HTTP/2.0"])
    yield once("version-not-valid", PAGE, valid_http_versions=["HTTP/2.0"])
    yield once(
        "version-1.0-not-valid", head("HTTP/1.0 200 OK", "A: b"), valid_http_versions=["HTTP/1.1"]
    )
    yield once(
        "version-2.0-in-plain-valid",
        head("HTTP/2.0 200 OK", "A: b"),
        valid_http_versions=["HTTP/2.0"],
    )
    yield once("version-0.9-body-only", b"<html>hello</html>")
    yield once("version-0.9-with-space", b"hello world")


def _heads() -> Iterator[Behaviour]:
    yield once("head-bare-lf", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello")
    yield once("head-mixed-ends", b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello")
    yield once("head-cr-only", b"HTTP/1.1 200 OK\rContent-Length: 5\r\rhello")
    yield once(
        "head-folded",
        page("X-Long: one", " two", "\tthree"),
        fail_if_header_not_matches=[{"header": "x-long", "regexp": "^one two three$"}],
    )
    yield once("head-folded-length", head("HTTP/1.1 200 OK", "Content-Length:", " 5"))
    yield once("head-folded-first", head("HTTP/1.1 200 OK", " folded: yes", "Content-Length: 5"))
    yield once(
        "head-folded-blank",
        page("X-Long: one", "  "),
        fail_if_header_not_matches=[{"header": "x-long", "regexp": "^one $"}],
    )
    yield once("head-no-colon", page("Nonsense"))
    yield once("head-no-colon-last", head("HTTP/1.1 200 OK", "A: b", "Nonsense"))
    yield once("head-space-before-colon", head("HTTP/1.1 200 OK", "Content-Length : 5"))
    yield once(
        "head-space-before-colon-matched",
        page("X-Odd : 1"),
        fail_if_header_not_matches=[{"header": "X-Odd", "regexp": "1"}],
    )
    yield once("head-empty-name", page(": nothing"))
    yield once(
        "head-empty-value",
        page("X-None:"),
        fail_if_header_matches=[{"header": "X-None", "regexp": "^$"}],
    )
    yield once("head-name-with-space", page("X Odd: 1"))
    yield once("head-name-not-ascii", page("X-Ä: 1"))
    yield once("head-nul-in-value", page("X-Nul: a\0b"))
    yield once("head-nul-in-name", page("X-\0: b"))
    yield once("head-bell-in-value", page("X-Bell: a\ab"))
    yield once(
        "head-value-not-utf8",
        b"HTTP/1.1 200 OK\r\nX-Latin: \xe9\xff\r\nContent-Length: 0\r\n\r\n",
        fail_if_header_not_matches=[{"header": "X-Latin", "regexp": "."}],
    )
    yield once("head-only-status", b"HTTP/1.1 200 OK\r\n\r\n")
    yield once("head-never-ends", b"HTTP/1.1 200 OK\r\nA: b\r\n")
    yield once("head-cut-in-name", b"HTTP/1.1 200 OK\r\nConte")
    yield once("head-cut-in-status", b"HTTP/1.1 20")
    yield once("head-leading-blank-line", b"\r\n" + PAGE)
    yield once("head-leading-space", b" " + PAGE)
    yield once("head-many", page(*(f"X-{n}: {n}" for n in range(2000))))
    yield once("head-line-of-90-kB", page("X-Long: " + "x" * 90_000))
    yield once("head-line-of-400-kB", page("X-Long: " + "x" * 400_000))
    yield once("head-of-11-MB", page(*(f"X-{n}: {'x' * 100_000}" for n in range(110))))
    yield Behaviour(
        "head-endless", at(drips(b"HTTP/1.1 200 OK\r\n", 0.05, b"X: y\r\n")), http(timeout=SOON)
    )
    yield Behaviour(
        "head-flood",
        at(floods(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 60_000 + b"\r\n")),
        http(timeout="5s"),
    )
    yield once("garbage", b"\x00\xff\x13garbage\r\n\r\n")
    yield once("garbage-binary", bytes(range(256)) * 20)
    yield once("garbage-ssh", b"SSH-2.0-OpenSSH_9.2\r\n")
    yield once("garbage-tls-alert", b"\x15\x03\x01\x00\x02\x02\x46")
    yield stays("garbage-and-stays", b"220 mail ESMTP\r\n")


def _interim() -> Iterator[Behaviour]:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    going = b"HTTP/1.1 100 Continue\r\n\r\n"
    yield once("interim-100", going + PAGE)
    yield once("interim-103", early + PAGE)
    yield once("interim-five", early * 5 + PAGE)
    yield once("interim-six", early * 6 + PAGE)
    yield once("interim-only", early)
    yield Behaviour("interim-flood", at(floods(b"", going)), http(timeout=SOON))
    yield once("interim-101", b"HTTP/1.1 101 Switching\r\n\r\nhello")
    yield once(
        "interim-101-upgrade",
        b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello",
        valid_status_codes=[101],
    )
    yield once(
        "interim-101-valid",
        b"HTTP/1.1 101 Switching\r\nContent-Length: 5\r\n\r\nhello",
        valid_status_codes=[101],
    )
    yield once(
        "interim-100-with-length", b"HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\n" + PAGE
    )
    yield once("interim-102-garbage", b"HTTP/1.1 102 Wait\r\nNonsense\r\n\r\n" + PAGE)


def _lengths() -> Iterator[Behaviour]:
    def told(*lengths: str, body: bytes = b"hello", status: str = "200 OK") -> bytes:
        return head(f"HTTP/1.1 {status}", *(f"Content-Length: {n}" for n in lengths), body=body)

    yield once("length-none", head("HTTP/1.1 200 OK", "A: b"))
    yield stays("length-none-and-stays", head("HTTP/1.1 200 OK", "A: b"))
    yield stays("length-right-and-stays", told("5"))
    yield once("length-zero", told("0", body=b""))
    yield once("length-zero-with-body", told("0"))
    yield once("length-too-long", told("50"))
    yield stays("length-too-long-and-stays", told("50"))
    yield once("length-too-short", told("2"))
    yield once("length-too-short-regex", told("2"), fail_if_body_not_matches_regexp=["^he$"])
    yield once("length-twice-same", told("5", "5"))
    yield once("length-twice-other", told("5", "6"))
    yield once("length-twice-padded", told("5", " 5 "))
    yield once("length-list", told("5, 5"))
    for text in (
        "-1",
        "+5",
        "5.0",
        "0x5",
        "five",
        "",
        " ",
        "5 5",
        "05",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999",
        "5;",
        "\u0665",
    ):
        yield once(f"length-odd-{text.strip() or repr(text)}", told(text))
    yield once("length-lower-case", head("HTTP/1.1 200 OK", "content-length: 5"))
    yield once("length-204", told("5", status="204 None"))
    yield once("length-304", told("5", status="304 Same"))
    yield once("length-204-none", head("HTTP/1.1 204 None", "A: b"))
    yield stays("length-204-and-stays", told("5", status="204 None", body=b""))
    yield once(
        "length-204-chunked",
        head("HTTP/1.1 204 None", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    )
    yield once("length-odd-with-204", told("x", status="204 None"))
    yield once("length-two-with-304", told("5", "6", status="304 Same"))
    yield once("head-method", told("5", body=b""), method="HEAD")
    yield stays("head-method-and-stays", told("5000", body=b""), method="HEAD")
    yield once("head-method-with-body", told("5"), method="HEAD")
    yield once(
        "head-method-without-length", head("HTTP/1.1 200 OK", "A: b", body=b""), method="HEAD"
    )
    yield once(
        "head-method-chunked",
        head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", body=b""),
        method="HEAD",
    )
    yield once("head-method-odd-length", told("x", body=b""), method="HEAD")
    yield once("head-method-404", told("5", body=b"", status="404 No"), method="HEAD")
    yield once(
        "body-of-3-MB",
        told(str(3 << 20), body=b"x" * (3 << 20)),
        fail_if_body_not_matches_regexp=["x{50}$"],
    )
    yield once("body-without-end-of-1.0", b"HTTP/1.0 200 OK\r\n\r\nhello")


def _chunks() -> Iterator[Behaviour]:
    five, last = b"5\r\nhello\r\n", b"0\r\n\r\n"
    yield once("chunks", chunked(five, five, last))
    yield stays("chunks-and-stays", chunked(five, last))
    yield once("chunks-none", chunked(last))
    yield once("chunks-extended", chunked(b'5;a="b"\r\nhello\r\n', last))
    yield once("chunks-spaced", chunked(b"5  \r\nhello\r\n", last))
    yield once("chunks-space-first", chunked(b" 5\r\nhello\r\n", last))
    yield once("chunks-upper-hex", chunked(b"A\r\nhellohello\r\n", last))
    yield once("chunks-leading-zeros", chunked(b"0005\r\nhello\r\n", last))
    yield once("chunks-bare-lf", chunked(b"5\nhello\r\n", last))
    yield once("chunks-bare-lf-all", chunked(b"5\nhello\n0\n\n"))
    yield once("chunks-end-missing", chunked(five))
    yield once("chunks-cut", chunked(b"5\r\nhel"))
    yield once("chunks-cut-in-size", chunked(five, b"5"))
    yield once("chunks-cut-after-zero", chunked(five, b"0\r\n"))
    yield once(
        "chunks-cut-after-zero-regex",
        chunked(five, b"0\r\n"),
        fail_if_body_not_matches_regexp=["hello"],
    )
    yield once("chunks-bad-size", chunked(five, b"xyz\r\nhello\r\n", last))
    yield once("chunks-negative-size", chunked(b"-5\r\nhello\r\n", last))
    yield once("chunks-empty-size", chunked(five, b"\r\nhello\r\n"))
    yield once("chunks-prefixed-size", chunked(b"0x5\r\nhello\r\n", last))
    yield once("chunks-huge-size", chunked(b"fffffffffffffffff\r\nhello\r\n", last))
    yield once("chunks-largest-size", chunked(b"ffffffffffffffff\r\nhello\r\n", last))
    yield once("chunks-too-short", chunked(b"3\r\nhello\r\n", last))
    yield once("chunks-too-long", chunked(b"9\r\nhello\r\n", last))
    yield once("chunks-line-too-long", chunked(b"5;" + b"x" * 5000 + b"\r\nhello\r\n", last))
    yield once("chunks-trailer", chunked(five, b"0\r\nX-Sum: 1\r\n\r\n"))
    yield once(
        "chunks-trailer-announced",
        chunked(five, b"0\r\nX-Sum: 1\r\n\r\n", headers=("Trailer: X-Sum",)),
    )
    yield once(
        "chunks-trailer-forbidden", chunked(five, last, headers=("Trailer: Content-Length",))
    )
    yield once("chunks-trailer-bare-end", chunked(five, b"0\r\nX-Sum: 1\r\n\n"))
    yield once("chunks-trailer-garbage", chunked(five, b"0\r\ngarbage\r\n\r\n"))
    yield once("chunks-trailer-cut", chunked(five, b"0\r\nX-Sum: 1\r\n"))
    yield once("chunks-trailer-long", chunked(five, b"0\r\nX-Sum: " + b"1" * 6000 + b"\r\n\r\n"))
    yield once("chunks-with-length", chunked(five, last, headers=("Content-Length: 3",)))
    yield once("chunks-with-odd-length", chunked(five, last, headers=("Content-Length: x",)))
    yield once(
        "chunks-by-1.0", head("HTTP/1.0 200 OK", "Transfer-Encoding: chunked", body=five + last)
    )
    for coding in ("identity", "gzip, chunked", "Chunked", " chunked ", "chunked, chunked", "x"):
        yield once(
            f"coding-{coding.strip().replace(', ', '-')}{'-padded' if ' c' in coding[:2] else ''}",
            head("HTTP/1.1 200 OK", f"Transfer-Encoding: {coding}", body=five + last),
        )
    yield once(
        "coding-twice",
        head(
            "HTTP/1.1 200 OK",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: chunked",
            body=five + last,
        ),
    )
    yield once(
        "coding-hidden",
        chunked(five, last),
        fail_if_header_not_matches=[{"header": "Transfer-Encoding", "regexp": "chunked"}],
    )


def _breaks() -> Iterator[Behaviour]:
    yield Behaviour("refused", _refused, http())
    yield Behaviour("black-hole", _black_hole, http(timeout=SOON))
    yield Behaviour("hangs", at(hangs()), http(timeout=SOON))
    yield Behaviour("hangs-in-head", at(hangs(b"HTTP/1.1 200 OK\r\n")), http(timeout=SOON))
    yield Behaviour("hangs-in-body", at(hangs(PAGE[:-3])), http(timeout=SOON))
    yield Behaviour(
        "hangs-in-redirect",
        at(hangs(head("HTTP/1.1 302 Go", "Location: /", "Content-Length: 9"))),
        http(timeout=SOON),
    )
    yield Behaviour("closes", at(closes()), http())
    yield Behaviour("resets-at-once", at(resets(at_once=True)), http())
    yield Behaviour("resets", at(resets()), http())
    yield Behaviour("resets-in-head", at(resets(b"HTTP/1.1 200 OK\r\n")), http())
    yield Behaviour("resets-in-body", at(resets(PAGE[:-3])), http())
    yield Behaviour("resets-in-endless-body", at(resets(b"HTTP/1.1 200 OK\r\n\r\nhello")), http())
    yield Behaviour("resets-in-chunks", at(resets(chunked(b"5\r\nhello\r\n"))), http())
    yield Behaviour("resets-after-all", at(resets(PAGE)), http())
    yield Behaviour("slow-answer", at(says(PAGE, 0.2)), http(timeout="3s"))


@contextmanager
def _refused(ground: Ground) -> Iterator[str]:
    with dead_port() as port:
        yield f"http://{LOOPBACK}:{port}"


def _black_hole(ground: Ground) -> AbstractContextManager[str]:
    return black_hole()


BEHAVIOURS = [
    behaviour
    for kind in (
        _statuses, _versions, _heads, _interim, _lengths, _chunks, _breaks,
    )
    for behaviour in kind()
]  # fmt: skip
