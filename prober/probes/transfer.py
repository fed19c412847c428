"""One libcurl easy handle: prepared once for a set of options, then used for a URL at a time."""

from __future__ import annotations

import asyncio
import ssl
import time
from itertools import pairwise

import certifi
import pycurl

from prober.model import Phase, Timings
from prober.probes import certificates
from prober.probes.certificates import Tls
from prober.probes.exchange import Exchange, Options, Request
from prober.probes.faults import BEFORE_CONNECTION, Failed, explain, proxy_fault
from prober.probes.preparing import prepared
from prober.probes.snippet import LONGEST_MESSAGE, printable

AGREED = b"SSL connection using "

HTTP_VERSIONS: dict[int, str] = {
    pycurl.CURL_HTTP_VERSION_1_0: "1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "2",
}


class Transfer:
    """An easy handle with the body that it gathers; `done` is the future of the one who waits."""

    __slots__ = (
        "_agreed",
        "_chunks",
        "_headers",
        "_keeps_cookies",
        "_known",
        "_limit",
        "_server_name",
        "_size",
        "_url",
        "curl",
        "done",
        "options",
    )

    def __init__(self, options: Options, ca_file: str) -> None:
        self.options = options
        self.curl = pycurl.Curl()
        self.done: asyncio.Future[Exchange]
        self._limit = options.body_limit
        self._chunks: list[bytes] = []
        self._size = 0
        self._url = ""
        self._known: list[str] = []
        self._headers: list[bytes] = []
        self._keeps_cookies = options.follow_redirects
        self._server_name = options.wire.tls.server_name
        for option, value in prepared(options, ca_file):
            self.curl.setopt(option, value)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._write)
        if options.wants_headers:
            self.curl.setopt(pycurl.HEADERFUNCTION, self._note)
        self._agreed: tuple[str | None, str | None] = (None, None)
        if options.wants_tls:
            self.curl.setopt(pycurl.VERBOSE, 1)
            self.curl.setopt(pycurl.DEBUGFUNCTION, self._overhear)

    def aim(
        self, request: Request, timeout_s: float, done: asyncio.Future[Exchange], known: list[str]
    ) -> None:
        """Make ready for a request that may take `timeout_s` in all.

        `known` is the addresses of its host as libcurl's RESOLVE wants them, or empty.
        """
        self._chunks = []
        self._size = 0
        self._agreed = (None, None)
        self._url = request.url
        self.done = done
        self.curl.setopt(pycurl.URL, request.url.encode())
        if self._keeps_cookies:
            self.curl.setopt(pycurl.COOKIELIST, "ALL")  # forgets those of the one before
        if self._server_name:
            host = f"[{request.host}]" if ":" in request.host else request.host
            way = f"{self._server_name}:{request.port}:{host}:{request.port}"
            self.curl.setopt(pycurl.CONNECT_TO, [way])
        self.curl.setopt(pycurl.TIMEOUT_MS, max(int(timeout_s * 1000), 1))
        if known != self._known:  # an empty list clears what the one before has set
            self._known = known
            self.curl.setopt(pycurl.RESOLVE, known)

    def exchange(self) -> Exchange:
        """What a transfer that came to its end has brought."""
        get = self.curl.getinfo
        resolved = get(pycurl.NAMELOOKUP_TIME_T)
        connected = get(pycurl.CONNECT_TIME_T)
        secured = get(pycurl.APPCONNECT_TIME_T)
        started = get(pycurl.STARTTRANSFER_TIME_T)
        total = get(pycurl.TOTAL_TIME_T)
        # A kept connection has nothing to connect: its marks may be 0, or before each other.
        ready = max(secured, connected, resolved)
        timings = Timings(
            resolved / 1000,
            max(connected - resolved, 0) / 1000,
            max(secured - connected, 0) / 1000,
            max(started - ready, 0) / 1000,
            max(total - started, 0) / 1000,
        )
        expiry = self._tls_expiry() if secured else None
        return Exchange(
            get(pycurl.HTTP_CODE),
            self._body(),
            timings,
            total / 1000,
            expiry,
            tls=self._tls() if self.options.wants_tls else None,
            http_version=HTTP_VERSIONS.get(get(pycurl.INFO_HTTP_VERSION)),
            headers=self._header_pairs() if self._headers else (),
            cut=self._size > self._limit,
        )

    def failure(self, code: int, detail: str) -> Exchange:
        """What a transfer that libcurl ended with an error has brought.

        That prober itself stopped reading at the body's limit is no failure.
        """
        if code == pycurl.E_WRITE_ERROR and self._size > self._limit:
            return self.exchange()
        get = self.curl.getinfo
        reached, timings = self._progress()
        http_code, os_errno = get(pycurl.HTTP_CODE), get(pycurl.OS_ERRNO)
        if self._awaits_redirect(http_code):
            reached = self._phase_after_redirect(code, detail)
        tls = self._tls()
        if code == pycurl.E_PEER_FAILED_VERIFICATION:
            detail = certificates.complaint(detail, tls, time.time())
        if self.options.wire.proxy and get(pycurl.USED_PROXY) and reached in BEFORE_CONNECTION:
            code, detail = proxy_fault(code, detail, os_errno, self.options.wire.proxy)
        failed = Failed(code, detail, os_errno, reached, self._peer())
        total_ms = get(pycurl.TOTAL_TIME_T) / 1000
        return failed_exchange(failed, timings, total_ms)._replace(
            http_code=http_code or None,
            body=self._body(),
            tls_expiry=tls and tls.expiry,
            tls=tls,
        )

    def _write(self, data: bytes) -> int | None:
        self._chunks.append(data)
        self._size += len(data)
        return 0 if self._size > self._limit else None  # 0 makes libcurl stop, None go on

    def _note(self, line: bytes) -> None:
        if line[:5] == b"HTTP/":  # the head of an answer, of which a redirect brings several
            self._headers = []
        self._headers.append(line)

    def _overhear(self, kind: int, text: bytes) -> None:
        # Nowhere but in its talk does libcurl tell what TLS agreed on.
        if kind == pycurl.INFOTYPE_TEXT and text.startswith(AGREED):
            version, cipher = text.removeprefix(AGREED).decode().split(" / ")[:2]
            self._agreed = version, cipher

    def _header_pairs(self) -> tuple[tuple[str, str], ...]:
        lines = [line.decode("latin-1").partition(":") for line in self._headers[1:]]
        return tuple((name.strip(), value.strip()) for name, colon, value in lines if colon)

    def _body(self) -> bytes:
        return b"".join(self._chunks)[: self._limit]

    def _progress(self) -> tuple[Phase, Timings]:
        """The first phase that was not completed, which is charged with the time that is left."""
        get = self.curl.getinfo
        marks = [get(pycurl.NAMELOOKUP_TIME_T), get(pycurl.CONNECT_TIME_T)]
        marks.append(get(pycurl.APPCONNECT_TIME_T) if self._url[:5] == "https" else marks[1])
        marks.append(get(pycurl.STARTTRANSFER_TIME_T))
        reached = marks.index(0) if 0 in marks else len(marks)
        ends = [0, *marks[:reached], get(pycurl.TOTAL_TIME_T)]
        spans = [max(end - start, 0) / 1000 for start, end in pairwise(ends)]
        return list(Phase)[reached], Timings(*spans, *[0.0] * (len(marks) - reached))

    def _awaits_redirect(self, http_code: int) -> bool:
        return 300 <= http_code < 400 and self.curl.getinfo(pycurl.REDIRECT_COUNT) > 0

    def _phase_after_redirect(self, code: int, detail: str) -> Phase:
        # The marks of all requests of a chain are added up, so they don't tell about the last one.
        if code != pycurl.E_OPERATION_TIMEDOUT or detail.startswith("Operation"):
            return Phase.PROCESSING
        get = self.curl.getinfo
        connected = get(pycurl.NUM_CONNECTS) > get(pycurl.REDIRECT_COUNT)
        return Phase.TLS if connected else Phase.CONNECT

    def _peer(self) -> str:
        if self.options.wire.unix_socket:
            return self.options.wire.unix_socket
        address = self.curl.getinfo(pycurl.PRIMARY_IP)
        if not address:
            # By hand, since what libcurl refused may be no URL at all.
            return self._url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        host = f"[{address}]" if ":" in address else address
        return f"{host}:{self.curl.getinfo(pycurl.PRIMARY_PORT)}"

    def _tls_expiry(self) -> int | None:
        chain = self.curl.getinfo_raw(pycurl.INFO_CERTINFO)
        return certificates.expiry(chain[0]) if chain else None

    def _tls(self) -> Tls | None:
        tls = certificates.read(self.curl.getinfo_raw(pycurl.INFO_CERTINFO))
        version, cipher = self._agreed
        return tls and tls._replace(version=version, cipher=cipher)


def failed_exchange(failed: Failed, timings: Timings, total_ms: float) -> Exchange:
    """An exchange that brought nothing but the reason why."""
    fault = explain(failed)
    message = printable(fault.message, LONGEST_MESSAGE)  # a server may have put in it what it liked
    return Exchange(
        None,
        b"",
        timings,
        total_ms,
        None,
        fault.error(message),
        fault.reason,
        fault.phase,
        message,
        failed.os_errno,
    )


def system_ca_file() -> str:
    """The bundle of trusted certificates: the system's (or SSL_CERT_FILE), else certifi's."""
    return ssl.get_default_verify_paths().cafile or certifi.where()
