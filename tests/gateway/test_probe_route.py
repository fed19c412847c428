"""/probe: what it asks of a worker, what it declines, and how it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from prober.channel import Answer, Ask
from prober.gateway import app, server
from prober.gateway.context import Context
from prober.inquiry import NoAnswer
from prober.module import Allowed, HttpModule, Module, OnDemand, TcpModule, Unusable

MODULES: dict[str, Module | Unusable] = {
    "http_2xx": Module("http_2xx", HttpModule()),
    "quick": Module("quick", TcpModule(), timeout_s=2.0),
    "hosted": Module("hosted", HttpModule(headers=(("host", "own.example"),))),
    "grpc": Unusable("not for prober"),
}
SETTINGS = OnDemand(
    MODULES, dict.fromkeys(MODULES, "prober: some\n"), Allowed(networks=("10.0.0.0/8",)), 0.5
)


class Worker:
    """Stands in for the supervisor: notes what it is asked, and answers as it is told."""

    def __init__(self) -> None:
        self.asked: list[Ask] = []
        self.answer: Answer | NoAnswer = Answer(0, "probe_success 1\n", ("one", "two"))

    async def ask(self, question: Ask) -> Answer:
        self.asked.append(question)
        if isinstance(self.answer, NoAnswer):
            raise self.answer
        return self.answer


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
async def client(context: Context, worker: Worker) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with modules, whose questions reach `worker`."""
    asking = replace(context, on_demand=lambda: SETTINGS, ask=worker.ask)
    with server.bind("127.0.0.1", 0) as listener:
        running = server.Server(app.build(asking), listener)
        await running.start()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            yield client
        await running.stop()


async def test_an_answer_is_its_metrics_in_prometheus_format(client: httpx.AsyncClient) -> None:
    answer = await client.get("/probe", params={"target": "10.0.0.1"})

    assert answer.status_code == 200
    assert answer.text == "probe_success 1\n"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_the_question_holds_target_module_hostname_and_what_is_allowed(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await client.get("/probe", params={"target": "10.0.0.1:1", "module": "quick", "hostname": "h"})

    expected = Ask(0, "10.0.0.1:1", Module("quick", TcpModule(), 2.0), "h", 2.0, SETTINGS.allowed)
    assert worker.asked == [expected]


async def test_without_a_module_it_is_http_2xx(client: httpx.AsyncClient, worker: Worker) -> None:
    await client.get("/probe", params={"target": "a"})
    assert worker.asked[0].module.name == "http_2xx"


@pytest.mark.parametrize(
    ("module", "header", "timeout_s"),
    [
        ("http_2xx", None, 119.5),
        ("http_2xx", "10", 9.5),
        ("http_2xx", "0", 119.5),
        ("http_2xx", "0.5", 0.0),
        ("http_2xx", "0.25", 0.0),
        ("http_2xx", "100000", 600.0),
        ("quick", None, 2.0),
        ("quick", "10", 2.0),
        ("quick", "2", 1.5),
        ("quick", "0.25", 2.0),
    ],
)
async def test_a_probe_ends_before_prometheus_gives_up_or_when_its_module_says(
    client: httpx.AsyncClient, worker: Worker, module: str, header: str | None, timeout_s: float
) -> None:
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": header} if header else {}
    await client.get("/probe", params={"target": "a", "module": module}, headers=headers)
    assert worker.asked[0].timeout_s == timeout_s


@pytest.mark.parametrize("header", ["abc", "NaN", "inf"])
async def test_a_timeout_that_is_no_number_is_told_as_blackbox_does(
    client: httpx.AsyncClient, header: str
) -> None:
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": header}
    answer = await client.get("/probe", params={"target": "a"}, headers=headers)

    assert answer.status_code == 500
    assert answer.text.startswith("Failed to parse timeout from Prometheus header: ")


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"target": "a", "module": "none"}, 'Unknown module "none"\n'),
        ({"module": "quick"}, "Target parameter is missing\n"),
        ({"target": ""}, "Target parameter is missing\n"),
        ({"target": "a", "module": "grpc"}, "not for prober\n"),
        (
            {"target": "a", "hostname": "x\r\nY: z"},
            "the parameter 'hostname' is not a host's name\n",
        ),
        (
            {"target": "a", "module": "hosted", "hostname": "b"},
            "host header defined both in module configuration (own.example) and with "
            "URL-parameter 'hostname' (b)\n",
        ),
    ],
)
async def test_what_can_not_be_asked_is_declined_in_a_line(
    client: httpx.AsyncClient, worker: Worker, params: dict[str, str], words: str
) -> None:
    answer = await client.get("/probe", params=params)

    assert (answer.status_code, answer.text) == (400, words)
    assert worker.asked == []


async def test_a_hostname_that_the_module_sends_already_is_fine(client: httpx.AsyncClient) -> None:
    params = {"target": "a", "module": "hosted", "hostname": "own.example"}
    assert (await client.get("/probe", params=params)).status_code == 200


async def test_a_refused_target_is_forbidden(client: httpx.AsyncClient, worker: Worker) -> None:
    worker.answer = Answer(0, refused="10.0.0.1 is not allowed")
    answer = await client.get("/probe", params={"target": "10.0.0.1"})
    assert (answer.status_code, answer.text) == (403, "10.0.0.1 is not allowed\n")


async def test_where_no_worker_answers_it_is_unavailable(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    worker.answer = NoAnswer("the worker was lost meanwhile")
    answer = await client.get("/probe", params={"target": "a"})
    assert (answer.status_code, answer.text) == (503, "the worker was lost meanwhile\n")


async def test_debug_tells_the_log_the_metrics_and_the_module(client: httpx.AsyncClient) -> None:
    answer = await client.get("/probe", params={"target": "a", "debug": "true"})

    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == (
        "Logs for the probe:\none\ntwo\n\n\n\n"
        "Metrics that would have been returned:\nprobe_success 1\n\n\n\n"
        "Module configuration:\nprober: some\n"
    )


async def test_without_modules_there_is_nothing_to_ask(gateway: str) -> None:
    async with httpx.AsyncClient(base_url=gateway, trust_env=False) as client:
        answer = await client.get("/probe", params={"target": "a"})

    assert answer.status_code == 404
    assert "blackbox.config_file" in answer.text


async def test_it_is_described_in_the_open_api(client: httpx.AsyncClient) -> None:
    described = (await client.get("/api/v1/openapi.json")).json()["paths"]["/probe"]["get"]
    named = {parameter["name"] for parameter in described["parameters"]}

    assert {"target", "module", "hostname", "debug"} <= named
    assert {"200", "400", "403", "404", "503"} <= set(described["responses"])


async def test_of_several_parameters_of_a_name_the_first_counts(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    await client.get("/probe?target=a&target=b&module=quick&module=none&hostname=x&hostname=y")

    asked = worker.asked[0]
    assert (asked.target, asked.module.name, asked.hostname) == ("a", "quick", "x")


async def test_a_hostname_is_for_http_alone(client: httpx.AsyncClient) -> None:
    answer = await client.get("/probe", params={"target": "a", "module": "quick", "hostname": "\n"})

    assert answer.status_code == 200


async def test_a_missing_target_is_told_before_a_module_of_no_use(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/probe", params={"module": "grpc"})

    assert answer.text == "Target parameter is missing\n"
