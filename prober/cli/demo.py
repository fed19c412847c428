"""`prober demo`: a few sample services on loopback, each ill in a way of its own."""

from __future__ import annotations

import signal

import rich_click as click

from prober.cli.options import examples

BASE_PORT = 8791
HIGHEST_BASE_PORT = 65_532  # leaves a port for each sample
STOPPING = {signal.SIGINT, signal.SIGTERM}


@click.command(
    epilog=examples(
        "prober demo &",
        "prober demo --base-port 9100",
    )
)
@click.option(
    "--base-port",
    type=click.IntRange(1, HIGHEST_BASE_PORT),
    default=BASE_PORT,
    show_default=True,
    help="The port of the first sample; the others take the ports after it.",
)
def command(base_port: int) -> None:
    """Serve the sample services that config/prober.yaml watches, until Ctrl-C or SIGTERM."""
    from prober.cli.samples import serving  # here, since http.server is dear to import

    # Blocked before threads start, so that no thread takes them and sigwait below does.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    with serving(base_port) as samples:
        for url, sample in samples.items():
            click.echo(f"{sample.name:9}  {url}  {sample.about}")
        signal.sigwait(STOPPING)
