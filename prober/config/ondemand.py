"""What the file says of probes on demand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from prober.config import access, values
from prober.config.fields import Many, Parsed, duration, setting
from prober.config.part import Part

Glob = Annotated[str, Parsed(values.glob, examples=["*.example.org"])]


class Allow(Part):
    """What may be probed: both a host's name and its address must be allowed."""

    hosts: Annotated[tuple[Glob, ...], Many(1)] = setting(
        ["*"], "Host names, as globs. A target that is an address needs none."
    )
    networks: Annotated[tuple[access.Network, ...], Many(0)] = setting(
        [], "Networks of addresses. Without one, nothing may be probed."
    )


class Blackbox(Part):
    """Probes on demand at /probe, as blackbox_exporter makes them."""

    config_file: Path = Field(description="A blackbox.yml, relative to the working directory.")
    allow: Allow = setting({}, "What may be probed.")
    timeout_offset: Annotated[float, duration("0ms")] = setting(
        "500ms", "How much sooner than Prometheus gives up a probe ends."
    )
