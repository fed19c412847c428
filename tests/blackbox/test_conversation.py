"""Templates of what is sent after a line was matched."""

from __future__ import annotations

import pytest

from prober import patterns
from prober.blackbox.conversation import expanded

PATTERN = patterns.compiled(r"(?P<user>\w+) ([0-9]+)( extra)?")

TEMPLATES = {
    "by number": ("${2}", "42"),
    "without braces": ("$2.", "42."),
    "by name": ("${user}, $user", "alice, alice"),
    "all of it": ("$0", "alice 42"),
    "a name as long as can be": ("$2x", ""),
    "a group that took no part": ("<${3}>", "<>"),
    "no such number": ("<${7}>", "<>"),
    "no such name": ("<${nobody}>", "<>"),
    "a leading zero": ("<${02}>", "<>"),
    "a huge number": ("<${99999999999999999999}>", "<>"),
    "two dollars": ("$$2", "$2"),
    "three dollars": ("$$$2", "$42"),
    "a dollar at the end": ("5$", "5$"),
    "an open brace": ("${2", "${2"),
    "empty braces": ("${}", "${}"),
    "odd names": ("${a-b} $-", "${a-b} $-"),
    "backslashes": (r"\1 \g<1> \n", r"\1 \g<1> \n"),
}


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_template_is_expanded_as_go_does(case: str) -> None:
    template, sent = TEMPLATES[case]
    match = PATTERN.search(b"alice 42")

    assert match is not None
    assert expanded(template.encode(), match, PATTERN) == sent.encode()


def test_groups_keep_their_bytes() -> None:
    pattern = patterns.compiled("^.(.*)$")
    match = pattern.search("xé".encode())

    assert match is not None
    assert expanded(b"<$1>", match, pattern) == "<é>".encode()
