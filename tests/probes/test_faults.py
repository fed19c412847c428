from __future__ import annotations

import errno

import httpx
import pycurl
import pytest

from prober.model import Phase, Reason, Timings
from prober.probes.faults import ERRNO_REASONS, KINDS, Failed, explain
from prober.probes.transfer import failed_exchange


def failed(
    code: int, detail: str = "said", os_errno: int = 0, reached: Phase = Phase.PROCESSING
) -> Failed:
    return Failed(code, detail, os_errno, reached, "madre:8001")


@pytest.mark.parametrize("code", KINDS)
def test_every_code_of_the_table_gets_a_sentence_and_an_error_that_can_be_made(code: int) -> None:
    fault = explain(failed(code))

    assert isinstance(fault.error(fault.message), httpx.RequestError)
    assert fault.message


@pytest.mark.parametrize("number", ERRNO_REASONS)
def test_the_system_knows_better_why_a_connection_failed(number: int) -> None:
    fault = explain(failed(pycurl.E_COULDNT_CONNECT, os_errno=number))

    assert fault.reason is ERRNO_REASONS[number]


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EMFILE, errno.EADDRNOTAVAIL])
def test_what_this_host_lacks_is_probers_own_trouble(number: int) -> None:
    fault = explain(failed(pycurl.E_COULDNT_CONNECT, os_errno=number))

    assert fault.reason is Reason.PROBER


def test_a_host_that_cannot_be_reached_is_the_services_failure() -> None:
    fault = explain(failed(pycurl.E_COULDNT_CONNECT, os_errno=errno.EHOSTUNREACH))

    assert (fault.reason, fault.phase) == (Reason.REFUSED, Phase.CONNECT)


def test_an_errno_that_is_left_over_does_not_change_another_error() -> None:
    fault = explain(failed(pycurl.E_OPERATION_TIMEDOUT, os_errno=errno.ECONNREFUSED))

    assert fault.reason is Reason.TIMEOUT


@pytest.mark.parametrize(
    ("reached", "error"),
    [
        (Phase.RESOLVE, httpx.ConnectTimeout),
        (Phase.CONNECT, httpx.ConnectTimeout),
        (Phase.TLS, httpx.ConnectTimeout),
        (Phase.PROCESSING, httpx.ReadTimeout),
        (Phase.TRANSFER, httpx.ReadTimeout),
    ],
)
def test_a_timeout_is_named_by_its_phase(reached: Phase, error: type[Exception]) -> None:
    fault = explain(failed(pycurl.E_OPERATION_TIMEDOUT, reached=reached))

    assert (fault.error, fault.phase) == (error, reached)
    assert reached in fault.message


def test_an_unknown_code_is_probers_own_trouble_and_told_by_its_number() -> None:
    fault = explain(failed(4711, "what?"))

    assert fault.reason is Reason.PROBER
    assert "4711" in fault.message


@pytest.mark.parametrize("code", [pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL])
@pytest.mark.parametrize(
    ("reached", "reason"), [(Phase.RESOLVE, Reason.PROBER), (Phase.PROCESSING, Reason.PROTOCOL)]
)
def test_a_bad_url_is_ours_until_a_service_redirects_to_it(
    code: int, reached: Phase, reason: Reason
) -> None:
    assert explain(failed(code, reached=reached)).reason is reason


def test_a_message_is_one_line_whatever_a_server_put_in_it() -> None:
    nasty = failed(pycurl.E_PEER_FAILED_VERIFICATION, "no \x1b[31m\n" + "x" * 1000)

    exchange = failed_exchange(nasty, Timings(0, 0, 0, 0, 0), 0)

    assert (exchange.message or "").startswith("TLS: no \\x1b[31m\\n")
    assert len(exchange.message or "") <= 300
