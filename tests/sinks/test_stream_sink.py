"""What the stream's sink tells of observations."""

from __future__ import annotations

import json

import pytest
from fleets import AT, refusal, success
from hearing import Ear

from prober.hub import RESULT, STATUS, Hub
from prober.model import Observation, Result, Status
from prober.reports.times import rfc3339
from prober.sinks.stream import TOGETHER, Stream
from prober.status import State, step


def observed(*results: Result) -> list[Observation]:
    """What the pipeline makes of results of one service."""
    state, batch = State(), []
    for result in results:
        state, observation = step(state, result)
        batch.append(observation)
    return batch


@pytest.fixture
def hub() -> Hub:
    return Hub()


async def test_a_change_of_status_is_told_once(hub: Hub) -> None:
    hub.join(ear := Ear(), {STATUS})

    await Stream(hub).write(observed(success(), success(), refusal()))

    first, second = map(json.loads, ear.texts)
    assert (first["old"], first["new"], first["reason"]) == ("UNKNOWN", "OK", None)
    assert second == {
        "channel": "status",
        "type": "changed",
        "service": "madre",
        "old": "OK",
        "new": "BROKEN",
        "reason": "refused",
        "at": rfc3339(AT),
    }


async def test_a_result_is_told_with_the_keys_of_the_api(hub: Hub) -> None:
    hub.join(ear := Ear(), {RESULT})

    await Stream(hub).write(observed(success()))

    (said,) = map(json.loads, ear.texts)
    assert list(said) == [
        "channel", "type", "service", "status", "http_code", "latency_ms", "endpoint_ok",
        "snippet", "reason", "phase", "checked_at", "message", "stalled",
    ]  # fmt: skip
    assert (said["type"], said["service"], said["status"]) == ("probed", "madre", "OK")


async def test_without_a_result_only_the_change_is_told(hub: Hub) -> None:
    hub.join(ear := Ear(), {STATUS, RESULT})
    (seen,) = observed(success())

    await Stream(hub).write([seen._replace(result=None, status=Status.UNKNOWN)])

    assert [json.loads(text)["channel"] for text in ear.texts] == ["status"]


async def test_a_large_batch_is_told_in_parts(hub: Hub) -> None:
    hub.join(ear := Ear(), {RESULT})

    await Stream(hub).write(observed(*[success()] * (TOGETHER + 1)))

    assert [len(texts) for texts in ear.told] == [TOGETHER, 1]
