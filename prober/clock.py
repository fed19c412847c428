"""The wall clock, in the unit that results are stamped with."""

from __future__ import annotations

import time


def epoch_ms() -> int:
    """Now, in milliseconds since the epoch (UTC)."""
    return time.time_ns() // 1_000_000
