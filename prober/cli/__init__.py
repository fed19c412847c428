"""The command `prober`: its subcommands, and how an error becomes a line and an exit code."""

from __future__ import annotations

import os
import sys

import rich_click as click

from prober import __version__
from prober.cli.check_once import command as check_once
from prober.cli.completion import command as completion
from prober.cli.config import command as config
from prober.cli.db import command as db
from prober.cli.demo import command as demo
from prober.cli.export import command as export
from prober.cli.history import command as history
from prober.cli.import_ import command as import_
from prober.cli.incidents import command as incidents
from prober.cli.ledger import command as ledger
from prober.cli.options import examples
from prober.cli.run import command as run
from prober.cli.sla import command as sla
from prober.cli.status import command as status
from prober.cli.token import command as token
from prober.cli.uptime import command as uptime
from prober.errors import ProberError

COMMANDS: dict[str, click.Command] = {
    "run": run,
    "check-once": check_once,
    "status": status,
    "history": history,
    "uptime": uptime,
    "incidents": incidents,
    "sla": sla,
    "export": export,
    "import": import_,
    "config": config,
    "db": db,
    "ledger": ledger,
    "demo": demo,
    "token": token,
    "completion": completion,
}

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
PIPE_CLOSED = 141  # 128 + SIGPIPE, and never 1: that would say that a service is not well


class Program(click.RichGroup):
    """A group that tells users of a ProberError in plain lines, and exits with its code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of `COMMANDS`, for --help."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand; only defects leave this as tracebacks."""
        try:
            return super().invoke(ctx)
        except ProberError as error:
            for line in str(error).splitlines():
                click.echo(f"prober: {line}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            _discard_stdout()
            ctx.exit(PIPE_CLOSED)


def _discard_stdout() -> None:
    """Let the flush at exit succeed: what it would write has no reader any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@click.group(
    cls=Program,
    commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "prober demo &  # serve a few samples to watch",
        "prober run  # watch what config/prober.yaml names",
        "prober check-once  # probe everything once",
        "prober status  # what the daemon knows",
        "prober history swift --since 24h  # what it remembers",
    ),
)
@click.version_option(__version__, prog_name="prober", message="%(prog)s %(version)s")
def main() -> None:
    """Know whether every service is well, remember it, and tell Prometheus, people and programs.

    Exit codes: 0 every critical service is well, 1 one is not, 2 wrong usage, 78 wrong
    configuration.
    """
    from prober import logs  # here, since `prober --version` must not wait for its import

    logs.configure(level="warning")  # to stderr, so that no warning stands amid what a command says
