"""The stream of a whole daemon: from probes to a client, and to the daemon's end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from daemons import free_port, running
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


def test_probes_are_told_and_the_end_is_too(tmp_path: Path) -> None:
    port = free_port()
    watched = [{"name": "madre", "url": f"http://127.0.0.1:{port}"}]
    with running(tmp_path, watched) as daemon:
        url = f"ws://127.0.0.1:{daemon.port}/api/v1/ws?channel=result"
        with connect(url, proxy=None) as client:
            assert json.loads(client.recv(30))["type"] == "connected"
            found = json.loads(client.recv(30))
            before_s = time.monotonic()
            code = daemon.end()
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    client.recv(30)

    assert (found["service"], found["status"], found["reason"]) == ("madre", "BROKEN", "refused")
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, code) == (1001, 0)
    assert time.monotonic() - before_s < 10
