"""Tell the page and the metrics which services are in maintenance, as windows open and close."""

from __future__ import annotations

from prober.maintenance import Windows, open_at, under
from prober.sinks.metrics import Metrics
from prober.sinks.state import State


class Maintaining:
    """Follows the windows of a configuration. For the event loop's thread."""

    def __init__(self, state: State, metrics: Metrics) -> None:
        self._state = state
        self._metrics = metrics
        self._windows: Windows = ()
        self._open: Windows = ()

    def take(self, windows: Windows, now_ms: int) -> None:
        """Follow these windows from now on; the state has the services that they are for."""
        self._windows = windows
        self._tell(open_at(windows, now_ms))

    def look(self, now_ms: int) -> None:
        """See whether a window has opened or closed."""
        found = open_at(self._windows, now_ms)
        if found != self._open:
            self._tell(found)

    def _tell(self, open_: Windows) -> None:
        self._open = open_
        found = under(open_, [member.service.name for member in self._state.members()])
        self._state.maintain(found)
        self._metrics.maintain(found)
