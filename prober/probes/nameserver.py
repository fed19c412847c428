"""Ask a name server of one's own choice for the addresses of a name."""

from __future__ import annotations

import socket

from prober.probes.eager import in_task


async def ask(server: str, host: str, timeout_s: float) -> list[str]:
    """The addresses of a host as `server` ("192.0.2.53:53", "[::1]:53") knows them, IPv6 first.

    Raises OSError (gaierror where the name has none), or TimeoutError.
    """
    await in_task()
    from dns import asyncresolver, exception, resolver  # dear, and few services want it

    address, _, port = server.rpartition(":")
    asking = asyncresolver.Resolver(configure=False)
    asking.nameservers = [address.strip("[]")]
    asking.port = int(port)
    try:
        found = await asking.resolve_name(host, lifetime=timeout_s)
    except exception.Timeout:
        raise TimeoutError from None
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        raise socket.gaierror(socket.EAI_NONAME, f"{server} knows no such name") from None
    except exception.DNSException as error:
        raise socket.gaierror(socket.EAI_AGAIN, f"{server} failed, {error}") from None
    return sorted(found.addresses(), key=lambda text: ":" not in text)
