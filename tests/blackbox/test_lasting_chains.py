"""The chain that is told of, where several can be made."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding
from zoo import pki
from zoo.pki import Signed, Wish, renewed, signed

from prober.blackbox import lasting

ROOT = signed(Wish("Root", (), last_day=50, extensions=pki.authority()))
LEAF = signed(Wish(last_day=200), ROOT)


def ders(*chain: Signed) -> list[bytes]:
    """Certificates in DER."""
    return [one.cert.public_bytes(Encoding.DER) for one in chain]


def test_of_two_authorities_the_one_that_lasts_longer_counts() -> None:
    newer = renewed(ROOT, 300)
    found = lasting.longest(ders(LEAF, ROOT), ders(LEAF), ders(ROOT, newer))
    assert found == ders(LEAF, newer)


def test_an_authority_that_is_over_does_not_count() -> None:
    over = renewed(ROOT, -2)
    found = lasting.longest(ders(LEAF, ROOT), ders(LEAF, over), ders(ROOT, over))
    assert found == ders(LEAF, ROOT)


def test_a_longer_chain_to_nobody_who_is_trusted_does_not_count() -> None:
    stranger = signed(Wish("Stranger", (), last_day=400, extensions=pki.authority()))
    by_stranger = renewed(ROOT, 300, stranger)
    sent = ders(LEAF, by_stranger, stranger)

    assert lasting.longest(ders(LEAF, ROOT), sent, ders(ROOT)) == ders(LEAF, ROOT)


def test_a_server_with_very_many_certificates_takes_no_time() -> None:
    many = [renewed(ROOT, 300 + day) for day in range(60)]
    found = lasting.longest(ders(LEAF, ROOT), ders(LEAF, *many), ders(ROOT))
    assert found == ders(LEAF, ROOT)


def test_nonsense_beside_a_chain_changes_nothing() -> None:
    assert lasting.longest(ders(LEAF, ROOT), [b"nonsense"], ders(ROOT)) == ders(LEAF, ROOT)
