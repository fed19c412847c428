"""`prober completion`: print the script that teaches a shell to complete prober's commands."""

from __future__ import annotations

import rich_click as click
from click.shell_completion import get_completion_class

from prober.cli.options import examples

VARIABLE = "_PROBER_COMPLETE"


@click.command(
    epilog=examples(
        "source <(prober completion bash)",
        "prober completion zsh > ~/.zfunc/_prober",
        "prober completion fish > ~/.config/fish/completions/prober.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    Commands, options and the names of the configured services are completed.
    """
    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"{shell} has no completion")
    click.echo(completion(ctx.find_root().command, {}, "prober", VARIABLE).source())
