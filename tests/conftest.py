"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers import Certificate, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A self-signed certificate for localhost that is valid for 30 days."""
    folder: Path = tmp_path_factory.mktemp("certificate")
    return make_certificate(folder)
