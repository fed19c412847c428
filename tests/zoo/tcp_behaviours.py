"""What can stand behind a TCP port: words, silence, or nothing at all."""

from __future__ import annotations

from zoo.behaviours import Behaviour
from zoo.speaking import (
    BANNER,
    READY,
    SOON,
    at,
    closes,
    echo,
    expect,
    refused,
    replies,
    resets,
    says,
    send,
    stays,
    target,
    tcp,
)

LONGEST = 65_535  # of a line, as blackbox_exporter reads them

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
    "empty-pattern": (at(says(b"any\n")), tcp(expect(""))),
    "empty-pattern-waits": (at(stays), tcp(expect(""), timeout=SOON)),
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

BEHAVIOURS = [
    Behaviour(f"tcp-{name}", serve, module)
    for table in (CONNECTING, TARGETS, READING, TALKING)
    for name, (serve, module) in table.items()
]
