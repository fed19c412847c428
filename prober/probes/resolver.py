"""Resolve names, each in a thread of its own, so that one that hangs holds up no other.

libcurl resolves with 20 threads at most, behind which healthy names would wait until they seem
dead, and it waits for those threads when it is closed.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import threading
from contextlib import suppress


class Resolver:
    """Asks the system's resolver for one event loop. Nothing is remembered."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked: dict[str, asyncio.Future[list[str]]] = {}

    async def resolve(self, host: str, timeout_s: float) -> list[str]:
        """The addresses of a host, in the order in which they should be tried.

        Who asks for a name that is being asked for gets the same answer, so there are never more
        threads than names. Raises OSError (gaierror where the name has none), or TimeoutError.
        """
        answer = self._asked.get(host) or self._ask(host)
        await asyncio.wait((answer,), timeout=timeout_s)  # cancels nothing: others may wait too
        if not answer.done():
            raise TimeoutError
        return answer.result()

    def _ask(self, host: str) -> asyncio.Future[list[str]]:
        answer: asyncio.Future[list[str]] = self._loop.create_future()
        # Nobody may be left to hear of a failure: without this, asyncio would complain.
        answer.add_done_callback(lambda done: done.exception())
        # A daemon: it can't be interrupted, and must not delay the end of the process.
        thread = threading.Thread(target=self._look_up, args=(host, answer), daemon=True)
        thread.start()
        self._asked[host] = answer
        return answer

    def _look_up(self, host: str, answer: asyncio.Future[list[str]]) -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            told = functools.partial(answer.set_result, [str(entry[4][0]) for entry in found])
        except ValueError as error:  # no name at all: it is too long, or has an empty part
            missing = socket.gaierror(socket.EAI_NONAME, f"it is no valid name: {error}")
            told = functools.partial(answer.set_exception, missing)
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits must get it
            told = functools.partial(answer.set_exception, error)
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._tell, host, told)

    def _tell(self, host: str, told: functools.partial[None]) -> None:
        del self._asked[host]
        told()


def chosen(addresses: list[str], ip_protocol: str) -> list[list[str]]:
    """The addresses that a service wants (see `wire.Wire`), in groups to be tried in turn.

    Raises gaierror where there are none.
    """
    if ip_protocol == "any":
        return [addresses]
    version = ip_protocol[-1]
    wanted = [address for address in addresses if (":" in address) is (version == "6")]
    others = [address for address in addresses if address not in wanted]
    groups = [wanted, others] if ip_protocol.startswith("prefer") else [wanted]
    if not any(groups):
        raise socket.gaierror(socket.EAI_NONAME, f"it has no IPv{version} address")
    return [group for group in groups if group]


@functools.lru_cache(maxsize=65_536)
def needs_resolving(host: str) -> bool:
    """Whether a host is a name that must be asked for; libcurl knows localhost by itself."""
    if host.lower() == "localhost":
        return False
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False
