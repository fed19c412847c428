"""What can become of an echo request on loopback."""

from __future__ import annotations

from typing import Any

from zoo.behaviours import Behaviour
from zoo.speaking import target


def ping(timeout: str = "4s", **options: Any) -> dict[str, Any]:
    """A module that prefers IPv4."""
    return {
        "prober": "icmp",
        "timeout": timeout,
        "icmp": {"preferred_ip_protocol": "ip4", **options},
    }


PINGS = {
    "ipv4": (target("127.0.0.1"), ping()),
    "another-loopback": (target("127.1.2.3"), ping()),
    "ipv6": (target("::1"), ping(preferred_ip_protocol="ip6")),
    "by-name": (target("localhost"), ping()),
    "payload": (target("127.0.0.1"), ping(payload_size=1000)),
    "tiny-payload": (target("127.0.0.1"), ping(payload_size=1)),
    "odd-payload": (target("127.0.0.1"), ping(payload_size=333)),
    "payload-ipv6": (target("::1"), ping(payload_size=1000)),
    "largest-payload": (target("127.0.0.1"), ping(payload_size=65_507)),
    "payload-too-large": (target("127.0.0.1"), ping(payload_size=70_000)),
    "unfragmented": (target("127.0.0.1"), ping(dont_fragment=True)),
    "unfragmented-ipv6": (target("::1"), ping(dont_fragment=True)),
    "ttl": (target("127.0.0.1"), ping(ttl=3)),
    "ttl-ipv6": (target("::1"), ping(ttl=3)),
    "ttl-unfragmented": (target("127.0.0.1"), ping(ttl=3, dont_fragment=True)),
    "source": (target("127.0.0.1"), ping(source_ip_address="127.0.0.2")),
    "source-of-somebody-else": (target("127.0.0.1"), ping(source_ip_address="192.0.2.1")),
    "no-fallback": (
        target("127.0.0.1"),
        ping(preferred_ip_protocol="ip6", ip_protocol_fallback=False),
    ),
    "with-a-port": (target("127.0.0.1:80"), ping()),
    "bracketed": (target("[::1]"), ping()),
}

BEHAVIOURS = [Behaviour(f"icmp-{name}", serve, module) for name, (serve, module) in PINGS.items()]
