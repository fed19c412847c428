"""Names that a certificate stands for."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from zoo.pki import Wish, signed

from prober.blackbox import names


@pytest.mark.parametrize(
    ("known", "name", "does"),
    [
        ("shop.example", "shop.example", True),
        ("Shop.Example", "sHOP.eXAMPLE", True),
        ("shop.example", "shop.example.", True),
        ("shop.example.", "shop.example", False),
        ("shop.example.", "shop.example.", True),
        ("shop.example", "other.example", False),
        ("shop.example", "a.shop.example", False),
        ("*.shop.example", "a.shop.example", True),
        ("*.lan", "shop.lan", True),
        ("*", "localhost", True),
        ("*", "shop.lan", False),
        ("*.shop.example", "shop.example", False),
        ("*.shop.example", "a.b.shop.example", False),
        ("*.shop.example", ".shop.example", False),
        ("*.*.example", "a.b.example", False),
        ("a*.example", "ab.example", False),
        ("a.*.example", "a.b.example", False),
        ("*.shop.example", "*.shop.example", True),
        ("my_shop.example", "my_shop.example", True),
        ("-shop.example", "-shop.example", True),
        ("*.-x.example", "a.-x.example", False),
        ("", "", False),
        (".", ".", False),
        ("shop example", "shop example", True),
        ("k.example", "\u212a.example", False),
    ],
)
def test_a_name_stands_for_itself_and_a_star_for_one_label(
    known: str, name: str, does: bool
) -> None:
    assert names.matches(known, name) is does


@pytest.mark.parametrize(
    ("known", "name", "does"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8:0::1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "shop.example", False),
        ("*.0.2.1", "192.0.2.1", False),
    ],
)
def test_an_address_is_looked_for_among_addresses(known: str, name: str, does: bool) -> None:
    leaf = signed(Wish(names=(known,))).cert.public_bytes(Encoding.DER)
    assert names.fits(leaf, name) is does


@pytest.mark.parametrize("leaf", [b"nonsense", b""])
def test_nonsense_names_nobody(leaf: bytes) -> None:
    assert not names.fits(leaf, "shop.example")


def test_the_common_name_is_no_name() -> None:
    leaf = signed(Wish("shop.example", names=())).cert
    assert not names.fits(leaf.public_bytes(Encoding.DER), "shop.example")
