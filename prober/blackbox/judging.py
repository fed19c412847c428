"""Judge a DNS answer by the rules of its module."""

from __future__ import annotations

from collections.abc import Sequence

from prober import patterns
from prober.blackbox.records import Record, Reply
from prober.module import DnsModule, RecordChecks

RCODES = {
    "NOERROR": 0,
    "FORMERR": 1,
    "SERVFAIL": 2,
    "NXDOMAIN": 3,
    "NOTIMP": 4,
    "NOTIMPL": 4,
    "REFUSED": 5,
    "YXDOMAIN": 6,
    "YXRRSET": 7,
    "NXRRSET": 8,
    "NOTAUTH": 9,
    "NOTZONE": 10,
    "BADSIG": 16,
    "BADKEY": 17,
    "BADTIME": 18,
    "BADMODE": 19,
    "BADNAME": 20,
    "BADALG": 21,
    "BADTRUNC": 22,
    "BADCOOKIE": 23,
}


def faults(reply: Reply, module: DnsModule) -> list[str]:
    """What is wrong with an answer, a sentence each; nothing where it is as it must be."""
    found = (
        _rcode_fault(reply.rcode, module.valid_rcodes),
        _fault("answer", reply.answer, module.answer),
        _fault("authority", reply.authority, module.authority),
        _fault("additional", reply.additional, module.additional),
    )
    return [fault for fault in found if fault]


def _rcode_fault(rcode: int, valid: Sequence[str]) -> str | None:
    unknown = [name for name in valid if name not in RCODES]
    if unknown:
        return f"{', '.join(unknown)} in valid_rcodes is no rcode"
    if rcode in {RCODES[name] for name in valid}:
        return None
    called = next((name for name, number in RCODES.items() if number == rcode), rcode)
    return f"the answer's rcode is {called}, and not one of {', '.join(valid)}"


def _fault(section: str, found: Sequence[Record], checks: RecordChecks) -> str | None:
    """What is wrong with a section's records, or None."""
    try:
        return _broken(section, [record.text for record in found], checks)
    except patterns.BadPattern as error:
        return f"a pattern for the {section} section is no regular expression: {error}"


def _broken(section: str, texts: Sequence[str], checks: RecordChecks) -> str | None:
    for rule, has_failed in (
        ("fail_if_matches_regexp", _any(texts, checks.fail_if_matches)),
        # blackbox_exporter fails where not all match: the opposite of the rule's name.
        ("fail_if_all_match_regexp", bool(texts) and _all(texts, checks.fail_if_all_match)),
        ("fail_if_not_matches_regexp", _misses(texts, checks.fail_if_not_matches)),
        ("fail_if_none_matches_regexp", _none(texts, checks.fail_if_none_matches)),
    ):
        if has_failed:
            return f"the {section} section's records fail by {rule}"
    return None


def _any(texts: Sequence[str], rules: Sequence[str]) -> bool:
    # All are tried, since one that is no pattern fails the probe wherever it stands.
    found = [_matches(rule, text) for text in texts for rule in rules]
    return any(found)


def _all(texts: Sequence[str], rules: Sequence[str]) -> bool:
    return bool(rules) and all(_matches(rule, text) for text in texts for rule in rules)


def _misses(texts: Sequence[str], rules: Sequence[str]) -> bool:
    return bool(rules) and not (texts and _all(texts, rules))


def _none(texts: Sequence[str], rules: Sequence[str]) -> bool:
    return bool(rules) and not _any(texts, rules)


def _matches(rule: str, text: str) -> bool:
    return patterns.compiled(rule).search(text.encode()) is not None
