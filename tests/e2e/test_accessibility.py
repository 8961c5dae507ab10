from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import Freehold, Site, Visit, ask, open_widget, page_with
from playwright.sync_api import Page, expect

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}

schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


def sound(page: Page) -> None:
    """Nothing that axe-core objects to, once nothing moves any more."""
    page.wait_for_timeout(300)
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


@schemes
def test_the_page(visit: Callable[..., Visit], shop: Freehold, scheme: str) -> None:
    page = visit(color_scheme=scheme, expected="ERR_FAILED|401").open(shop.url)
    expect(page.get_by_role("list", name="Suggested questions")).to_be_visible()
    sound(page)
    ask(page, "What does a return cost?").get_by_role("button", name="Not helpful").click()
    sound(page)
    page.locator(".cite").first.click()
    sound(page)
    page.set_viewport_size({"width": 390, "height": 800})
    sound(page)
    page.get_by_role("button", name="Close the source").click()
    page.route("**/messages", lambda route: route.abort())
    page.get_by_role("textbox", name="Ask").fill("When?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    sound(page)


@schemes
def test_the_page_that_takes_documents(
    visit: Callable[..., Visit], start: Callable[..., Freehold], scheme: str
) -> None:
    freehold = start(demo=False)
    page = visit(color_scheme=scheme, expected="401").open(freehold.url)
    expect(page.get_by_role("heading", name="Make it yours")).to_be_visible()
    sound(page)
    page.get_by_label("Files").set_input_files(
        [
            {
                "name": "a.md",
                "mimeType": "text/markdown",
                "buffer": b"# A\n\n## How do I pay?\n\nPay by card.\n",
            },
            {"name": "b.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 no"},
        ]
    )
    sound(page)
    page.get_by_role("textbox", name="Admin key").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    sound(page)
    page.get_by_role("textbox", name="Admin key").fill(freehold.key)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Read. 1 added.")).to_be_visible()
    page.get_by_role("textbox", name="Say which sites").fill("https://www.example.com")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove https://www.example.com")).to_be_visible()
    page.get_by_role("button", name="Remove Uploaded files").click()
    sound(page)


@pytest.mark.parametrize(
    ("scheme", "accent"),
    [("light", ""), ("dark", ""), ("light", "#ffff00"), ("light", "#777777"), ("dark", "#000")],
)
def test_the_widget(
    visit: Callable[..., Visit], shop: Freehold, site: Callable[[str], Site], scheme: str, accent: str
) -> None:
    stranger = site(page_with(shop.tag(**({"accent": accent} if accent else {}))))
    shop.change(allowed_origins=[stranger.url])
    page = visit(color_scheme=scheme).open(stranger.url)
    panel = open_widget(page)
    expect(panel.get_by_role("list", name="Suggested questions")).to_be_visible()
    sound(page)
    ask(page, "What does a return cost?").get_by_role("button", name="Helpful", exact=True).click()
    sound(page)
    page.locator(".cite").first.click()
    sound(page)


def test_nothing_moves_for_those_who_asked_so(visit: Callable[..., Visit], shop: Freehold) -> None:
    page = visit(reduced_motion="reduce").open(shop.url)
    answer = ask(page, "When are refunds paid?")
    assert answer.evaluate("answer => parseFloat(getComputedStyle(answer).animationDuration)") <= 0.001


def test_forced_colours_keep_the_buttons_visible(visit: Callable[..., Visit], shop: Freehold) -> None:
    page = visit(forced_colors="active").open(shop.url)
    ask(page, "When are refunds paid?")
    expect(page.locator(".cite").first).to_have_css("border-top-style", "solid")
