"""Records whose texts patterns must match to the end, in the form that miekg/dns gives them."""

from __future__ import annotations

import dns.message
from zoo.behaviours import Behaviour
from zoo.dns_behaviours import Answering, ask, by_udp, kind_of, says

PLACE = "a.b. 9 IN LOC 51 30 12.748 N 00 07 39.612 W"
DIGEST = "2bb183af" * 5


def extended(flags: int = 0) -> Answering:
    """Answer with a record of EDNS, though nobody asked for one."""

    def answering(question: bytes) -> list[bytes]:
        reply = dns.message.from_wire(says()(question)[0])
        reply.use_edns(0, flags, 1232)
        return [reply.to_wire()]

    return answering


def options(pattern: str, flags: int = 0) -> Behaviour:
    """A record of EDNS, and a pattern for it."""
    rule = {"fail_if_not_matches_regexp": [pattern]}
    return Behaviour(
        f"dns-edns-{flags}", by_udp(extended(flags)), ask(validate_additional_rrs=rule)
    )


TEXTS = {
    "loc": kind_of(f"{PLACE} 0.00m 1m 10000m 10m", r"12\.748 N 00 07 39\.612 W 0m 1m 10000m 10m$"),
    "loc-high": kind_of(f"{PLACE} 8848.50m 0.05m 0.30m 2m", r" W 8848\.50m 0\.05m 0\.30m 2m$"),
    "loc-south": kind_of(
        "a.b. 9 IN LOC 33 51 0 S 151 12 5.5 E -3m", r"33 51 0\.000 S 151 12 5\.500 E -3m 1m 10000m"
    ),
    "aaaa-compatible": kind_of("a.b. 9 IN AAAA ::1.2.3.4", r"\tAAAA\t::102:304$"),
    "aaaa-zero": kind_of("a.b. 9 IN AAAA ::", r"\tAAAA\t::$"),
    "aaaa-one-zero": kind_of("a.b. 9 IN AAAA 1:2:3:4:5:6:0:8", r"\t1:2:3:4:5:6:0:8$"),
    "dlv": kind_of(f"a.b. 9 IN DLV 60485 5 1 {DIGEST}", r"\t60485 5 1 (2BB183AF){5}$"),
    "l64": kind_of("a.b. 9 IN L64 10 2001:0db8:1140:1000", r"\t10 2001:0DB8:1140:1000$"),
    "x25": kind_of('a.b. 9 IN X25 "311061700956"', r"\tX25\t311061700956$"),
    "isdn": kind_of('a.b. 9 IN ISDN "15" "4"', r"CLASS1\tTYPE20\t\\# 5 0231350134$"),
    "nsap": kind_of("a.b. 9 IN NSAP 0x4700", r"CLASS1\tTYPE22\t\\# 2 4700$"),
    "amtrelay": kind_of("a.b. 9 IN AMTRELAY 10 0 1 1.2.3.4", r"\tTYPE260\t\\# 6 0a0101020304$"),
    "mb": kind_of(r"a.b. 9 IN TYPE7 \# 5 0161016200", r"\tIN\tMB\ta\.b\.$"),
    "minfo": kind_of(r"a.b. 9 IN TYPE14 \# 6 016100 016200", r"\tIN\tMINFO\ta\. b\.$"),
    "eid": kind_of(r"a.b. 9 IN TYPE31 \# 2 abcd", r"\tIN\tEID\tABCD$"),
    "gid": kind_of(r"a.b. 9 IN TYPE102 \# 4 ffffffff", r"\tIN\tGID\t4294967295$"),
    "ta": kind_of(r"a.b. 9 IN TYPE32768 \# 6 ec450501abcd", r"\tIN\tTA\t60485 5 1 ABCD$"),
    "unknown-empty": kind_of(r"a.b. 9 IN TYPE65280 \# 0", r"CLASS1\tTYPE65280\t\\# 0 $"),
    "https-flag": kind_of(
        "a.b. 9 IN HTTPS 1 . alpn=h2 no-default-alpn", r'\t1 \. alpn="h2" no-default-alpn=""$'
    ),
    "svcb": kind_of(
        "a.b. 9 IN SVCB 1 s. no-default-alpn alpn=h2 port=53",
        r'alpn="h2" no-default-alpn="" port="53"$',
    ),
}

BEHAVIOURS = [
    *(Behaviour(f"dns-text-of-{name}", serve, module) for name, (serve, module) in TEXTS.items()),
    options("; EDNS: version 0; flags: ; udp: 1232$"),
    options("; EDNS: version 0; flags: do; udp: 1232$", 0x8000),
]
