"""`prober token`: make a token for the gateway."""

from __future__ import annotations

import hashlib
import json
import secrets

import rich_click as click

from prober.cli.options import examples

BYTES = 32


@click.command(
    epilog=examples(
        "prober token",
        "prober token --name dashboard --scope read",
        "prober token --name vx11 --scope ingest --scope operate",
    )
)
@click.option("--name", default="new", show_default=True, help="What the log calls it.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["read", "ingest", "operate", "admin"]),
    multiple=True,
    default=["read"],
    show_default=True,
    help="What it is good for; may be given several times.",
)
def command(name: str, scopes: tuple[str, ...]) -> None:
    """Make a random token: print it, and the entry of gateway.auth.tokens that knows it.

    Only the entry belongs in the configuration: it holds the token's SHA-256, from which nobody
    gets the token back. The token is shown this once, and kept nowhere.
    """
    token = secrets.token_urlsafe(BYTES)
    digest = hashlib.sha256(token.encode()).hexdigest()
    click.echo(token)
    click.echo(f"- {{name: {json.dumps(name)}, scopes: [{', '.join(scopes)}], sha256: {digest}}}")
