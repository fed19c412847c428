"""Chats and forwarding of a real daemon: across kill -9, restart and reload."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from daemons import Daemon, until
from servers import answers, dead_port, serving

TOKEN = "a-token-that-may-operate"
AUTH = {"tokens": [{"name": "o", "scopes": "operate", "token": TOKEN}]}


def daemon_of(folder: Path, services: list[dict[str, str]], **settings: object) -> Daemon:
    """A daemon whose gateway has these settings."""
    daemon = Daemon(folder, services)
    daemon.keys = {"gateway": {"port": daemon.port, "auth": AUTH, **settings}}
    daemon.configure(services)
    return daemon


def ask(daemon: Daemon, path: str, body: object = None) -> tuple[int, Any]:
    """The code and the JSON of an answer; with a body, of a POST."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-Prober-Token": TOKEN, "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{daemon.port}{path}"
    try:
        request = urllib.request.Request(url, data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_session_survives_kill_9(tmp_path: Path) -> None:
    with serving(answers(200, b'{"response":"Hello!"}')) as server:
        services = [{"name": "operator", "url": server.url}]
        daemon = daemon_of(tmp_path, services, chat={"service": "operator", "to": "/chat"})
        daemon.start()
        ask(daemon, "/api/v1/chat", {"message": "hi", "session_id": "s1"})
        daemon.end(signal.SIGKILL)
        daemon.start()
        code, told = ask(daemon, "/api/v1/sessions/s1")
        daemon.end()

    assert code == 200
    assert [m["content"] for m in told["messages"]] == ["hi", "Hello!"]


def test_an_open_breaker_survives_a_reload(tmp_path: Path) -> None:
    with dead_port() as port:
        services = [{"name": "hermes", "url": f"http://127.0.0.1:{port}"}]
        route = {"path": "/r", "service": "hermes", "to": "/r"}
        daemon = daemon_of(tmp_path, services, forward=[route])
        daemon.start()
        codes = [ask(daemon, "/r")[0] for _ in range(4)]
        daemon.configure([*services, {"name": "new", "url": "http://127.0.0.1:9"}])
        daemon.send(signal.SIGHUP)
        until(lambda: "new" in ask(daemon, "/api/v1/breakers")[1]["breakers"])
        after = ask(daemon, "/r")
        daemon.end()

    assert codes == [502, 502, 502, 503]
    assert after == (503, {"status": "circuit_open", "module": "hermes"})
