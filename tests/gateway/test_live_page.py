"""The page's script, in Chromium: what it shows anew, when, and what it leaves alone."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
PATIENCE_MS = 30_000
# So that what is shown was told, and not asked for every 5 s.
NEVER_BY_ITSELF = "setTimeout = (real => (act, ms) => real(act, ms < 5e3 ? ms : 1e9))(setTimeout)"


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
async def asking(browser: Browser, gateway: str, hub: Hub) -> AsyncIterator[Page]:
    """The page in a browser that has connected; no complaint of its console is let through."""
    page = await browser.new_page()
    async with opened(page, gateway, hub):
        yield page


@pytest.fixture
async def page(browser: Browser, gateway: str, hub: Hub) -> AsyncIterator[Page]:
    """The same, but it asks for what is new only where it is told that there is something."""
    page = await browser.new_page()
    await page.add_init_script(NEVER_BY_ITSELF)
    async with opened(page, gateway, hub):
        yield page


@asynccontextmanager
async def opened(page: Page, gateway: str, hub: Hub) -> AsyncIterator[None]:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(gateway)
    await joined(hub, 1)
    yield
    assert complaints == []


async def test_a_change_is_shown_at_once(page: Page, fleet: Fleet, hub: Hub) -> None:
    await fleet.tell(success(), refusal("a/results"))
    hub.publish(STATUS, CHANGED)

    row = page.get_by_role("row", name="madre")
    await expect(row.locator(".status")).to_have_text("OK", timeout=PATIENCE_MS)
    await expect(page).to_have_title(re.compile("1/3 OK"), timeout=PATIENCE_MS)
    await expect(page.locator("h1")).to_contain_text("1/3 OK", timeout=PATIENCE_MS)


async def test_without_a_change_the_page_asks_every_5_s(asking: Page, fleet: Fleet) -> None:
    await fleet.tell(success())

    row = asking.get_by_role("row", name="madre")
    await expect(row.locator(".status")).to_have_text("OK", timeout=PATIENCE_MS)


async def test_what_has_not_changed_stays_as_it_is(page: Page, fleet: Fleet, hub: Hub) -> None:
    await page.evaluate(
        "for (const e of document.querySelectorAll('tbody tr, header, table, tbody th')) e.seen = 1"
    )

    await fleet.tell(refusal("a/results"))
    hub.publish(STATUS, CHANGED)
    await expect(page.locator("tr.BROKEN")).to_have_count(1, timeout=PATIENCE_MS)

    seen = "[...document.querySelectorAll('tbody tr, header, table, tbody th')].every(e => e.seen)"
    assert await page.evaluate(seen)


async def test_rows_come_go_and_change_places(page: Page, fleet: Fleet, hub: Hub) -> None:
    names = page.locator("tbody th a")

    for wanted in (["b", "a", "c"], ["c", "d"], [], ["a", "b", "c", "d"]):
        fleet.watch(*map(service, wanted))
        hub.publish(STATUS, CHANGED)

        await expect(names).to_have_text(wanted, timeout=PATIENCE_MS)
        await expect(page.locator(".total")).to_have_text(
            f"{len(wanted)} in all", timeout=PATIENCE_MS
        )


async def test_what_services_say_stays_text(page: Page, fleet: Fleet, hub: Hub) -> None:
    hostile = "<img src=x onerror=alert(1)>"

    fleet.watch(service(hostile))
    hub.publish(STATUS, CHANGED)

    await expect(page.locator("tbody th a")).to_have_text([hostile], timeout=PATIENCE_MS)
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
        await expect(lost).to_be_hidden(timeout=PATIENCE_MS)
        away = True
        await expect(lost).to_be_visible(timeout=PATIENCE_MS)
        away = False
        await expect(lost).to_be_hidden(timeout=PATIENCE_MS)
        await page.close()


async def test_a_change_among_a_thousand_services_is_shown_at_once(
    page: Page, fleet: Fleet, hub: Hub
) -> None:
    names = [f"service-{n}" for n in range(1000)]
    fleet.watch(*map(service, names))
    hub.publish(STATUS, CHANGED)
    await expect(page.locator("tbody tr")).to_have_count(1000, timeout=PATIENCE_MS)

    await fleet.tell(*map(success, names[:-1]), refusal(names[-1]))
    hub.publish(STATUS, CHANGED)
    await expect(page.locator("h1")).to_contain_text("999/1000 OK", timeout=PATIENCE_MS)

    assert await page.locator("tbody th a").first.inner_text() == names[-1]
