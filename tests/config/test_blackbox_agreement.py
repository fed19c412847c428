"""prober and the real blackbox_exporter agree on which modules are valid, but for a few."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from prober.config import load
from prober.errors import ConfigError

OAUTH2 = 'client_id: a, client_secret: b, token_url: "http://a/"'

AGREED = [
    "http: {}",
    "http: null",
    "http: []",
    "http: {unknown: a}",
    "http: {source_ip_address: 10.0.0.1}",
    "http: {valid_status_codes: [200, 2000]}",
    'http: {valid_status_codes: ["2xx"]}',
    "http: {valid_http_versions: [HTTP/9]}",
    "http: {method: FOO}",
    'http: {method: ""}',
    "http: {headers: {a: 1, b: null}}",
    "http: {headers: {a: [b]}}",
    "http: {compression: other}",
    "http: {compression: gzip, headers: {accept-encoding: deflate}}",
    'http: {compression: gzip, headers: {accept-encoding: "*;q=0"}}',
    'http: {compression: gzip, headers: {accept-encoding: "br, gzip;q=0.5"}}',
    "http: {body_size_limit: 10}",
    "http: {body_size_limit: 10kB}",
    "http: {body_size_limit: 1.5MiB}",
    "http: {body_size_limit: 1MB2KB}",
    "http: {body_size_limit: -1B}",
    'http: {fail_if_body_matches_regexp: ["("]}',
    'http: {fail_if_body_matches_regexp: ["(?=a)"]}',
    "http: {fail_if_header_matches: [{header: a}]}",
    "http: {fail_if_header_matches: [{regexp: a}]}",
    "http: {enable_http2: no, follow_redirects: false, no_follow_redirects: true}",
    "http: {basic_auth: {}}",
    "http: {basic_auth: {username: a, password: b, password_file: c}}",
    "http: {basic_auth: {username: a}, bearer_token: b}",
    "http: {authorization: {type: Basic}}",
    "http: {authorization: {credentials: a}, bearer_token: b}",
    "http: {authorization: {credentials: a}, basic_auth: {username: b}}",
    "http: {bearer_token: a, bearer_token_file: b}",
    f"http: {{oauth2: {{{OAUTH2}}}}}",
    f"http: {{oauth2: {{{OAUTH2}, client_secret_file: c}}}}",
    f"http: {{oauth2: {{{OAUTH2}}}, basic_auth: {{username: a}}}}",
    "http: {oauth2: {client_id: a, client_secret: b}}",
    'http: {oauth2: {client_id: a, token_url: "http://a/"}}',
    "http: {proxy_connect_header: {a: [b]}}",
    f"http: {{oauth2: {{{OAUTH2}, proxy_connect_header: {{a: [b]}}}}}}",
    f"http: {{oauth2: {{{OAUTH2}, proxy_url: 'http://a:1', tls_config: {{ca_file: b}}}}}}",
    'http: {proxy_url: "http://10.0.0.1:3128"}',
    'http: {proxy_url: "::"}',
    "http: {tls_config: {min_version: TLS12, ca_file: x}}",
    "http: {tls_config: {min_version: 1.2}}",
    "http: {tls_config: {ca: x}}",
    "timeout: 5",
    "timeout: 0",
    "timeout: 1d",
    'timeout: ""',
    "timeout: 1m30.5s",
    "timeout: -1s",
    "timeout: +.5s",
    "timeout: 100us",
    "tcp: {query_response: [{expect: a, send: b, starttls: true}, {}]}",
    'tcp: {query_response: [{expect: "("}]}',
    "tcp: {query_response: [{labels: []}]}",
    "dns: {}",
    "dns: {query_name: a}",
    "dns: {query_name: a, query_type: FOO}",
    "dns: {query_name: a, query_type: a}",
    "dns: {query_name: a, query_class: FOO}",
    "dns: {query_name: a, query_class: CH, dns_over_tls: true, recursion_desired: false}",
    "dns: {query_name: a, validate_answer_rrs: {fail_if_matches: [a]}}",
    "icmp: {ttl: 256}",
    "icmp: {ttl: -1}",
    "icmp: {ttl: 0, payload_size: 65507, dont_fragment: true}",
    "grpc: {service: a, tls: true, preferred_ip_protocol: ip4}",
    "unix: {}",
    'http: {method: "a b"}',
    'http: {headers: {"a b": c, d: "e\\nf", g: "\u00e4"}}',
    "http: {preferred_ip_protocol: ipv6}",
    "http: {bearer_token_file: /none}",
    "dns: {query_name: a, transport_protocol: foo}",
    "dns: {query_name: a, valid_rcodes: [FOO]}",
    "dns: {query_name: a, source_ip_address: foo}",
    'dns: {query_name: a, validate_answer_rrs: {fail_if_matches_regexp: ["("]}}',
    "icmp: {payload_size: 70000}",
]

# What is not what was meant, or ends the exporter's answer, is a fault here.
STRICTER = [
    "http: {headers: {Host: a, host: b}}",
    "http: {proxy_url: foo}",
    "icmp: {payload_size: -1}",
]

# A single value stands for a list, and a word in quotes for the same word without.
MILDER = [
    "http: {valid_status_codes: 200}",
    'http: {valid_status_codes: ["200"]}',
    "http: {valid_http_versions: HTTP/1.1}",
    'http: {enable_http2: "false"}',
]


def accepted_there(file: Path) -> bool:
    """Whether blackbox_exporter takes the file."""
    program = shutil.which("prometheus-blackbox-exporter")
    if program is None:
        assert os.environ.get("CI") != "true", "prometheus-blackbox-exporter is not installed"
        pytest.skip("prometheus-blackbox-exporter is not installed")
    command = [program, "--config.check", f"--config.file={file}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def accepted_here(file: Path) -> bool:
    """Whether prober does."""
    config = file.with_name("prober.yaml")
    config.write_text(
        f"services: [{{name: a, url: 'http://a'}}]\nblackbox: {{config_file: '{file}'}}\n"
    )
    try:
        load.load([config], {})
    except ConfigError:
        return False
    return True


@pytest.fixture
def file(tmp_path: Path, module: str) -> Path:
    """A blackbox.yml with one module."""
    path = tmp_path / "blackbox.yml"
    path.write_text(f"modules:\n  m: {{prober: http, {module}}}\n")
    return path


@pytest.mark.parametrize("module", AGREED)
def test_both_accept_a_module_or_neither_does(file: Path) -> None:
    assert accepted_here(file) == accepted_there(file)


@pytest.mark.parametrize("module", STRICTER)
def test_what_could_never_work_is_refused_here(file: Path) -> None:
    assert (accepted_there(file), accepted_here(file)) == (True, False)


@pytest.mark.parametrize("module", MILDER)
def test_what_can_mean_one_thing_only_is_accepted_here(file: Path) -> None:
    assert (accepted_there(file), accepted_here(file)) == (False, True)
