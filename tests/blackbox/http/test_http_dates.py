"""Three formats are dates, and nothing else is."""

from __future__ import annotations

import pytest

from prober.blackbox.http import dates


@pytest.mark.parametrize(
    ("text", "epoch_s"),
    [
        ("Wed, 21 Oct 2015 07:28:00 GMT", 1445412480),
        ("Wednesday, 21-Oct-15 07:28:00 UTC", 1445412480),
        ("Wed Oct 21 07:28:00 2015", 1445412480),
        ("Wed, 21 Oct 2015 07:28:00 CET", None),
        ("Wed, 31 Feb 2015 07:28:00 GMT", None),
        ("2015-10-21T07:28:00Z", None),
        ("", None),
    ],
)
def test_dates_are_read(text: str, epoch_s: int | None) -> None:
    assert dates.epoch_s(text) == epoch_s


@pytest.mark.parametrize(
    ("text", "epoch_s"),
    [
        ("Wed, 21 Oct 2015 07:28:00 CET", 1445412480),
        ("Wed, 21-Oct-2015 07:28:00 GMT", 1445412480),
        ("Wed, 21 Oct 2015 07:28:00 +0000", 1445412480),
        ("Wed, 21-Oct-15 07:28:00 GMT", None),
        ("Wed Oct 21 07:28:00 2015", None),
    ],
)
def test_cookies_end_by_formats_of_their_own(text: str, epoch_s: int | None) -> None:
    assert dates.epoch_s(text, dates.COOKIE_FORMATS) == epoch_s
