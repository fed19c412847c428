"""Both answers about each behaviour: blackbox_exporter's over HTTP, prober's in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from zoo import inside
from zoo.behaviours import Behaviour, Ground
from zoo.comparing import differences, samples
from zoo.exporter import CONFIG, Exporter, exporting
from zoo.tolerated import TOLERATED

# How many are probed at once. What surprises is probed again with fewer: a busy machine lets probes
# time out.
ROUNDS = (16, 4, 1)


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


def surprises(name: str, found: Finding) -> bool:
    """Whether other metrics of a behaviour differ than those that are tolerated."""
    return set(found.differing) != set(TOLERATED.get(name, ()))


async def _visit_all(
    exporter: Exporter, ground: Ground, behaviours: Iterable[Behaviour]
) -> dict[str, Finding]:
    findings: dict[str, Finding] = {}
    with inside.probing(ground.folder / CONFIG) as prober:
        visiting = partial(_visit, prober, exporter, ground)
        for at_once in ROUNDS:
            findings |= await _visit_some(visiting, behaviours, at_once)
            behaviours = [b for b in behaviours if surprises(b.name, findings[b.name])]
    return findings


async def _visit_some(
    visiting: Callable[[Behaviour], Awaitable[Finding]],
    behaviours: Iterable[Behaviour],
    at_once: int,
) -> dict[str, Finding]:
    gate = asyncio.Semaphore(at_once)

    async def one(behaviour: Behaviour) -> Finding:
        async with gate:
            return await visiting(behaviour)

    tasks = {b.name: asyncio.create_task(one(b)) for b in behaviours}
    return {name: await task for name, task in tasks.items()}


async def _visit(
    prober: inside.Prober, exporter: Exporter, ground: Ground, behaviour: Behaviour
) -> Finding:
    # Servers start and stop in a thread: certificates may have to be made first.
    serving = behaviour.serve(ground)
    target = await asyncio.to_thread(serving.__enter__)
    try:
        theirs = await asyncio.to_thread(exporter.probe, target, behaviour.name, behaviour.hostname)
        answer = await prober.probe(behaviour, target)
    except OSError as error:  # from the exporter, which took too long
        return Finding({"": repr(error)}, "", "", ())
    finally:
        await asyncio.to_thread(serving.__exit__, None, None, None)
    return Finding(
        differences(samples(theirs), samples(answer.text)), theirs, answer.text, answer.log
    )
