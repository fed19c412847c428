"""Cookies go where they were set for, and nowhere else."""

from __future__ import annotations

import pytest

from prober.blackbox.http.cookies import Jar
from prober.blackbox.http.urls import parsed

LONG_AGO = "Expires=Wed, 21 Oct 2015 07:28:00 GMT"
NOW = 1_700_000_000.0


def jar(line: str, url: str = "http://shop.example/a/b") -> Jar:
    made = Jar(lambda: NOW)
    made.keep(parsed(url), [line])
    return made


@pytest.mark.parametrize(
    ("line", "url", "sent"),
    [
        ("id=1", "http://shop.example/a/c", True),
        ("id=1", "http://shop.example/c", False),
        ("id=1; Path=/", "http://shop.example/c", True),
        ("id=1; Path=/c", "http://shop.example/cd", False),
        ("id=1; Path=/", "http://sub.shop.example/", False),
        ("id=1; Path=/; Domain=shop.example", "http://sub.shop.example/", True),
        ("id=1; Path=/; Domain=example", "http://other.example/", False),
        ("id=1; Path=/; Domain=other.example", "http://other.example/", False),
        ("id=1; Path=/; Secure", "http://shop.example/", False),
        ("id=1; Path=/; Secure", "https://shop.example/", True),
        ("id=1; Path=/; Max-Age=0", "http://shop.example/", False),
        (f"id=1; Path=/; Max-Age=5; {LONG_AGO}", "http://shop.example/", True),
        (f"id=1; Path=/; {LONG_AGO}", "http://shop.example/", False),
        ("i d=1; Path=/", "http://shop.example/", False),
    ],
)  # fmt: skip
def test_a_cookie_is_sent_or_not(line: str, url: str, sent: bool) -> None:
    assert jar(line).pairs(parsed(url)) == (["id=1"] if sent else [])


def test_a_later_cookie_takes_the_place_of_an_earlier_one() -> None:
    made = jar("id=1; Path=/")

    made.keep(parsed("http://shop.example/"), ["id=2"])

    assert made.pairs(parsed("http://shop.example/")) == ["id=2"]


def test_a_cookie_with_a_space_is_quoted() -> None:
    assert jar("id=a b; Path=/").pairs(parsed("http://shop.example/")) == ['id="a b"']
