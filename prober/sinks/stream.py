"""The sink that tells listeners, as JSON, which statuses change and what each probe found."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson

from prober.hub import RESULT, STATUS, Hub
from prober.model import Observation, Result, Service, Status, Transition
from prober.reports.fleet import result_json
from prober.reports.times import rfc3339
from prober.sinks.base import Sink

TOGETHER = 500  # texts that are published at once; between them, those before are sent


class Stream(Sink):
    """Publishes on the hub; where nobody listens, nothing is written."""

    name = "stream"
    lossless = False
    linger_s = 0.0

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def retarget(self, services: Sequence[Service]) -> None:
        """Nothing of a service is kept."""

    async def write(self, batch: Sequence[Observation]) -> None:
        """Publish a batch's changes of status, then its results."""
        for start in range(0, len(batch), TOGETHER):
            part = batch[start : start + TOGETHER]
            self._publish(STATUS, [_change(o.transition) for o in part if o.transition])
            if self._hub.wanted(RESULT):
                self._publish(RESULT, [_found(o.status, o.result) for o in part if o.result])
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _publish(self, topic: str, messages: list[dict[str, object]]) -> None:
        if messages and self._hub.wanted(topic):
            texts = [orjson.dumps({"channel": topic} | message).decode() for message in messages]
            self._hub.publish(topic, *texts)


def _change(transition: Transition) -> dict[str, object]:
    return {
        "type": "changed",
        "service": transition.service,
        "old": transition.old.value,
        "new": transition.new.value,
        "reason": transition.reason and transition.reason.value,
        "at": rfc3339(transition.at),
    }


def _found(status: Status, result: Result) -> dict[str, object]:
    told = {"type": "probed", "service": result.service, "status": status.value}
    return told | result_json(result) | {"message": result.message, "stalled": result.stalled}
