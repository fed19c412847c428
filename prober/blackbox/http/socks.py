"""Ask a SOCKS5 proxy for a way to a host and port (RFC 1928, passwords by RFC 1929)."""

from __future__ import annotations

import ipaddress

from prober.blackbox.http.heads import Malformed
from prober.blackbox.http.incoming import Incoming
from prober.blackbox.streams import Stream

VERSION, CONNECT, LONGEST = 5, 1, 255
PLAIN, PASSWORD = 0, 2
IP4, NAME, IP6 = 1, 3, 4
ADDRESS_SIZES = {IP4: 4, IP6: 16}


async def connect(
    stream: Stream, host: str, port: int, credentials: tuple[str, str] | None
) -> None:
    """Make of a connection to a proxy one to a host. Raises OSError, `Malformed`."""
    incoming = Incoming(stream)
    methods = bytes((PLAIN, PASSWORD) if credentials else (PLAIN,))
    await stream.write(bytes((VERSION, len(methods))) + methods)
    version, method = await _exactly(incoming, 2)
    if version != VERSION or method not in methods:
        raise Malformed("the proxy lets nobody through in this way")
    if method == PASSWORD and credentials:
        await stream.write(b"\1" + b"".join(map(_counted, credentials)))
        if (await _exactly(incoming, 2))[1]:
            raise Malformed("the proxy refused the password")
    await stream.write(bytes((VERSION, CONNECT, 0)) + _written(host) + port.to_bytes(2))
    version, refusal, _, kind = await _exactly(incoming, 4)
    if version != VERSION or refusal:
        raise Malformed(f"the proxy refused with {refusal}")
    size = ADDRESS_SIZES.get(kind) or (await _exactly(incoming, 1))[0]
    await _exactly(incoming, size + 2)


def _written(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bytes((NAME,)) + _counted(host)
    kind = IP6 if isinstance(address, ipaddress.IPv6Address) else IP4
    return bytes((kind,)) + address.packed


def _counted(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > LONGEST:
        raise Malformed("a name or a password is too long for SOCKS")
    return bytes((len(raw),)) + raw


async def _exactly(incoming: Incoming, size: int) -> bytes:
    if len(await incoming.peek(size)) < size:
        raise Malformed("the proxy ended the connection")
    return await incoming.some(size)
