from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.probes.snippet import LIMIT, snippet


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", ""),
        (b'{"status":"ok"}', '{"status":"ok"}'),
        ("señal ☃ 雪".encode(), "señal ☃ 雪"),
        (b"one\ntwo\ttabs\r\n", r"one\ntwo\ttabs\r\n"),
        (b"\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\u202eevil\u200b\u2028".encode(), r"\u202eevil\u200b\u2028"),
        ("a\u00a0b\u00adc".encode(), r"a\xa0b\xadc"),
        (b"\xff\xfeab", "\ufffd\ufffdab"),
        (b"a\x00b", r"a\x00b"),
    ],
)
def test_a_body_becomes_one_printable_line(body: bytes, line: str) -> None:
    assert snippet(body) == line


@given(st.binary(max_size=600) | st.text(max_size=200).map(str.encode))
def test_any_body_gives_a_short_printable_text(body: bytes) -> None:
    line = snippet(body)

    assert len(line) <= LIMIT
    assert line.isprintable()


@given(st.text(min_size=LIMIT, max_size=3 * LIMIT))
def test_text_is_only_ever_cut_at_its_end(text: str) -> None:
    whole = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)

    assert whole.startswith(snippet(text.encode()))


@given(st.integers(0, LIMIT), st.sampled_from("\n\x1b\x80\u202e\U000e0001"))
def test_an_escape_is_never_cut_in_half(padding: int, character: str) -> None:
    escape = character.encode("unicode_escape").decode()

    line = snippet(("a" * padding + character * 50).encode())

    assert set(line.replace(escape, "")) <= {"a"}


@pytest.mark.parametrize("character", ["ñ", "雪", "🦑"])
def test_a_long_body_of_wide_characters_is_not_damaged_by_the_cut(character: str) -> None:
    assert snippet(b"a" + (character * 500).encode()) == "a" + character * (LIMIT - 1)
