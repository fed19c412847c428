"""The page's script, in Chromium: what it shows anew, when, and what it leaves alone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator

import pytest
from fleets import refusal, service, success
from gateway.streaming import joined
from gateway.watched import Fleet, serving
from playwright.async_api import Browser, Page, async_playwright, expect
from starlette.types import Receive, Scope, Send

from prober.gateway import app
from prober.gateway.context import Context
from prober.hub import STATUS, Hub

CHANGED = '{"channel":"status","type":"changed"}'
SOON_MS = 4_000  # sooner than the page would have asked by itself


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        assert os.environ.get("CI") != "true", "chromium is not installed"
        pytest.skip("chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser, gateway: str, hub: Hub) -> AsyncIterator[Page]:
    """The page in a browser that has connected; no complaint of its console is let through."""
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(gateway)
    await joined(hub, 1)
    yield page
    assert complaints == []


async def test_a_change_is_shown_at_once(page: Page, fleet: Fleet, hub: Hub) -> None:
    await fleet.tell(success(), refusal("a/results"))
    hub.publish(STATUS, CHANGED)

    row = page.get_by_role("row", name="madre")
    await expect(row.locator(".status")).to_have_text("OK", timeout=SOON_MS)
    await expect(page).to_have_title(re.compile("1/3 OK"), timeout=SOON_MS)
    await expect(page.locator("h1")).to_contain_text("1/3 OK")


async def test_without_a_change_the_page_asks_every_5_s(page: Page, fleet: Fleet) -> None:
    await fleet.tell(success())

    row = page.get_by_role("row", name="madre")
    await expect(row.locator(".status")).to_have_text("OK", timeout=15_000)


async def test_what_has_not_changed_stays_as_it_is(page: Page, fleet: Fleet, hub: Hub) -> None:
    await page.evaluate(
        "for (const e of document.querySelectorAll('tbody tr, header, table, tbody th')) e.seen = 1"
    )

    await fleet.tell(refusal("a/results"))
    hub.publish(STATUS, CHANGED)
    await expect(page.locator("tr.BROKEN")).to_have_count(1, timeout=SOON_MS)

    seen = "[...document.querySelectorAll('tbody tr, header, table, tbody th')].every(e => e.seen)"
    assert await page.evaluate(seen)


async def test_rows_come_go_and_change_places(page: Page, fleet: Fleet, hub: Hub) -> None:
    names = page.locator("tbody th a")

    for wanted in (["b", "a", "c"], ["c", "d"], [], ["a", "b", "c", "d"]):
        fleet.watch(*map(service, wanted))
        hub.publish(STATUS, CHANGED)

        await expect(names).to_have_text(wanted, timeout=SOON_MS)
        await expect(page.locator(".total")).to_have_text(f"{len(wanted)} in all")


async def test_what_services_say_stays_text(page: Page, fleet: Fleet, hub: Hub) -> None:
    hostile = "<img src=x onerror=alert(1)>"

    fleet.watch(service(hostile))
    hub.publish(STATUS, CHANGED)

    await expect(page.locator("tbody th a")).to_have_text([hostile], timeout=SOON_MS)
    assert await page.locator("tbody img").count() == 0


async def test_a_page_whose_prober_is_gone_says_so_and_comes_back(
    browser: Browser, context: Context
) -> None:
    inner, away = app.build(context), False

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if away and scope["type"] == "http":
            await send({"type": "http.response.start", "status": 502, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await inner(scope, receive, send)

    async with serving(outer) as url:
        page = await browser.new_page()
        await page.goto(url)
        lost = page.get_by_text("prober doesn't answer")
        await expect(lost).to_be_hidden()
        away = True
        await expect(lost).to_be_visible(timeout=15_000)
        away = False
        await expect(lost).to_be_hidden(timeout=15_000)
        await page.close()


async def test_a_change_among_a_thousand_services_is_shown_at_once(
    page: Page, fleet: Fleet, hub: Hub
) -> None:
    names = [f"service-{n}" for n in range(1000)]
    fleet.watch(*map(service, names))
    hub.publish(STATUS, CHANGED)
    await expect(page.locator("tbody tr")).to_have_count(1000, timeout=15_000)

    await fleet.tell(*map(success, names[:-1]), refusal(names[-1]))
    hub.publish(STATUS, CHANGED)
    await expect(page.locator("h1")).to_contain_text("999/1000 OK", timeout=SOON_MS)

    assert await page.locator("tbody th a").first.inner_text() == names[-1]
