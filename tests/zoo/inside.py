"""prober's side of the zoo: probes on demand in this process, asked as the main process would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from zoo.behaviours import Behaviour

from prober.blackbox.asking import Asking
from prober.channel import Answer, Ask
from prober.config import blackbox
from prober.config.ondemand import Allow, Blackbox
from prober.errors import Problem
from prober.module import Allowed, Module, Unusable

EVERYTHING = Allowed(networks=("0.0.0.0/0", "::/0"))
USUAL_S = 5.0  # what blackbox_exporter allows where a module says nothing: see `exporter.SCRAPE_S`


class Prober:
    """Answers as a worker does."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._modules = modules
        self._asking = Asking()
        self._numbers = count()

    async def probe(self, behaviour: Behaviour, target: str) -> Answer:
        """What it makes of a target that behaves so."""
        module = self._modules[behaviour.name]
        timeout_s = module.timeout_s or USUAL_S
        ask = Ask(next(self._numbers), target, module, behaviour.hostname, timeout_s, EVERYTHING)
        return await self._asking.answer(ask)


@contextmanager
def probing(config: Path) -> Iterator[Prober]:
    """A prober on the running loop that knows the modules of a blackbox.yml."""
    problems: list[Problem] = []
    allow = Allow.model_construct(hosts=("*",), networks=())
    settings = Blackbox.model_construct(config_file=config, allow=allow, timeout_offset=0.5)
    found = blackbox.read(settings, problems)
    assert not problems, problems
    usable = {name: m for name, m in found.modules.items() if not isinstance(m, Unusable)}
    yield Prober(usable)
