"""What a server answered, by whatever version of HTTP."""

from __future__ import annotations

from typing import NamedTuple

from prober.blackbox.handshake import Handshake
from prober.blackbox.http.bodies import Body
from prober.blackbox.http.heads import Head


class Answer(NamedTuple):
    """`length` is what was told of the body's, -1 where nothing was; `tls` is the connection's."""

    head: Head
    length: int
    body: Body
    tls: Handshake | None
