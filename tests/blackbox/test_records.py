"""DNS answers that no honest server sends."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.blackbox.records import BadAnswer, Reply, read

QUESTION = b"\7example\3com\0\0\1\0\1"
RECORD = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x7f\0\0\1"
OPTIONS = b"\0\0\x29\x04\xd0\1\0\x80\0\0\0"


def packet(*counts: int, body: bytes = b"", flags: int = 0x8180) -> bytes:
    """A packet with this head and body."""
    return struct.pack("!6H", 7, flags, *counts) + body


def test_a_record_is_written_with_tabs() -> None:
    reply = read(packet(1, 1, 0, 0, body=QUESTION + RECORD))

    assert [record.text for record in reply.answer] == ["example.com.\t3600\tIN\tA\t127.0.0.1"]


def test_equal_records_are_counted_one_by_one() -> None:
    reply = read(packet(1, 2, 0, 0, body=QUESTION + RECORD + RECORD))

    assert len(reply.answer) == 2


def test_a_head_alone_is_an_answer_without_records() -> None:
    assert read(packet(1, 5, 5, 5, flags=0x8183)) == Reply(7, 3)


def test_options_widen_the_code_and_are_a_record() -> None:
    reply = read(packet(1, 0, 0, 1, body=QUESTION + OPTIONS))

    assert (reply.rcode, len(reply.additional)) == (16, 1)
    assert reply.additional[0].text.endswith("; EDNS: version 0; flags: do; udp: 1232")


def test_an_unknown_type_is_written_by_numbers() -> None:
    body = QUESTION + b"\xc0\x0c\xff\0\0\1\0\0\0\1\0\2\x0a\x0b"

    assert (
        read(packet(1, 1, 0, 0, body=body))
        .answer[0]
        .text.endswith("\t1\tCLASS1\tTYPE65280\t\\# 2 0a0b")
    )


BROKEN = {
    "nothing": b"",
    "half a head": b"\0" * 11,
    "half a question": packet(1, 0, 0, 0, body=QUESTION[:5]),
    "half a record": packet(1, 1, 0, 0, body=QUESTION + RECORD[:-1]),
    "a pointer forward": packet(1, 0, 0, 0, body=b"\xc0\xff\0\1\0\1"),
    "a pointer to itself": packet(1, 0, 0, 0, body=b"\xc0\x0c\0\1\0\1"),
    "an address of three bytes": packet(1, 1, 0, 0, body=QUESTION + RECORD[:-6] + b"\0\3\x7f\0\0"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_packets_are_told_from_answers(case: str) -> None:
    with pytest.raises(BadAnswer, match="no DNS message"):
        read(BROKEN[case])


@given(st.binary(max_size=80))
def test_whatever_comes_is_an_answer_or_said_to_be_none(body: bytes) -> None:
    try:
        reply = read(packet(1, 2, 1, 1, body=body))
    except BadAnswer:
        return
    assert reply.number == 7
