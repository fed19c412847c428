"""A real daemon on VX11's configuration, some of whose services answer and others don't."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemons import Daemon
from ruamel.yaml import YAML
from servers import Handler, dead_port, response, says, serving

VX11 = Path(__file__).parents[2] / "config" / "vx11.yaml"
HEADER = "X-VX11-Token"
TOKEN = "a-token-for-the-vx11-fleet"
LIVE = ("hermes", "operator-backend")
SAID = b'{"response":"Hola","status":"ok"}'


def greets() -> Handler:
    """Answer everything with the same JSON."""
    return says(response(200, SAID, {"Content-Type": "application/json"}))


@contextmanager
def link(
    folder: Path, handler: Handler | None = None, live: Collection[str] = LIVE
) -> Iterator[Daemon]:
    """The daemon; the `live` services are one server with this handler.

    Nobody is refused for asking often, or for many wrong tokens.
    """
    document: dict[str, Any] = YAML(typ="safe").load(VX11.read_text())
    with serving(handler or greets()) as server, dead_port() as port:
        urls = dict.fromkeys(live, server.url)
        for service in document["services"]:
            service["url"] = urls.get(service["name"], f"http://127.0.0.1:{port}")
        daemon = Daemon(folder, document["services"])
        limits = {"requests": "off", "failed_attempts": "off"}
        daemon.keys = {"gateway": document["gateway"] | {"port": daemon.port, "limits": limits}}
        daemon.configure(document["services"])
        daemon.start({"VX11_TOKEN": TOKEN})
        try:
            yield daemon
        finally:
            daemon.end()
