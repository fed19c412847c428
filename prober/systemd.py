"""Tell systemd how the daemon fares, over the socket that it names in NOTIFY_SOCKET.

The protocol is that of sd_notify(3) and sd_watchdog_enabled(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger(__name__)

SEND_TIMEOUT_S = 1.0


def notify(*lines: str, env: Mapping[str, str] = os.environ) -> bool:
    """Send assignments like "READY=1" and "STATUS=probing 11 services" in one datagram.

    Returns whether they were sent: False outside systemd, and False after a warning where the
    socket doesn't take them, since a daemon must outlive trouble with the one that watches it.
    """
    if not (path := env.get("NOTIFY_SOCKET")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
            client.settimeout(SEND_TIMEOUT_S)
            client.sendto("\n".join(lines).encode(), address)
    except OSError as error:
        log.warning("systemd was not told", address=path, error=str(error))
        return False
    return True


def watchdog_interval_s(env: Mapping[str, str] = os.environ) -> float | None:
    """How often to send "WATCHDOG=1", in seconds: half of what systemd allows.

    None where no watchdog is set, or where it is meant for another process.
    """
    limit_us = env.get("WATCHDOG_USEC", "")
    if not limit_us.isdecimal() or not int(limit_us):
        return None
    if env.get("WATCHDOG_PID") not in (None, str(os.getpid())):
        return None
    return int(limit_us) / 2 / 1_000_000
