"""Where prober says something else than blackbox_exporter, and why; docs/blackbox.md tells it, too.

Behaviours by name, with the metrics that differ. An entry that is no longer needed fails the test.
"""

from __future__ import annotations

from collections.abc import Mapping

DISTRUSTED = (
    "a certificate that fails verification is told of: blackbox_exporter leaves out the metrics "
    "that would show why (its issue 1119)"
)
CERTIFICATES: Mapping[str, str] = dict.fromkeys(
    (
        "probe_ssl_earliest_cert_expiry",
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "probe_ssl_last_chain_info",
        "probe_tls_version_info",
    ),
    DISTRUSTED,
)
INVERTED = "fail_if_all_match_regexp does what its name says: there it does the opposite"

# Only what is told more; the verdicts agree.
UNTRUSTED = (
    "https-address-as-name",
    "https-client-2-required",
    "https-expired",
    "https-for-client",
    "https-host-header-port",
    "https-hostname-and-server-name",
    "https-hostname-other",
    "https-limited-to-other",
    "https-long-expired",
    "https-middle-expired",
    "https-middle-missing",
    "https-middle-no-authority",
    "https-middle-path-too-long",
    "https-name-nobody-asks-for",
    "https-no-names",
    "https-no-names-by-address",
    "https-not-yet-valid",
    "https-only-address-by-name",
    "https-only-name-by-address",
    "https-other-host",
    "https-self-signed",
    "https-self-signed-authority",
    "https-server-name-other",
    "https-sha1",
    "https-system-roots",
    "https-unknown-authority",
    "https-unknown-critical",
    "https-wildcard-inner",
    "https-wildcard-itself",
    "https-wildcard-partial",
    "https-wildcard-two-deep",
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
)


def _no_answer(reason: str) -> Mapping[str, str]:
    """The metrics that differ where one side trusts a certificate and the other doesn't."""
    return dict.fromkeys(
        (
            "probe_http_content_length",
            "probe_http_ssl",
            "probe_http_status_code",
            "probe_http_uncompressed_body_length",
            "probe_http_version",
            "probe_ssl_last_chain_expiry_timestamp_seconds",
            "probe_success",
        ),
        reason,
    )


TOLERATED: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(UNTRUSTED, CERTIFICATES),
    "https-for-any": _no_answer("OpenSSL wants the use as a server to be named, and not any use"),
    "dns-all-match": dict.fromkeys(("probe_success",), INVERTED),
    "dns-all-match-but-one": dict.fromkeys(("probe_success",), INVERTED),
    "basic-over-userinfo": dict.fromkeys(
        ("probe_http_status_code", "probe_success"),
        "a module's credentials come before those in a target",
    ),
}
