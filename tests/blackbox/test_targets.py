"""Targets of all shapes, taken apart."""

from __future__ import annotations

import pytest

from prober.blackbox.targets import BadTarget, port_number, split

WELL = {
    "host:80": ("host", "80"),
    "127.0.0.1:443": ("127.0.0.1", "443"),
    "[::1]:80": ("::1", "80"),
    "[fe80::1%eth0]:80": ("fe80::1%eth0", "80"),
    "host:": ("host", ""),
    ":80": ("", "80"),
    ":": ("", ""),
    "[]:80": ("", "80"),
    "host:http": ("host", "http"),
}
ILL = ["host", "", "::1", "::1:80", "[::1]", "[::1]80", "[::1", "::1]:80", "a:b:c", "a[b]:1"]


@pytest.mark.parametrize("target", WELL)
def test_a_target_is_a_host_and_a_port(target: str) -> None:
    assert split(target) == WELL[target]


@pytest.mark.parametrize("target", ILL)
def test_anything_else_is_said_to_be_none(target: str) -> None:
    with pytest.raises(BadTarget, match="is no host and port; write host:port"):
        split(target)


@pytest.mark.parametrize(
    ("port", "number"), [("80", 80), ("0080", 80), ("+80", 80), ("", 0), ("domain", 53)]
)
def test_a_port_is_a_number_or_a_name(port: str, number: int) -> None:
    assert port_number(port, "tcp") == number


@pytest.mark.parametrize("port", ["-1", "65536", "nosuchservice", "8 0", "8\x000"])
def test_a_bad_port_is_named(port: str) -> None:
    with pytest.raises(BadTarget, match="is no port"):
        port_number(port, "tcp")
