"""Say in a few words why a connection came to nothing."""

from __future__ import annotations

import os
import ssl


def sentence(error: Exception) -> str:
    """What an error says to people: "TLS: certificate has expired", "Connection refused"."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "TLS: the connection was closed"
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None) or str(error)
        return f"TLS: {reason.lower().replace('_', ' ')}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)  # an event loop puts other words in its place
    return str(error)
