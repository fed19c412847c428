"""`prober run`: the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from prober.cli.options import config_option, examples

if TYPE_CHECKING:
    from prober import logs


@click.command(
    epilog=examples(
        "prober run",
        "prober run -c config/vx11.yaml --log-level debug",
        "PROBER_CONFIG=/etc/prober prober run --log-format json",
    )
)
@config_option
@click.option(
    "--log-format",
    type=click.Choice(["auto", "console", "json"]),
    default="auto",
    show_default=True,
    help="How log lines look on stderr; auto is console on a terminal and json elsewhere.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least important lines that are logged.",
)
def command(config: tuple[str, ...], log_format: logs.Format, log_level: str) -> None:
    """Run the daemon: probe on schedule, remember, and serve the page, /metrics and the API.

    SIGTERM and SIGINT flush everything and stop it; SIGHUP reads the configuration again.
    """
    from prober import app  # here, since other commands must not wait for the web server's import

    app.run(config, log_format, log_level)
