"""The command `config`: check, show and describe configuration files."""

from __future__ import annotations

import json
import os

import rich_click as click

from prober.cli.options import config_option, examples


@click.group(name="config", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Check, show and describe the configuration."""


@command.command(
    epilog=examples("prober config check", "prober config check -c base.yaml -c services.d")
)
@config_option
def check(config: tuple[str, ...]) -> None:
    """Say whether the configuration can be used.

    Prints every problem, each with its place and a remedy, and exits with 78 where it can't.
    """
    from prober.config import load

    found = load.read(config, os.environ)
    services = _count(len(found.services), "service")
    click.echo(f"{services} in {_count(len(found.files), 'file')}: configuration is valid")


@command.command()
@config_option
def show(config: tuple[str, ...]) -> None:
    """Print what holds once files, defaults and variables are put together.

    The output is YAML in the format of a configuration file. Secrets are masked.
    """
    from prober.config import load
    from prober.config.show import effective

    root, _ = load.checked(load.find(config, os.environ), os.environ)
    click.echo(effective(root), nl=False)


@command.command(epilog=examples("prober config schema > prober.schema.json"))
def schema() -> None:
    """Print the JSON Schema of configuration files, by which editors complete and check them."""
    from prober.config.schema import schema as described

    click.echo(json.dumps(described(), indent=2))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
