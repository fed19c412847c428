"""Probes on demand in blackbox_exporter's terms. A kind is a file, and a line here."""

from __future__ import annotations

from prober.blackbox import dns, icmp, tcp
from prober.blackbox.http import probe as http
from prober.blackbox.job import Run
from prober.module import DnsModule, HttpModule, IcmpModule, TcpModule

KINDS: dict[type, Run] = {
    DnsModule: dns.run,
    HttpModule: http.run,
    IcmpModule: icmp.run,
    TcpModule: tcp.run,
}
