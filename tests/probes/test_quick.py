"""httptools and the reader of our own must understand the same of every answer that both take."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from prober.probes.parsing import Answer
from prober.probes.quick import Quick

LIMIT = 65_536

LINES = [
    b"Server: nginx\r\n",
    b"Content-Length: 3\r\n",
    b"content-length:3\r\n",
    b"Content-Length: 3, 3\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Connection: keep-alive\r\n",
    b"Connection: close\r\n",
    b"Upgrade: h2c\r\n",
    b" folded\r\n",
    b"odd\r\n",
    b"A: \0\r\n",
    b"A : b\n",
    b"\xff: \xff\r\n",
]
STARTS = [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 No\r\n", b"HTTP/1.1 204 No\r\n", b"HTTP/1.0 200\n"]
ENDS = [b"\r\n", b"\n", b"\r\r\n", b""]
BODIES = [b"", b"abc", b"abcd", b"abc\r\n", b"3\r\nabc\r\n0\r\n\r\n", b"0\r\n\r\n", b"\r\n"]

ODD = st.builds(
    lambda start, lines, end, body: start + b"".join(lines) + end + body,
    st.sampled_from(STARTS),
    st.lists(st.sampled_from(LINES), max_size=4),
    st.sampled_from(ENDS),
    st.sampled_from(BODIES),
)


@settings(max_examples=1500, deadline=None)
@given(ODD)
def test_what_is_taken_at_once_is_what_the_strict_reader_finds(data: bytes) -> None:
    quick = Quick().read(data, LIMIT)
    if quick is not None:
        answer = Answer(is_bodiless=False, follows=True, body_limit=LIMIT)
        answer.feed(data)

        assert (answer.whole, answer.keeps, answer.cut) == (True, True, False)
        assert (answer.code, answer.body()) == quick


def test_a_common_answer_is_taken_at_once_and_so_is_the_next() -> None:
    quick = Quick()
    data = STARTS[0] + b"Content-Length: 3\r\nConnection: keep-alive\r\n\r\nabc"

    assert [quick.read(data, LIMIT) for _ in range(3)] == [(200, b"abc")] * 3


def test_a_body_beyond_its_limit_is_declined() -> None:
    assert Quick().read(STARTS[0] + b"Content-Length: 3\r\n\r\nabc", 2) is None
