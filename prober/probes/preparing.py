"""Put options in libcurl's words, to be set once on an easy handle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pycurl

from prober import __version__
from prober.probes.exchange import Options
from prober.wire import TlsOptions, Wire

USER_AGENT = f"prober/{__version__}"
HTTP = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
NEVER_MS = 2**31 - 1  # libcurl's own limit for connecting is 300 s: the whole's limit is enough

HTTP_VERSIONS: dict[str, int] = {
    "1.0": pycurl.CURL_HTTP_VERSION_1_0,
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    # Without TLS there is nothing to agree on a version by.
    "2": pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
}
TLS_VERSIONS: dict[str, int] = {
    "1.0": pycurl.SSLVERSION_TLSv1_0,
    "1.1": pycurl.SSLVERSION_TLSv1_1,
    "1.2": pycurl.SSLVERSION_TLSv1_2,
    "1.3": pycurl.SSLVERSION_TLSv1_3,
}
IP_PROTOCOLS = {"ip4": pycurl.IPRESOLVE_V4, "ip6": pycurl.IPRESOLVE_V6}

# OpenSSL's own choice of groups, but for the keys that are made in advance: X25519's only, which
# nearly all servers take. That of X25519MLKEM768 is dear; a server that insists on it asks again.
# OpenSSL 3.5 is the first that makes it, and that understands the marks.
GROUPS = "*X25519:?secp256r1:?X448:?secp384r1:?secp521r1:?ffdhe2048:?ffdhe3072:?X25519MLKEM768"

Prepared = Iterator[tuple[int, Any]]


def prepared(options: Options, ca_file: str) -> Prepared:
    """Each option of libcurl with its value; `ca_file` is trusted where none is chosen."""
    yield from _common(ca_file)
    yield from _particular(options)
    if options.wire.compression:
        yield pycurl.ACCEPT_ENCODING, ", ".join(options.wire.compression)
    yield from _way(options.wire)
    yield from _tls(options.wire.tls)


def _common(ca_file: str) -> Prepared:
    yield pycurl.NOSIGNAL, 1
    yield pycurl.USERAGENT, USER_AGENT
    yield pycurl.PROXY, ""  # else libcurl takes one from the environment
    yield pycurl.PROTOCOLS, HTTP
    yield pycurl.REDIR_PROTOCOLS, HTTP
    yield pycurl.CONNECTTIMEOUT_MS, NEVER_MS
    yield pycurl.PATH_AS_IS, 1
    yield pycurl.HTTP09_ALLOWED, 0
    yield pycurl.CAINFO, ca_file
    yield pycurl.OPT_CERTINFO, 1
    if makes_many_keys(pycurl.version_info()[5]):
        yield pycurl.SSL_EC_CURVES, GROUPS
    # A resumed session shows no certificate, and costs less than a real visitor's first one.
    yield pycurl.SSL_SESSIONID_CACHE, 0
    # A monitor must see that a name is gone as soon as it is. The second is for what RESOLVE says
    # of the host, which is true for this transfer only.
    yield pycurl.DNS_CACHE_TIMEOUT, 1


def makes_many_keys(tls_library: str) -> bool:
    """Whether a library ("OpenSSL/3.6.5") makes more than one key ahead, and understands marks."""
    name, _, version = tls_library.partition("/")
    return name == "OpenSSL" and tuple(map(int, version.split(".")[:2])) >= (3, 5)


def _particular(options: Options) -> Prepared:
    yield pycurl.FOLLOWLOCATION, int(options.follow_redirects)
    yield pycurl.MAXREDIRS, options.wire.max_redirects
    yield pycurl.FRESH_CONNECT, int(not options.keep_alive)
    yield pycurl.FORBID_REUSE, int(not options.keep_alive)
    yield pycurl.HTTPHEADER, _header_lines(options)
    if options.follow_redirects:
        yield pycurl.COOKIEFILE, ""  # reads no file, but keeps cookies from here on
    yield from _method(options)


def _method(options: Options) -> Prepared:
    method, body = options.method, options.body
    if method == "POST":
        yield pycurl.POSTFIELDS, body or b""
    elif body is not None:
        yield pycurl.POSTFIELDS, body
        yield pycurl.CUSTOMREQUEST, method
    elif method == "HEAD":
        yield pycurl.NOBODY, 1
    elif method != "GET":
        yield pycurl.CUSTOMREQUEST, method


def _way(wire: Wire) -> Prepared:
    if wire.http_version in HTTP_VERSIONS:
        yield pycurl.HTTP_VERSION, HTTP_VERSIONS[wire.http_version]
    if wire.ip_protocol in IP_PROTOCOLS:
        yield pycurl.IPRESOLVE, IP_PROTOCOLS[wire.ip_protocol]
    if wire.proxy:
        yield pycurl.PROXY, wire.proxy
        yield pycurl.NOPROXY, ",".join(wire.no_proxy)
    if wire.source_address:
        yield pycurl.INTERFACE, f"host!{wire.source_address}"
    if wire.unix_socket:
        yield pycurl.UNIX_SOCKET_PATH, wire.unix_socket


def _tls(tls: TlsOptions) -> Prepared:
    if tls.ca_file:
        yield pycurl.CAINFO, tls.ca_file
    if tls.cert_file:
        yield pycurl.SSLCERT, tls.cert_file
        yield pycurl.SSLKEY, tls.key_file or tls.cert_file
    if tls.min_version:
        yield pycurl.SSLVERSION, TLS_VERSIONS[tls.min_version]
    if tls.insecure:
        yield pycurl.SSL_VERIFYPEER, 0
        yield pycurl.SSL_VERIFYHOST, 0


def _header_lines(options: Options) -> list[bytes]:
    """The headers as libcurl wants them: `Name;` is an empty one, `Name:` drops its own."""
    given = {name.lower() for name, _ in options.headers}
    lines = [f"{name}: {value}" if value else f"{name};" for name, value in options.headers]
    lines += [f"{n}:" for n in ("Accept", "Expect", "Content-Type") if n.lower() not in given]
    return [line.encode() for line in lines]
