"""Parts that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from prober.config.tree import Config
    from prober.maintenance import Windows

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


def span_options(command: Command) -> Command:
    """Add --since, 30 days ago where absent, and --until; see `span` for what to make of them."""
    since = click.option(
        "--since",
        metavar="TIME",
        default="30d",
        show_default=True,
        help="Where to begin: a time ago like 24h or 7d, a date, or RFC 3339.",
    )
    until = click.option(
        "--until", metavar="TIME", help="Where to end, written like --since; now if absent."
    )
    return since(until(command))


def maintenance_option(command: Command) -> Command:
    """Add --maintenance, which is "in" or "out"; see `left_out` for what to make of it."""
    return click.option(
        "--maintenance",
        type=click.Choice(["in", "out"]),
        default="out",
        show_default=True,
        help="Whether the time of maintenance windows counts, or is left out.",
    )(command)


def left_out(config: Config, maintenance: str) -> Windows:
    """The windows whose time --maintenance leaves out."""
    return config.maintenance if maintenance == "out" else ()


def examples(*lines: str) -> str:
    """An epilog for --help that shows `lines`, each on a line of its own."""
    return "\n\n".join(("Examples:", *lines))  # only blank lines are kept as breaks


def span(since: str, until: str | None, now_ms: int) -> tuple[int, int]:
    """The moments that --since and --until name; the present where there is no --until.

    Raises click.BadParameter where one is no moment, or they are the wrong way round.
    """
    start = moment("--since", since, now_ms)
    end = now_ms if until is None else moment("--until", until, now_ms)
    if start >= end:
        raise click.BadParameter(
            "the time that it names is not before --until", param_hint="--since"
        )
    return start, end


def moment(option: str, text: str, now_ms: int) -> int:
    """The epoch milliseconds that an option names; raises click.BadParameter where it does not."""
    from prober.reports import times

    try:
        return times.moment(text, now_ms)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
