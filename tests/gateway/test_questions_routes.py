from __future__ import annotations

import time

import httpx
import pytest
from fleets import AT, refusal, success
from gateway.watched import Fleet

from prober.maintenance import Once, Window
from prober.reports.times import rfc3339
from prober.storage.retention import Keep
from prober.storage.upkeep import Upkeep

DAY = 86_400_000
API = "/api/v1/services"
SECOND = 1000
FROM, TO = AT - 60 * SECOND, AT + 60 * SECOND


@pytest.fixture
async def told(fleet: Fleet) -> Fleet:
    """madre was well for 40 s, BROKEN for 20 s, then well again."""
    moments = [success()._replace(checked_at=FROM), refusal()._replace(checked_at=AT - 20_000)]
    await fleet.tell(*moments, success(), success()._replace(checked_at=TO))
    return fleet


async def test_uptime_tells_the_known_time(client: httpx.AsyncClient, told: Fleet) -> None:
    answer = await client.get(f"{API}/madre/uptime", params={"since": FROM, "until": TO})

    [part] = answer.json()["parts"]
    assert (answer.json()["service"], part["uptime"]) == ("madre", round(100 / 120, 6))
    assert (part["seconds"]["BROKEN"], part["reasons"]) == (20, {"refused": 1})


async def test_uptime_is_cut_as_asked(client: httpx.AsyncClient, told: Fleet) -> None:
    query = {"since": "2026-11-22T13:30:00Z", "until": "2026-11-22T15:30:00Z", "by": "hour"}

    answer = await client.get(f"{API}/madre/uptime", params=query)

    assert [part["from"][11:16] for part in answer.json()["parts"]] == ["13:30", "14:00", "15:00"]


async def test_incidents_tell_when_and_why(client: httpx.AsyncClient, told: Fleet) -> None:
    answer = await client.get(f"{API}/madre/incidents", params={"since": FROM, "until": TO})

    [incident] = answer.json()["incidents"]
    assert (incident["duration_s"], incident["reasons"]) == (20, ["refused"])


async def test_a_quoted_name_is_asked_about(client: httpx.AsyncClient, told: Fleet) -> None:
    answer = await client.get(f"{API}/a%2Fresults/uptime", params={"since": FROM, "until": TO})

    assert answer.json()["parts"][0]["uptime"] is None


async def test_a_month_tells_every_service(client: httpx.AsyncClient, told: Fleet) -> None:
    answer = await client.get("/api/v1/sla", params={"month": "2026-11", "target": 99.9})

    verdicts = {line["service"]: line["verdict"] for line in answer.json()["services"]}
    assert (answer.json()["met"], verdicts.pop("madre")) == (False, "missed")
    assert set(verdicts.values()) == {"unknown"}


async def test_days_that_are_over_are_told_for_every_service(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    noon = time.time_ns() // 10**6 // DAY * DAY - DAY // 2
    times = (noon - 2 * DAY, noon - DAY - DAY // 4, noon - DAY)
    well, failed = success(), refusal()
    kinds = zip(times, (well, failed, well), strict=True)
    await fleet.tell(*(kind._replace(checked_at=at) for at, kind in kinds))
    upkeep = Upkeep(fleet.url, Keep())
    while upkeep.step(noon + DAY):
        pass
    upkeep.close()

    answer = (await client.get("/api/v1/days", params={"count": 4})).json()

    assert answer["uptimes"]["madre"] == [None, 1.0, 0.75, None]
    assert answer["first"] == rfc3339(noon - 3 * DAY)[:10]


MAINTENANCE = Window("patches", frozenset({"madre"}), (), Once(AT - 20 * SECOND, AT))


@pytest.mark.parametrize(("asked", "left_out"), [({}, True), ({"maintenance": "in"}, False)])
async def test_maintenance_is_left_out_unless_it_is_asked_for(
    client: httpx.AsyncClient, told: Fleet, asked: dict[str, str], left_out: bool
) -> None:
    told.windows = (MAINTENANCE,)
    span = {"since": str(FROM), "until": str(TO)}

    uptime = await client.get(f"{API}/madre/uptime", params=span | asked)
    incidents = await client.get(f"{API}/madre/incidents", params=span | asked)
    month = await client.get("/api/v1/sla", params={"month": "2026-11"} | asked)

    [part], lines = uptime.json()["parts"], month.json()["services"]
    assert part["uptime"] == (1.0 if left_out else round(100 / 120, 6))
    assert part["maintenance_s"] == lines[0]["maintenance_s"] == (20 if left_out else 0)
    assert len(incidents.json()["incidents"]) == (0 if left_out else 1)
    assert lines[0]["verdict"] == ("met" if left_out else "missed")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"{API}/madre/uptime?by=week", "by: "),
        (f"{API}/madre/uptime?since=soon", "since: 'soon' is not a time"),
        (f"{API}/madre/uptime?since=1h&until=2h", "since: the time that it names"),
        (f"{API}/madre/uptime?since=1970-01-01&by=hour", "by: hour makes more than"),
        (f"{API}/madre/incidents?until=x", "until: 'x' is not a time"),
        ("/api/v1/sla?month=2026", "month: '2026' is not a month"),
        ("/api/v1/sla", "month: "),
        ("/api/v1/sla?month=2026-10&target=101", "target: "),
        ("/api/v1/sla?month=2026-10&maintenance=maybe", "maintenance: "),
    ],
)
async def test_a_wrong_question_is_422_with_a_remedy(
    client: httpx.AsyncClient, told: Fleet, path: str, said: str
) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["error"][: len(said)]) == (422, said)


@pytest.mark.parametrize("question", ["uptime", "incidents"])
async def test_a_service_that_nobody_knows_is_404(
    client: httpx.AsyncClient, told: Fleet, question: str
) -> None:
    assert (await client.get(f"{API}/nobody/{question}")).status_code == 404
