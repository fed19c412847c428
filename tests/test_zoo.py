"""Differential tests: prober and Debian's blackbox_exporter must say the same of each behaviour."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from zoo import (
    cookie_behaviours,
    dns_behaviours,
    handshake_behaviours,
    header_behaviours,
    http2_behaviours,
    http_behaviours,
    https_behaviours,
    icmp_behaviours,
    judged_behaviours,
    proxy_behaviours,
    record_behaviours,
    redirect_behaviours,
    request_behaviours,
    tcp_behaviours,
    tls_behaviours,
    token_behaviours,
)
from zoo.behaviours import Behaviour, Ground
from zoo.tolerated import TOLERATED
from zoo.visiting import Finding, surprises, visit

KINDS = (
    cookie_behaviours,
    dns_behaviours,
    handshake_behaviours,
    header_behaviours,
    http2_behaviours,
    http_behaviours,
    https_behaviours,
    icmp_behaviours,
    judged_behaviours,
    proxy_behaviours,
    record_behaviours,
    redirect_behaviours,
    request_behaviours,
    tcp_behaviours,
    tls_behaviours,
    token_behaviours,
)
ZOO: list[Behaviour] = [behaviour for kind in KINDS for behaviour in kind.BEHAVIOURS]


@pytest.fixture(scope="session")
def findings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Finding]:
    """What both say of all behaviours that this session tests."""
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    asked = [spec.params["behaviour"] for spec in specs if spec and "behaviour" in spec.params]
    return visit(Ground(tmp_path_factory.mktemp("zoo")), asked)


@pytest.mark.parametrize("behaviour", ZOO, ids=repr)
def test_both_say_the_same(behaviour: Behaviour, findings: Mapping[str, Finding]) -> None:
    found = findings[behaviour.name]

    assert not surprises(behaviour.name, found), found


def test_behaviours_are_many_and_each_has_a_name_of_its_own() -> None:
    names = [behaviour.name for behaviour in ZOO]

    assert len(set(names)) == len(names) >= 100


def test_only_behaviours_of_the_zoo_are_tolerated() -> None:
    assert set(TOLERATED) <= {behaviour.name for behaviour in ZOO}


def test_verdicts_agree_on_nearly_all_behaviours() -> None:
    judged_otherwise = [name for name, told in TOLERATED.items() if "probe_success" in told]

    assert len(judged_otherwise) <= 0.01 * len(ZOO)
