"""Where an answer can send a client: on, back, round in circles, to nothing and to nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from servers import Handler, path_of, read_request, response, serving
from zoo.behaviours import Behaviour, Ground
from zoo.http_behaviours import at, head, http, once, page

Answering = Callable[[bytes], bytes]


def answering(answer: Answering) -> Handler:
    """Answer each connection's first request by what it says, and close."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await read_request(reader)))

    return handler


def moved(to: str, status: str = "302 Found", *headers: str) -> bytes:
    """A redirect."""
    return page(f"Location: {to}", *headers, status=status, body=b"moved")


def by_path(answers: Mapping[str, bytes]) -> Handler:
    """Answer by the path of the request, and close."""
    return answering(lambda asked: answers.get(path_of(asked), response(404, b"no such page")))


def leads(name: str, to: str, target: str = "{url}", **settings: Any) -> Behaviour:
    """One redirect to a place where "/there" is a page."""
    there = page(body=b"you are there")
    handler = answering(lambda asked: there if b"there" in path_of(asked).encode() else moved(to))
    return Behaviour(f"redirect-{name}", at(handler, target), http(**settings))


def telling(
    name: str, status: str, condition: Callable[[bytes], bool], **settings: Any
) -> Behaviour:
    """A redirect whose second request is well only where it fulfils a condition."""

    def answer(asked: bytes) -> bytes:
        if path_of(asked) == "/":
            return moved("/there", status, "Set-Cookie: id=1; Path=/")
        return page(status="200 OK" if condition(asked) else "400 No", body=asked.split(b" ")[0])

    return Behaviour(f"redirect-{name}", at(answering(answer)), http(**settings))


def _lower(asked: bytes) -> bytes:
    return asked.lower()


def _places() -> Iterator[Behaviour]:
    for name, to in {
        "absolute-path": "/there",
        "relative": "there",
        "relative-dots": "../../a/./b/../there",
        "query-only": "?there",
        "dots-and-nothing": "..//./there",
        "fragment": "/there#part",
        "fragment-only": "#part",
        "empty": "",
        "space-only": " ",
        "space-inside": "/there and back",
        "not-ascii": "/there/\u00e4",
        "escaped": "/there%20and",
        "bad-escape": "/there%zz",
        "control": "/there\x01",
        "protocol-relative-nowhere": "//127.0.0.1:1/there",
        "dead": "http://127.0.0.1:1/there",
        "port-garbage": "http://127.0.0.1:http/there",
        "port-too-large": "http://127.0.0.1:99999/there",
        "no-host": "http:///there",
        "no-slashes": "http:there",
        "bracket": "http://[::1/there",
        "host-with-space": "http://a b/there",
        "unknown-host": "http://nowhere.invalid/there",
        "ftp": "ftp://127.0.0.1/there",
        "mailto": "mailto:me@example.com",
        "javascript": "javascript:alert(1)",
        "file": "file:///etc/passwd",
        "scheme-only": "https:",
        "colon-first": ":there",
        "colon-in-first-segment": "a:b/there",
        "star": "*",
    }.items():
        yield leads(name, to, timeout="3s")
    yield leads("relative-to-folder", "there", "{url}/a/b?c=d")
    yield leads("relative-up", "../there", "{url}/a/b/c")
    yield leads("query-of-folder", "?there", "{url}/a/b")
    yield leads("keeps-userinfo", "/there", "http://user:pass@127.0.0.1:{port}/")


def _absolute() -> Iterator[Behaviour]:
    def itself(name: str, form: str, **settings: Any) -> Behaviour:
        def answer(asked: bytes) -> bytes:
            host = next(x for x in asked.split(b"\r\n") if x.lower().startswith(b"host:"))
            port = host.rpartition(b":")[2]
            there = form.format(port=port.decode())
            return page() if path_of(asked) == "/there" else moved(there)

        return Behaviour(f"redirect-{name}", at(answering(answer)), http(**settings))

    yield itself("absolute", "http://127.0.0.1:{port}/there")
    yield itself("absolute-by-name", "http://localhost:{port}/there", preferred_ip_protocol="ip4")
    yield itself("absolute-upper-case", "HTTP://LOCALHOST:{port}/there")
    yield itself("protocol-relative", "//127.0.0.1:{port}/there")
    yield itself("absolute-with-userinfo", "http://me:secret@127.0.0.1:{port}/there")
    yield itself("absolute-ip6-nobody", "http://[::1]:{port}/there")
    yield itself("absolute-other-loopback", "http://127.0.0.2:{port}/there")
    yield itself("plain-to-tls-on-plain-port", "https://127.0.0.1:{port}/there")
    yield itself("not-followed-to-dead", "http://127.0.0.1:1/", follow_redirects=False)


def _codes() -> Iterator[Behaviour]:
    for code in (300, 301, 302, 303, 304, 305, 306, 307, 308):
        yield once(f"redirect-code-{code}-nowhere", page(status=f"{code} Go"))
        handler = by_path({"/": moved("/there", f"{code} Go"), "/there": page()})
        yield Behaviour(f"redirect-code-{code}", at(handler), http())
        yield Behaviour(f"redirect-code-{code}-post", at(handler), http(method="POST", body="a=b"))
        yield Behaviour(f"redirect-code-{code}-valid", at(handler), http(valid_status_codes=[code]))
    for code in (201, 200, 404):
        yield once(f"redirect-location-of-{code}", moved("/there", f"{code} Go"))


def _chains() -> Iterator[Behaviour]:
    def steps(count: int, status: str = "302 Go", **settings: Any) -> Behaviour:
        answers = {f"/{n}": moved(f"/{n + 1}", status) for n in range(count)}
        handler = by_path({**answers, f"/{count}": page()})
        return Behaviour(f"redirect-{count}-steps", at(handler, "{url}/0"), http(**settings))

    for count in (2, 9, 10, 11, 12):
        yield steps(count)
    yield Behaviour("redirect-loop", at(answering(lambda asked: moved("/"))), http())
    yield Behaviour(
        "redirect-loop-valid",
        at(answering(lambda asked: moved("/"))),
        http(valid_status_codes=[302]),
    )
    yield Behaviour(
        "redirect-ping-pong", at(by_path({"/a": moved("/b"), "/b": moved("/a")}), "{url}/a"), http()
    )
    yield Behaviour("redirect-to-404", at(by_path({"/": moved("/none")})), http())
    yield Behaviour(
        "redirect-to-garbage", at(by_path({"/": moved("/x"), "/x": b"garbage\r\n\r\n"})), http()
    )
    yield Behaviour("redirect-to-closing", at(by_path({"/": moved("/x"), "/x": b""})), http())
    yield Behaviour(
        "redirect-to-cut-body",
        at(by_path({"/": moved("/x"), "/x": head("HTTP/1.1 200 OK", "Content-Length: 50")})),
        http(),
    )
    yield Behaviour(
        "redirect-not-followed",
        at(answering(lambda asked: moved("/there"))),
        http(follow_redirects=False),
    )
    yield Behaviour(
        "redirect-not-followed-old",
        at(answering(lambda asked: moved("/there"))),
        http(no_follow_redirects=True),
    )
    yield Behaviour(
        "redirect-not-followed-valid",
        at(answering(lambda asked: moved("/there"))),
        http(follow_redirects=False, valid_status_codes=[302]),
    )
    yield Behaviour(
        "redirect-not-followed-body",
        at(answering(lambda asked: moved("/there"))),
        http(
            follow_redirects=False,
            valid_status_codes=[302],
            fail_if_body_not_matches_regexp=["moved"],
        ),
    )
    yield Behaviour(
        "redirect-not-followed-header",
        at(answering(lambda asked: moved("/there"))),
        http(
            follow_redirects=False,
            valid_status_codes=[302],
            fail_if_header_not_matches=[{"header": "Location", "regexp": "^/there$"}],
        ),
    )
    yield Behaviour(
        "redirect-not-followed-modified",
        at(
            answering(
                lambda asked: moved("/", "302 Go", "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT")
            )
        ),
        http(follow_redirects=False, valid_status_codes=[302]),
    )
    yield Behaviour(
        "redirect-not-followed-200",
        at(answering(lambda asked: page())),
        http(follow_redirects=False),
    )
    yield once("redirect-not-followed-nowhere", page(status="302 Go"), follow_redirects=False)
    yield once("redirect-bodiless", head("HTTP/1.1 302 Go", "Location: /", "Content-Length: 50"))
    yield once(
        "redirect-chunked-badly",
        head(
            "HTTP/1.1 302 Go",
            "Location: http://127.0.0.1:1/",
            "Transfer-Encoding: chunked",
            body=b"zz\r\n",
        ),
    )
    yield once(
        "redirect-endless-body",
        head("HTTP/1.1 302 Go", "Location: http://127.0.0.1:1/", body=b"x" * 100_000),
    )
    yield once(
        "redirect-two-locations",
        page("Location: http://127.0.0.1:1/", "Location: /", status="302 Go"),
    )


def _taken_along() -> Iterator[Behaviour]:
    yield telling("cookie", "302 Go", lambda asked: b"cookie: id=1" in _lower(asked))
    yield telling(
        "cookie-added",
        "302 Go",
        lambda asked: b"cookie: a=b; id=1" in _lower(asked),
        headers={"Cookie": "a=b"},
    )
    yield telling(
        "cookie-replaced",
        "302 Go",
        lambda asked: b"cookie: a=b; id=1" in _lower(asked),
        headers={"Cookie": "id=0; a=b"},
    )
    yield telling("referer", "302 Go", lambda asked: b"referer: http://127.0.0.1" in _lower(asked))
    yield telling(
        "referer-replaced",
        "302 Go",
        lambda asked: b"referer: http://127.0.0.1" in _lower(asked),
        headers={"Referer": "http://me/"},
    )
    yield telling(
        "header", "302 Go", lambda asked: b"x-mine: 1" in _lower(asked), headers={"x-mine": "1"}
    )
    yield telling(
        "host",
        "302 Go",
        lambda asked: b"host: shop.example" in _lower(asked),
        headers={"Host": "shop.example"},
    )
    yield telling(
        "authorization",
        "302 Go",
        lambda asked: b"authorization: basic" in _lower(asked),
        basic_auth={"username": "u", "password": "p"},
    )
    yield telling(
        "bearer",
        "302 Go",
        lambda asked: b"authorization: bearer t" in _lower(asked),
        bearer_token="t",
    )
    for code in (301, 302, 303, 307, 308):
        for method in ("POST", "PUT", "DELETE", "HEAD"):
            yield telling(
                f"method-{method}-{code}", f"{code} Go", lambda asked: True, method=method
            )
        yield telling(
            f"body-{code}",
            f"{code} Go",
            lambda asked: asked.endswith(b"a=b"),
            method="POST",
            body="a=b",
        )
        yield telling(
            f"type-{code}",
            f"{code} Go",
            lambda asked: b"content-type: x" in _lower(asked),
            method="POST",
            body="a=b",
            headers={"Content-Type": "x"},
        )


def _cookies() -> Iterator[Behaviour]:
    def baked(name: str, cookie: str, target: str = "/there", wanted: bytes = b"id=1") -> Behaviour:
        def answer(asked: bytes) -> bytes:
            if path_of(asked) == "/a/b":
                return moved(target, "302 Go", f"Set-Cookie: {cookie}")
            return page(status="200 OK" if wanted in asked else "403 No")

        return Behaviour(f"cookie-{name}", at(answering(answer), "{url}/a/b"), http())

    yield baked("plain", "id=1", "/a/there")
    yield baked("other-path", "id=1", "/there")
    yield baked("root-path", "id=1; Path=/")
    yield baked("own-path", "id=1; Path=/there", "/there/in")
    yield baked("path-prefix-only", "id=1; Path=/the")
    yield baked("expired", "id=1; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT")
    yield baked("expires-later", "id=1; Path=/; Expires=Wed, 21 Oct 2099 07:28:00 GMT")
    yield baked("expires-dashes", "id=1; Path=/; Expires=Wed, 21-Oct-2015 07:28:00 GMT")
    yield baked("expires-garbage", "id=1; Path=/; Expires=soon")
    yield baked("age-zero", "id=1; Path=/; Max-Age=0")
    yield baked("age", "id=1; Path=/; Max-Age=60")
    yield baked(
        "age-over-expires", "id=1; Path=/; Max-Age=60; Expires=Wed, 21 Oct 2015 07:28:00 GMT"
    )
    yield baked("age-garbage", "id=1; Path=/; Max-Age=x")
    yield baked("secure", "id=1; Path=/; Secure")
    yield baked("http-only", "id=1; Path=/; HttpOnly; SameSite=Strict")
    yield baked("domain-other", "id=1; Path=/; Domain=example.com")
    yield baked("domain-address", "id=1; Path=/; Domain=127.0.0.1")
    yield baked("domain-dot-address", "id=1; Path=/; Domain=.127.0.0.1")
    yield baked("quoted", 'id="1"; Path=/', wanted=b"id=1")
    yield baked("with-space", "id=a b; Path=/", wanted=b'id="a b"')
    yield baked("with-comma", "id=a,b; Path=/", wanted=b'id="a,b"')
    yield baked("bad-name", "i d=1; Path=/", wanted=b"Cookie")
    yield baked("bad-value", "id=a\x01b; Path=/", wanted=b"Cookie")
    yield baked("no-value", "id; Path=/", wanted=b"Cookie")
    yield baked("empty-value", "id=; Path=/", wanted=b"Cookie: id=\r\n")


def _between() -> Iterator[Behaviour]:
    def onward(
        name: str, path: str = "/there", host: str = "127.0.0.1", **settings: Any
    ) -> Behaviour:
        def second(asked: bytes) -> bytes:
            told = [b"authorization", b"cookie", b"x-mine", b"referer"]
            return page(body=b"|".join(word for word in told if word in asked.lower()))

        @contextmanager
        def serve(ground: Ground) -> Iterator[str]:
            with ExitStack() as stack:
                there = stack.enter_context(serving(answering(second)))
                first = answering(
                    lambda asked: moved(
                        f"http://{host}:{there.port}{path}", "302 Go", "Set-Cookie: id=1; Path=/"
                    )
                )
                yield stack.enter_context(serving(first)).url

        return Behaviour(f"redirect-onward-{name}", serve, http(**settings))

    yield onward("plain")
    yield onward("by-name", host="localhost", preferred_ip_protocol="ip4")
    yield onward("with-header", headers={"X-Mine": "1"})
    yield onward("with-authorization", headers={"Authorization": "Bearer mine"})
    yield onward("with-cookie", headers={"Cookie": "a=b"})
    yield onward("with-host", headers={"Host": "shop.example"})
    yield onward("with-hostname-by-name", host="localhost")


BEHAVIOURS = [
    behaviour
    for kind in (_places, _absolute, _codes, _chains, _taken_along, _cookies, _between)
    for behaviour in kind()
]
