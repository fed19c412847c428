"""Parts that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Add --config/-c; the command is called with `config: tuple[str, ...]`, empty where absent."""
    return click.option(
        "-c",
        "--config",
        multiple=True,
        metavar="PATH",
        type=click.Path(),
        help=(
            "A configuration file, or a folder of them; may be given several times. Without it "
            "PROBER_CONFIG, else config/prober.yaml, else /etc/prober/prober.yaml."
        ),
    )(command)


def examples(*lines: str) -> str:
    """An epilog for --help that shows `lines`, each on a line of its own."""
    return "\n\n".join(("Examples:", *lines))  # only blank lines are kept as breaks
