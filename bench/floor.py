"""CPU time of the least that can be done: loops that make a request and look at nothing.

    python -m bench.floor LOOP URL CA_FILE KEPT REQUESTS

LOOP is `libcurl` (one easy handle, performed again and again) or `sockets` (blocking sockets, TLS
by the ssl module), one request at a time; KEPT is 0 or 1. Prints CPU µs per request.
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

import pycurl

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: floor\r\n\r\n"

Ask = Callable[[], None]


def libcurl(url: str, ca_file: str, kept: bool) -> Ask:
    """Asks by libcurl, with the options that a probe can't do without."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CAINFO, ca_file)
    curl.setopt(pycurl.FORBID_REUSE, int(not kept))
    curl.setopt(pycurl.SSL_SESSIONID_CACHE, 0)
    curl.setopt(pycurl.WRITEFUNCTION, len)
    return lambda: curl.perform()


def sockets(url: str, ca_file: str, kept: bool) -> Ask:
    """Asks by a socket of its own, and takes what comes first for the whole answer."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), int(parts.port or 0)
    context = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None

    def connect() -> socket.socket:
        made = socket.create_connection((host, port))
        return context.wrap_socket(made, server_hostname=host) if context else made

    def ask(connection: socket.socket) -> None:
        connection.sendall(REQUEST)
        connection.recv(4096)

    def ask_once() -> None:
        with closing(connect()) as connection:
            ask(connection)

    if not kept:
        return ask_once
    connection = connect()
    return lambda: ask(connection)


LOOPS: dict[str, Callable[[str, str, bool], Ask]] = {"libcurl": libcurl, "sockets": sockets}


def main() -> None:
    name, url, ca_file, kept, requests = sys.argv[1:]
    ask = LOOPS[name](url, ca_file, kept == "1")
    for _ in range(int(requests) // 10):
        ask()
    before = time.process_time()
    for _ in range(int(requests)):
        ask()
    print(1e6 * (time.process_time() - before) / int(requests))


if __name__ == "__main__":
    main()
