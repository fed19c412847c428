"""The status page: what it says, and how Chromium shows it."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from fleets import AT, explained, member, refusal, service, success, wrong_answer
from gateway.watched import Fleet
from playwright.async_api import Browser, Page, async_playwright, expect

from prober.fleet import Member
from prober.gateway.context import Progress
from prober.gateway.page import age, duration, render
from prober.model import Outcome

WELL = Progress("ok", "ok", ready=True)
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}


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


async def shown(browser: Browser, url: str, size: dict[str, int], scheme: str = "light") -> Page:
    page = await browser.new_page(
        viewport=size,  # type: ignore[arg-type]  # a plain dict of the same two keys
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    await page.goto(url)
    return page


def html(*members: Member, progress: Progress = WELL) -> str:
    return render("vigil", list(members), progress, AT + 5_000)


@pytest.mark.parametrize(
    ("members", "title"),
    [
        ([member(success())], "OK · 1/1 OK · vigil"),
        ([member(refusal())], "BROKEN · 0/1 OK, madre BROKEN · vigil"),
        ([member(None)], "UNKNOWN · 0/1 OK, madre UNKNOWN · vigil"),
        (
            [member(success()._replace(outcome=Outcome.SLOW))],
            "DEGRADED · 0/1 OK, madre DEGRADED · vigil",
        ),
        ([member(refusal(), critical=False)], "OK · 0/1 OK, madre tolerated · vigil"),
        ([], "OK · 0/0 OK · vigil"),
    ],
)
def test_the_title_tells_the_verdict(members: list[Member], title: str) -> None:
    assert f"<title>{title}</title>" in html(*members)


def test_problems_come_first_and_critical_ones_before_tolerated_ones() -> None:
    page = html(
        member(success("spare"), critical=False),
        member(success("fine")),
        Member(service("idle", enabled=False)),
        member(refusal("tolerated"), critical=False),
        member(None, name="unseen"),
        member(refusal("broken")),
    )

    names = ["broken", "tolerated", "unseen", "fine", "spare", "idle"]
    assert sorted(names, key=lambda name: page.index(f">{name}</a>")) == names


def test_maintenance_is_marked_and_tolerated() -> None:
    working = member(refusal("madre"))._replace(maintenance="weekly patches")

    page = html(working, member(success("hermes")))

    assert '<small class="maintenance" title="weekly patches">maintenance</small>' in page
    assert "<title>OK · 1/2 OK, madre in maintenance · vigil</title>" in page


def test_what_services_say_is_escaped() -> None:
    hostile = "<script>alert('x')</script>"

    page = html(member(wrong_answer(hostile, snippet=hostile), group=hostile, tags=(hostile,)))

    assert page.count("<script") == 1  # the page's own
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress("stalled", "ok", ready=False), "Probes are not being made on schedule"),
        (Progress("starting", "ok", ready=False), "the first probes are under way"),
        (Progress("ok", "spooling", ready=True), "results wait on disk"),
        (Progress("ok", "stalled", ready=False), "Results are not reaching the store"),
    ],
)
def test_probers_own_trouble_is_told(progress: Progress, said: str) -> None:
    assert said in html(member(success()), progress=progress)
    assert said not in html(member(success()))


@pytest.mark.parametrize(
    ("ms", "text"), [(0.42, "0.42 ms"), (12.345, "12.3 ms"), (640.4, "640 ms"), (2_409, "2.41 s")]
)
def test_a_latency_reads_in_about_three_digits(ms: float, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(-5, "0 s"), (999, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (90_000_000, "1 d")],
)
def test_an_age_reads_in_its_largest_unit(ms: int, text: str) -> None:
    assert age(ms) == text


def test_a_page_of_a_large_fleet_shows_the_worst_and_says_what_it_leaves_out() -> None:
    fleet = [member(success(f"well-{n}")) for n in range(1500)] + [member(refusal("bad"))]

    page = html(*fleet)

    assert page.count("<tr class=") == 1000
    assert page.index(">bad<") < page.index(">well-0<")
    assert "501 more" in page


def test_a_thousand_services_render_in_a_fifth_of_a_second() -> None:
    members = [member(success(f"service-{n}")) for n in range(1000)]

    costs_s = []
    for _ in range(15):
        before_s = time.process_time()
        html(*members)
        costs_s.append(time.process_time() - before_s)

    assert min(costs_s) < 0.2


async def test_the_page_asks_for_nothing_but_itself(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")

    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "; script-src 'sha256-" in policy and "; connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http:" not in answer.text.replace("http://www.w3.org/2000/svg", "")


async def test_chromium_shows_the_style_and_logs_no_complaint(
    browser: Browser, gateway: str
) -> None:
    page = await browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))

    await page.goto(gateway)

    margin = await page.evaluate("getComputedStyle(document.body).margin")
    assert (margin, complaints) == ("0px", [])


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_page_never_scrolls_sideways(
    browser: Browser, gateway: str, fleet: Fleet, size: dict[str, int]
) -> None:
    fleet.watch(service("n" * 128, group="g" * 60), service("madre"))
    await fleet.tell(wrong_answer("n" * 128, snippet="s" * 100), success())

    page = await shown(browser, gateway, size)

    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width == size["width"]


async def test_dark_is_dark_and_light_is_light(browser: Browser, gateway: str) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"

    light = await (await shown(browser, gateway, DESKTOP)).evaluate(colour)
    dark = await (await shown(browser, gateway, DESKTOP, "dark")).evaluate(colour)

    assert (light, dark) == ("rgb(246, 247, 249)", "rgb(15, 19, 24)")


async def test_a_status_is_told_in_words_and_shape_beside_its_colour(
    browser: Browser, gateway: str, fleet: Fleet
) -> None:
    await fleet.tell(success(), refusal("a/results"))

    page = await shown(browser, gateway, DESKTOP)

    cells = page.locator("td.status")
    assert await cells.all_inner_texts() == ["BROKEN", "UNKNOWN", "OK", "DISABLED"]
    uses = await cells.locator("use").evaluate_all("all => all.map(e => e.getAttribute('href'))")
    assert uses == ["#BROKEN", "#UNKNOWN", "#OK", "#DISABLED"]


async def test_a_name_leads_to_its_service(browser: Browser, gateway: str, fleet: Fleet) -> None:
    page = await shown(browser, gateway, DESKTOP)

    await page.get_by_role("link", name="a/b results?").click()

    assert '"name":"a/b results?"' in await page.content()


async def test_the_page_loads_itself_again_without_a_script(
    browser: Browser, gateway: str, fleet: Fleet
) -> None:
    page = await browser.new_page(java_script_enabled=False)
    await page.goto(gateway)

    await fleet.tell(success())

    await expect(page).to_have_title(re.compile("1/3 OK"), timeout=15_000)


def test_a_failure_is_told_in_a_sentence() -> None:
    shown = html(member(explained()._replace(message="refused by <b>")))

    assert "refused · connect<span" in shown
    assert ">refused by &lt;b&gt;</span>" in shown
