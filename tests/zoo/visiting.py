"""Both answers about each behaviour: blackbox_exporter's over HTTP, prober's in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from zoo import inside
from zoo.behaviours import Behaviour, Ground
from zoo.comparing import differences, samples
from zoo.exporter import CONFIG, Exporter, exporting

AT_ONCE = 16


@dataclass(frozen=True)
class Finding:
    """What differs about a behaviour, by metric, and all that both sides said."""

    differing: dict[str, str]
    theirs: str
    ours: str
    log: Sequence[str]


def visit(ground: Ground, behaviours: Sequence[Behaviour]) -> dict[str, Finding]:
    """Probe all behaviours by both, several at once; the findings by name."""
    modules = {b.name: ground.filled(b.module) for b in behaviours}
    with exporting(ground.folder, modules) as exporter:
        return asyncio.run(_visit_all(exporter, ground, behaviours))


async def _visit_all(
    exporter: Exporter, ground: Ground, behaviours: Iterable[Behaviour]
) -> dict[str, Finding]:
    gate, numbers = asyncio.Semaphore(AT_ONCE), count()

    async def one(behaviour: Behaviour) -> Finding:
        async with gate:
            return await _visit(prober, exporter, ground, behaviour, next(numbers))

    with inside.probing(ground.folder / CONFIG) as prober:
        tasks = {b.name: asyncio.create_task(one(b)) for b in behaviours}
        return {name: await task for name, task in tasks.items()}


async def _visit(
    prober: inside.Prober, exporter: Exporter, ground: Ground, behaviour: Behaviour, number: int
) -> Finding:
    # Servers start and stop in a thread: certificates may have to be made first.
    serving = behaviour.serve(ground)
    target = await asyncio.to_thread(serving.__enter__)
    try:
        theirs = await asyncio.to_thread(exporter.probe, target, behaviour.name, behaviour.hostname)
        answer = await prober.probe(behaviour, target, number)
    finally:
        await asyncio.to_thread(serving.__exit__, None, None, None)
    return Finding(
        differences(samples(theirs), samples(answer.text)), theirs, answer.text, answer.log
    )
