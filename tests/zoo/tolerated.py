"""What prober tells otherwise than blackbox_exporter 0.23, and why, as docs/blackbox.md does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Deviation(NamedTuple):
    """One reason, the metrics that differ for it, and the behaviours that show it."""

    reason: str
    metrics: frozenset[str]
    behaviours: tuple[str, ...]


CERTIFICATE = frozenset(
    {
        "probe_ssl_earliest_cert_expiry",
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "probe_ssl_last_chain_info",
        "probe_tls_version_info",
    }
)

DEVIATIONS = (
    Deviation(
        "a certificate is told also where the handshake failed: then its expiry matters most",
        CERTIFICATE,
        (
            "tcp-client-certificate-missing",
            "tcp-hostname",
            "tcp-hostname-and-server-name",
            "tcp-hostname-with-starttls",
            "tcp-starttls-expired",
            "tcp-starttls-self-signed",
            "tcp-starttls-wrong-name",
            "tcp-tls-common-name-only",
            "tcp-tls-expired",
            "tcp-tls-not-yet-valid",
            "tcp-tls-self-signed",
            "tcp-tls-unknown-authority",
            "tcp-tls-wildcard-is-one-label",
            "tcp-tls-wrong-name",
            "tcp-tls-wrong-server-name",
        ),
    ),
    Deviation(
        "fail_if_all_match_regexp fails where all match; blackbox_exporter has it inverted",
        frozenset({"probe_success"}),
        ("dns-all-match", "dns-all-match-but-one"),
    ),
)

TOLERATED: Mapping[str, frozenset[str]] = {
    name: deviation.metrics for deviation in DEVIATIONS for name in deviation.behaviours
}
