"""Name what ended a transfer: libcurl's codes in the words of httpx and of prober."""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

import httpx
import pycurl

from prober.model import Phase, Reason


class Fault(NamedTuple):
    """Why a transfer failed: httpx's class for it, the closed reason, the phase, a sentence."""

    error: type[httpx.RequestError]
    reason: Reason
    phase: Phase
    message: str


class Failed(NamedTuple):
    """What libcurl says of a failed transfer.

    `code` is a CURLE code, `detail` its text, `os_errno` the last system error or 0. `reached` is
    the phase that the timings show as not completed. `peer` is the host and port, or the address
    once it is known.
    """

    code: int
    detail: str
    os_errno: int
    reached: Phase
    peer: str


class Kind(NamedTuple):
    """A line of the table: httpx's class, the reason, and the phase where the code tells it."""

    error: type[httpx.RequestError]
    reason: Reason
    phase: Phase | None = None


OURS = Kind(httpx.TransportError, Reason.PROBER)
TLS = Kind(httpx.ConnectError, Reason.TLS, Phase.TLS)
PROTOCOL = Kind(httpx.RemoteProtocolError, Reason.PROTOCOL)
CUT = Kind(httpx.RemoteProtocolError, Reason.RESET)
TOO_LARGE = Kind(httpx.RemoteProtocolError, Reason.TOO_LARGE)

# pycurl has no names for the codes above 91.
E_HTTP2_STREAM, E_HTTP3, E_QUIC_CONNECT, E_PROXY, E_SSL_CLIENTCERT = 92, 95, 96, 97, 98
E_UNRECOVERABLE_POLL, E_TOO_LARGE, E_ECH_REQUIRED, E_AUTH_ERROR = 99, 100, 101, 94
E_RECURSIVE_API_CALL = 93

KINDS: dict[int, Kind] = {
    pycurl.E_UNSUPPORTED_PROTOCOL: PROTOCOL,  # HTTP/0.9, or a redirect to ftp://
    pycurl.E_FAILED_INIT: OURS,
    pycurl.E_URL_MALFORMAT: PROTOCOL,  # in a redirect
    pycurl.E_NOT_BUILT_IN: OURS,
    pycurl.E_COULDNT_RESOLVE_PROXY: OURS,
    pycurl.E_COULDNT_RESOLVE_HOST: Kind(httpx.ConnectError, Reason.DNS, Phase.RESOLVE),
    pycurl.E_COULDNT_CONNECT: Kind(httpx.ConnectError, Reason.REFUSED, Phase.CONNECT),
    pycurl.E_FTP_WEIRD_SERVER_REPLY: PROTOCOL,  # HTTP too, whatever the name says
    pycurl.E_REMOTE_ACCESS_DENIED: PROTOCOL,
    pycurl.E_HTTP2: PROTOCOL,
    pycurl.E_PARTIAL_FILE: CUT,
    pycurl.E_HTTP_RETURNED_ERROR: PROTOCOL,
    pycurl.E_WRITE_ERROR: OURS,
    pycurl.E_UPLOAD_FAILED: PROTOCOL,
    pycurl.E_READ_ERROR: OURS,
    pycurl.E_OUT_OF_MEMORY: OURS,
    pycurl.E_OPERATION_TIMEDOUT: Kind(httpx.ReadTimeout, Reason.TIMEOUT),
    pycurl.E_RANGE_ERROR: PROTOCOL,
    pycurl.E_SSL_CONNECT_ERROR: TLS,
    pycurl.E_FUNCTION_NOT_FOUND: OURS,
    pycurl.E_ABORTED_BY_CALLBACK: OURS,
    pycurl.E_BAD_FUNCTION_ARGUMENT: OURS,
    pycurl.E_INTERFACE_FAILED: OURS,
    pycurl.E_TOO_MANY_REDIRECTS: Kind(httpx.TooManyRedirects, Reason.PROTOCOL, Phase.PROCESSING),
    pycurl.E_UNKNOWN_OPTION: OURS,
    pycurl.E_TELNET_OPTION_SYNTAX: OURS,
    pycurl.E_GOT_NOTHING: CUT,
    pycurl.E_SSL_ENGINE_NOTFOUND: OURS,
    pycurl.E_SSL_ENGINE_SETFAILED: OURS,
    pycurl.E_SEND_ERROR: Kind(httpx.WriteError, Reason.RESET),
    pycurl.E_RECV_ERROR: Kind(httpx.ReadError, Reason.RESET),
    pycurl.E_SSL_CERTPROBLEM: OURS,
    pycurl.E_SSL_CIPHER: TLS,
    pycurl.E_PEER_FAILED_VERIFICATION: TLS,
    pycurl.E_BAD_CONTENT_ENCODING: Kind(httpx.DecodingError, Reason.PROTOCOL),
    pycurl.E_FILESIZE_EXCEEDED: TOO_LARGE,
    pycurl.E_USE_SSL_FAILED: TLS,
    pycurl.E_SEND_FAIL_REWIND: PROTOCOL,
    pycurl.E_SSL_ENGINE_INITFAILED: OURS,
    pycurl.E_LOGIN_DENIED: PROTOCOL,
    pycurl.E_SSL_CACERT_BADFILE: OURS,
    pycurl.E_SSL_SHUTDOWN_FAILED: TLS,
    pycurl.E_AGAIN: OURS,
    pycurl.E_SSL_CRL_BADFILE: OURS,
    pycurl.E_SSL_ISSUER_ERROR: TLS,
    pycurl.E_CHUNK_FAILED: OURS,
    pycurl.E_NO_CONNECTION_AVAILABLE: OURS,
    pycurl.E_SSL_PINNEDPUBKEYNOTMATCH: TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: TLS,
    E_HTTP2_STREAM: PROTOCOL,
    E_RECURSIVE_API_CALL: OURS,
    E_AUTH_ERROR: OURS,
    E_HTTP3: PROTOCOL,
    E_QUIC_CONNECT: PROTOCOL,
    E_PROXY: OURS,
    E_SSL_CLIENTCERT: TLS,
    E_UNRECOVERABLE_POLL: OURS,
    E_TOO_LARGE: TOO_LARGE,
    E_ECH_REQUIRED: TLS,
}

# The system's word is more exact than libcurl's where a socket call failed. A host that can't be
# reached is the service's; a network that can't be reached, and anything that this host lacks or
# forbids, is prober's own.
ERRNO_REASONS: dict[int, Reason] = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.EHOSTUNREACH: Reason.REFUSED,
    errno.EHOSTDOWN: Reason.REFUSED,
    errno.ENOENT: Reason.REFUSED,  # of a Unix socket: nobody listens there
    errno.ECONNRESET: Reason.RESET,
    errno.ECONNABORTED: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.ENETUNREACH: Reason.PROBER,
    errno.ENETDOWN: Reason.PROBER,
    errno.EADDRNOTAVAIL: Reason.PROBER,
    errno.EMFILE: Reason.PROBER,
    errno.ENFILE: Reason.PROBER,
    errno.ENOBUFS: Reason.PROBER,
    errno.ENOMEM: Reason.PROBER,
    errno.EPERM: Reason.PROBER,
    errno.EACCES: Reason.PROBER,
}

SENTENCES: dict[Reason, str] = {
    Reason.TIMEOUT: "no answer from {peer} in time: stuck in {phase}",
    Reason.REFUSED: "refused by {peer}",
    Reason.RESET: "connection closed by {peer} in {phase}",
    Reason.DNS: "{detail}",
    Reason.TLS: "TLS: the handshake with {peer} failed: {detail}",
    Reason.PROTOCOL: "{peer} does not speak HTTP as it should: {detail}",
    Reason.TOO_LARGE: "{peer} sent too much: {detail}",
    Reason.PROBER: "prober's own trouble, not the service's: {detail}",
}

VERIFICATION = "TLS: {detail}"

SOCKET_CODES = frozenset(
    {
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_SEND_ERROR,
        pycurl.E_RECV_ERROR,
    }
)

# The same codes stand for a request that prober wrote wrongly, where nothing was connected yet.
SUSPECT = frozenset({pycurl.E_UNSUPPORTED_PROTOCOL, pycurl.E_URL_MALFORMAT})

# libcurl has one code for everything that goes wrong while it reads. Where the system reports no
# error, what came was wrong, and only the text tells how.
RECEIVED: tuple[tuple[str, Kind], ...] = (
    ("Too large response headers", TOO_LARGE),
    ("Too many response headers", TOO_LARGE),
    ("OpenSSL SSL_read", CUT),  # closed without TLS's goodbye
    ("", PROTOCOL),
)

# A proxy that forbids is prober's trouble; one that can't get through tells of the service.
TUNNELS: tuple[tuple[str, Kind], ...] = (
    ("CONNECT tunnel failed, response 4", Kind(httpx.ProxyError, Reason.PROBER, Phase.CONNECT)),
    ("CONNECT tunnel failed", Kind(httpx.ProxyError, Reason.REFUSED, Phase.CONNECT)),
)

BEFORE_REQUEST = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS})
BEFORE_CONNECTION = frozenset({Phase.RESOLVE, Phase.CONNECT})


def explain(failed: Failed) -> Fault:
    """Name a failed transfer: its class, reason and phase, and a sentence for people."""
    kind = _kind(failed)
    reason = _reason(failed, kind)
    phase = kind.phase or failed.reached
    error = _timeout(phase) if reason is Reason.TIMEOUT else kind.error
    verified = failed.code == pycurl.E_PEER_FAILED_VERIFICATION
    sentence = VERIFICATION if verified else SENTENCES[reason]
    message = sentence.format(peer=failed.peer, phase=phase, detail=_detail(failed))
    return Fault(error, reason, phase, message)


def proxy_fault(code: int, detail: str, os_errno: int, proxy: str) -> tuple[int, str]:
    """The code and text for a proxy that can't be connected to, which is no service's failure."""
    if code not in (pycurl.E_COULDNT_CONNECT, pycurl.E_OPERATION_TIMEDOUT):
        return code, detail
    said = os.strerror(os_errno) if os_errno else detail
    peer = proxy.partition("://")[2].rpartition("@")[2]  # without its password
    return E_PROXY, f"the proxy {peer} can't be reached, {said}"


def _kind(failed: Failed) -> Kind:
    for start, kind in TUNNELS:
        if failed.detail.startswith(start):
            return kind
    if failed.code in SUSPECT and failed.reached in BEFORE_CONNECTION:
        return OURS
    if failed.code == pycurl.E_COULDNT_CONNECT and not failed.os_errno:
        return OURS._replace(phase=Phase.CONNECT)  # no socket was even opened
    if failed.code == pycurl.E_RECV_ERROR and not failed.os_errno:
        return next(kind for start, kind in RECEIVED if failed.detail.startswith(start))
    return KINDS.get(failed.code, OURS)


def _reason(failed: Failed, kind: Kind) -> Reason:
    if failed.code in SOCKET_CODES:
        return ERRNO_REASONS.get(failed.os_errno, kind.reason)
    return kind.reason


def _timeout(phase: Phase) -> type[httpx.TimeoutException]:
    return httpx.ConnectTimeout if phase in BEFORE_REQUEST else httpx.ReadTimeout


def _detail(failed: Failed) -> str:
    if failed.os_errno and failed.code in SOCKET_CODES:
        return os.strerror(failed.os_errno)
    text = failed.detail or pycurl.easy_strerror(failed.code)
    return text if failed.code in KINDS else f"libcurl's error {failed.code}, {text}"
