"""One connection to a service with TLS, which carries one request after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pycurl

from prober.probes import securing
from prober.probes.connection import Connection, HandOver, Stale, now_us
from prober.probes.exchange import Exchange
from prober.probes.securing import Chain, Session, Trust
from prober.probes.speaking import Place, Spoken

RETRIED_AFTER_S = 3600.0
HTTP_1 = (None, b"http/1.1")
# libcurl's words for a connection that is closed without TLS's goodbye.
NO_GOODBYE = "OpenSSL SSL_read: no goodbye"


class Doubt(HandOver):
    """A handshake was right, but libcurl has not judged this chain of certificates yet."""

    def __init__(self, trust: Trust, place: Place, chain: Chain) -> None:
        super().__init__(RETRIED_AFTER_S)
        self._trust = trust
        self._place = place
        self._chain = chain

    def clear(self) -> None:
        """libcurl is content with what it found."""
        self._trust.approve(self._place, self._chain)


class SecuredConnection(Connection):
    """See Connection. What is wrong with a handshake raises HandOver, and so does what is new."""

    def __init__(
        self,
        place: Place,
        address: str,
        on_idle: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
        trust: Trust,
    ) -> None:
        super().__init__(place, address, on_idle, on_lost)
        self._trust = trust
        self._session: Session
        # A server that libcurl has not vouched for may be put off by rustls's first message, which
        # is long: libcurl needs time, too.
        self._is_trial = not trust.knows(place)

    def ask(
        self, spoken: Spoken, began_us: int, left_s: float, interrupt: Callable[[], object]
    ) -> asyncio.Future[Exchange]:
        """See Connection."""
        left_s = left_s / 2 if self._is_trial else left_s
        return super().ask(spoken, began_us, left_s, interrupt)

    def unconnected(self, error: OSError) -> Exchange:
        """See Connection."""
        exchange = super().unconnected(error)
        if self._is_trial and self.is_late:
            raise HandOver(RETRIED_AFTER_S)
        return exchange

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            clear = self._session.receive(data)
        except securing.Broken:
            self._break_off()
            return
        if not self._ready_us and not self._is_ready():
            return
        self._answer_back()
        if clear:
            super().data_received(clear)
        if self._session.was_dismissed():
            self._part()

    def _begin(self, transport: asyncio.Transport) -> None:
        try:
            self._session = self._trust.session(self.place)
        except securing.Broken:
            self._settle(HandOver(RETRIED_AFTER_S))
        else:
            transport.write(self._session.outgoing())

    def _send(self, transport: asyncio.Transport) -> None:
        transport.write(self._session.send(self._spoken.data))

    def _is_ready(self) -> bool:
        """Go on with the handshake, and tell whether the request was sent at its end."""
        if self._session.is_shaking():
            self._answer_back()
            return False
        chain = self._session.chain()
        if self._session.protocol() not in HTTP_1:
            self._hand_over(HandOver(RETRIED_AFTER_S))
            return False
        if not self._trust.knows(self.place, chain):
            self._hand_over(Doubt(self._trust, self.place, chain))
            return False
        self._tls_expiry = securing.expiry(chain[0])
        self._ready_us = now_us()
        if self._transport is not None:
            self._send(self._transport)
        return True

    def _answer_back(self) -> None:
        data = self._session.outgoing()
        if data and self._transport is not None:
            self._transport.write(data)

    def _hand_over(self, why: HandOver) -> None:
        self._close()
        self._settle(why)

    def _break_off(self) -> None:
        if self._done is None:
            self._abort()
        elif self._is_used and self._answer is None:
            self._settle(Stale())
        else:
            self._settle(HandOver(RETRIED_AFTER_S))

    def _part(self) -> None:
        """The service has said goodbye."""
        if self._done is None:
            self._abort()
        else:
            super()._lose(None)

    def _lose(self, exc: Exception | None) -> None:
        if not self._ready_us:
            self._settle(HandOver(RETRIED_AFTER_S))
        elif exc is None and not (self._is_used and self._answer is None):
            self._settle(self._failure(pycurl.E_RECV_ERROR, NO_GOODBYE))
        else:
            super()._lose(exc)

    def _time_out(self) -> None:
        if self._is_trial and self.is_open():
            self._settle(HandOver(RETRIED_AFTER_S))
        else:
            super()._time_out()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.write(self._session.outgoing() + self._session.goodbye())
            self._transport.close()
