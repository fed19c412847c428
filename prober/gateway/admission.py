"""What the configuration decides about who is let in: taken at the start, and by each reload."""

from __future__ import annotations

import re

import structlog
from starlette.routing import compile_path

from prober.config.access import Token
from prober.config.tree import Gateway
from prober.gateway.attempts import Attempts
from prober.gateway.buckets import Buckets
from prober.gateway.guard import Guard, Key, Policy, Scope
from prober.gateway.seats import Seats
from prober.telemetry import Telemetry

EVENTS = "/api/v1/events"
SHORT = 16  # characters: fewer can be guessed in reach of who hears the SHA-256

log = structlog.get_logger(__name__)


class Admission:
    """The guard and the limits as they hold now. `settings` tells by identity that they changed."""

    def __init__(self, settings: Gateway | None = None, telemetry: Telemetry | None = None) -> None:
        self.telemetry = telemetry or Telemetry()
        self.guard = Guard(telemetry=self.telemetry)
        self.requests = Buckets(None)
        self.streams = Seats()
        self.settings = settings or Gateway()
        self._limit(None)
        self.guard.policy = policy(self.settings)

    def take(self, settings: Gateway) -> None:
        """Go by these settings from now on; what was counted stays where its rate stays."""
        before, self.settings = self.settings, settings
        self._limit(before)
        self.guard.policy = policy(settings)

    def body_limits(self) -> list[tuple[re.Pattern[str], int]]:
        """Patterns of paths with the largest body of each; others have `limits.body`."""
        settings = self.settings
        events = [EVENTS, *(p for p, target in settings.aliases.items() if target == EVENTS)]
        limits = dict.fromkeys(events, settings.limits.event_body)
        limits |= {forward.path: forward.body_limit for forward in settings.forward}
        return [(compile_path(path)[0], limit) for path, limit in limits.items()]

    def _limit(self, before: Gateway | None) -> None:
        limits = self.settings.limits
        if before is None or before.limits.requests != limits.requests:
            self.requests = Buckets(limits.requests)
        if before is None or before.limits.failed_attempts != limits.failed_attempts:
            self.guard.attempts = Attempts(limits.failed_attempts)


def policy(settings: Gateway) -> Policy:
    """What the guard goes by; tells the log of tokens that are weak, or nobody's."""
    keys = tuple(key for token in settings.auth.tokens if (key := _key(token)))
    return Policy(
        settings.auth.header,
        settings.auth.reading == "open",
        keys,
        frozenset(settings.cors.origins),
        frozenset(settings.auth.open),
    )


def _key(token: Token) -> Key | None:
    if token.digest is None:
        log.warning("a token is empty, so that nobody has it", token=token.name)
        return None
    if token.token is not None and len(token.token) < SHORT:
        remedy = "make a longer one with `prober token`"
        log.warning("a token is short", token=token.name, characters=len(token.token), fix=remedy)
    return Key(token.name, token.digest, frozenset(map(Scope, token.scopes)))
