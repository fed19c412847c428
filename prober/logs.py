"""Send every log line of the process, whoever writes it, to stderr in one form.

Timestamps are RFC 3339 in UTC. What looks like a secret is masked before it is rendered.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import Processor

Format = Literal["auto", "console", "json"]

# Libraries that tell of each of their steps at INFO, and of trouble from WARNING on.
QUIET = ("alembic", "apscheduler", "asyncio", "httpcore", "httpx", "uvicorn")

MASK = "********"
SECRET_KEY = re.compile(r"token|secret|passw|authorization|cookie|api_?key", re.IGNORECASE)
URL_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")


def configure(format: Format = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's loggers to write to `stream` (stderr).

    "auto" is "console" on a terminal and "json", an object a line, elsewhere. `level` is a name of
    the standard library's levels. May be called again: the last call holds.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_common(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(format, stream),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def mask(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: hide values under telling keys, and passwords inside URLs."""
    for key, value in event.items():
        if SECRET_KEY.search(key):
            event[key] = MASK
        elif isinstance(value, str):
            event[key] = URL_PASSWORD.sub(rf"\g<1>{MASK}", value)
    return event


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _rendering(format: Format, stream: TextIO) -> list[Processor]:
    # A traceback becomes text before the masking: an exception may quote a URL.
    first: list[Processor] = [structlog.processors.format_exc_info, mask]
    on_terminal = stream.isatty()
    if format == "json" or (format == "auto" and not on_terminal):
        return [*first, structlog.processors.JSONRenderer()]
    return [*first, structlog.dev.ConsoleRenderer(colors=on_terminal)]
