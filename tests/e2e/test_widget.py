from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from browsing import ASK, SHOP, Freehold, Site, Visit, ask, highlighted, open_widget, page_with
from playwright.sync_api import Page, expect

from freehold.engines.base import Generation
from freehold.testing import FakeEngine

OPEN = re.compile(r"\(AI assistant\)$")


@pytest.fixture
def welcome_site(shop: Freehold, site: Callable[[str], Site]) -> Iterator[Site]:
    """A site under a strict policy that the shop's assistant allows."""
    stranger = site(page_with(shop.tag()))
    stranger.allow_only(shop)
    shop.change(allowed_origins=[stranger.url])
    yield stranger
    shop.change(allowed_origins=[])


def test_it_answers_on_a_foreign_page_under_a_strict_policy(
    visit: Callable[..., Visit], shop: Freehold, welcome_site: Site
) -> None:
    page = visit().open(welcome_site.url)
    panel = open_widget(page)
    expect(panel.get_by_text("An AI answers here")).to_be_visible()
    expect(panel.get_by_role("textbox", name=ASK)).to_be_focused()
    answer = ask(page, "When are refunds paid?")
    answer.get_by_role("button", name="Source 1: Returns and refunds").click()
    assert highlighted(page).startswith("Refunds are paid within five working days")
    background = page.locator(".source mark").first.evaluate("mark => getComputedStyle(mark).backgroundColor")
    assert background not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")


def test_a_site_that_is_not_allowed_is_refused(
    visit: Callable[..., Visit], shop: Freehold, site: Callable[[str], Site]
) -> None:
    page = visit(expected="CORS policy|ERR_FAILED|403").open(site(page_with(shop.tag())).url)
    panel = open_widget(page)
    expect(panel.get_by_text("The assistant cannot be reached.")).to_be_visible()
    panel.get_by_role("textbox", name=ASK).fill("When are refunds paid?")
    page.keyboard.press("Enter")
    expect(panel.locator(".answer").get_by_text("The assistant cannot be reached.")).to_be_visible()
    expect(panel.get_by_role("button", name=re.compile("^Source"))).to_have_count(0)


def test_keys_are_enough(visit: Callable[..., Visit], welcome_site: Site) -> None:
    page = visit().open(welcome_site.url)
    expect(page.get_by_role("button", name=OPEN)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=OPEN)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name=ASK)).to_be_focused()
    page.keyboard.type("When are refunds paid?")
    page.keyboard.press("Enter")
    mark = page.get_by_role("button", name="Source 1: Returns and refunds")
    expect(mark).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if mark.evaluate("mark => mark.getRootNode().activeElement === mark"):
            break
    expect(mark).to_be_focused()
    page.keyboard.press("Enter")
    assert highlighted(page).startswith("Refunds are paid")
    page.keyboard.press("Escape")
    expect(mark).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name=OPEN)).to_be_focused()


def test_it_goes_on_after_a_reload(visit: Callable[..., Visit], welcome_site: Site) -> None:
    page = visit().open(welcome_site.url)
    open_widget(page)
    ask(page, "When are refunds paid?")
    page.get_by_role("link", name="Elsewhere").click()
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("You asked: When are refunds paid?")).to_be_visible()
    expect(panel.get_by_role("textbox", name=ASK)).not_to_be_focused()


def test_a_conversation_that_is_gone_makes_room_for_another(
    visit: Callable[..., Visit], shop: Freehold, welcome_site: Site
) -> None:
    page = visit(expected="404|401").open(welcome_site.url)
    name = f"freehold:{shop.url}:{shop.token}:chat"
    page.evaluate(
        "([name, kept]) => localStorage.setItem(name, kept)",
        [name, '{"visitor": "vis_gone", "conversation": "gone"}'],
    )
    page.reload()
    open_widget(page)
    answer = ask(page, "When are refunds paid?")
    expect(answer.get_by_role("button", name="Source 1: Returns and refunds")).to_be_visible()
    expect(page.locator(".question")).to_have_count(1)


def test_it_works_where_storage_is_forbidden(visit: Callable[..., Visit], welcome_site: Site) -> None:
    browser = visit()
    browser.page.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    page = browser.open(welcome_site.url)
    open_widget(page)
    expect(
        ask(page, "When are refunds paid?").get_by_role("button", name=re.compile("^Source 1"))
    ).to_be_visible()
    ask(page, "How long does delivery take?")
    expect(page.locator(".question")).to_have_count(2)


def test_the_site_chooses_side_and_colour(
    visit: Callable[..., Visit], shop: Freehold, site: Callable[[str], Site]
) -> None:
    stranger = site(page_with(shop.tag(position="left", accent="#ff0")))
    shop.change(allowed_origins=[stranger.url])
    page = visit().open(stranger.url)
    button = page.get_by_role("button", name=OPEN)
    box = button.bounding_box()
    assert box is not None
    assert box["x"] < 100
    expect(button).to_have_css("background-color", "rgb(255, 255, 0)")
    expect(button).to_have_css("color", "rgb(0, 0, 0)")
    shop.change(allowed_origins=[])


def test_it_fills_a_phone(visit: Callable[..., Visit], welcome_site: Site) -> None:
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open(
        welcome_site.url
    )
    page.get_by_role("button", name=OPEN).tap()
    panel = page.get_by_role("dialog")
    expect(panel).to_have_attribute("aria-modal", "true")
    expect(page.get_by_role("textbox", name=ASK)).to_be_focused()
    page.wait_for_timeout(300)
    box = panel.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
    ask(page, "How do I return an item?")
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.localName") == "freehold-widget"
    page.get_by_role("button", name="Close the chat").tap()
    expect(page.get_by_role("button", name=OPEN)).to_be_visible()


def test_it_comes_once_and_from_anywhere_in_the_page(
    visit: Callable[..., Visit], shop: Freehold, site: Callable[[str], Site]
) -> None:
    tag = shop.tag().replace(" defer", "")
    stranger = site(
        f"<!doctype html><head><title>A shop</title>{tag}{tag}</head><body><p>Words.</p>{tag}</body>"
    )
    shop.change(allowed_origins=[stranger.url])
    page = visit().open(stranger.url)
    expect(page.get_by_role("button", name=OPEN)).to_be_visible()
    expect(page.locator("freehold-widget")).to_have_count(1)
    shop.change(allowed_origins=[])


def test_the_site_cannot_spoil_it(
    visit: Callable[..., Visit], shop: Freehold, site: Callable[[str], Site]
) -> None:
    style = "*{color:red!important;font-size:40px!important} body>*{transform:rotate(9deg);display:none}"
    stranger = site(page_with(f"<style>{style}</style>{shop.tag()}"))
    shop.change(allowed_origins=[stranger.url])
    page = visit().open(stranger.url)
    text = open_widget(page).get_by_text("An AI answers here")
    expect(text).to_have_css("font-size", "13.5px")
    expect(text).not_to_have_css("color", "rgb(255, 0, 0)")
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert (box["x"], round(box["width"])) == (860, 400)
    shop.change(allowed_origins=[])


def test_the_stream_is_shown_as_it_comes_and_can_be_stopped(
    visit: Callable[..., Visit], start: Callable[..., Freehold], site: Callable[[str], Site]
) -> None:
    page, engine = _slow(visit, start, site)
    page.get_by_role("textbox", name=ASK).fill("How do I return an item?")
    page.keyboard.press("Enter")
    answer = page.locator(".answer")
    expect(answer.get_by_text("Looking in the documents")).to_be_attached()
    expect(answer.get_by_text("You can return any item within 30 days of delivery.")).to_be_visible()
    engine.tokens_per_second = 0.1  # however busy the machine: it is stopped before it has ended
    page.get_by_role("button", name="Stop the answer").click()
    expect(answer.get_by_text("Stopped.")).to_be_visible()
    expect(answer.get_by_text("The item must be unused")).to_have_count(0)
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    engine.tokens_per_second = 500
    answer = ask(page, "How do I return an item?")
    expect(answer.get_by_text("The item must be unused")).to_be_visible()
    assert (engine.running, engine.abandoned) == (0, 1)


def test_what_is_entered_while_an_answer_is_under_way_is_asked_after_it(
    visit: Callable[..., Visit], start: Callable[..., Freehold], site: Callable[[str], Site]
) -> None:
    page, engine = _slow(visit, start, site, 1)
    question = page.get_by_role("textbox", name=ASK)
    question.fill("How do I return an item?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop the answer")).to_be_visible()
    question.fill("Please, how do I return an item?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("This is asked when the answer has ended.")
    expect(page.locator(".answer")).to_have_count(1)
    engine.tokens_per_second = 500
    expect(page.get_by_text("You asked: Please, how do I return an item?")).to_be_visible()
    expect(question).to_have_value("")
    expect(page.get_by_role("status")).to_be_empty()
    expect(page.locator(".answer").nth(0).get_by_text("The item must be unused")).to_be_visible()
    expect(page.locator(".answer").nth(1).get_by_role("button", name="Helpful", exact=True)).to_be_visible()


def test_sentences_are_announced_whole(
    visit: Callable[..., Visit], start: Callable[..., Freehold], site: Callable[[str], Site]
) -> None:
    page, _engine = _slow(visit, start, site, 60)
    ask(page, "How do I return an item?")
    spoken = page.get_by_role("log").locator("p").all_text_contents()
    assert spoken[0] == "Looking in the documents."
    assert "You can return any item within 30 days of delivery." in spoken
    assert spoken[-1] == "End of the answer."


def _slow(
    visit: Callable[..., Visit],
    start: Callable[..., Freehold],
    site: Callable[[str], Site],
    tokens_per_second: float = 12,
) -> tuple[Page, FakeEngine]:
    """A widget on a page, answered at a set speed by a model that knows how to return an item."""

    def said(request: Generation) -> str:
        prompt = "\n".join((request.system, *(message.text for message in request.messages)))
        number = re.findall(r"^\[(\d+)\] .*How do I return an item\?$", prompt, re.M)[-1]
        return (
            f"You can return any item within 30 days of delivery [{number}]."
            f" The item must be unused and in its original packaging [{number}]."
        )

    engine = FakeEngine(tokens_per_second, said)
    freehold = start(engine, demo=False)
    freehold.add(SHOP)
    stranger = site(page_with(freehold.tag()))
    freehold.change(allowed_origins=[stranger.url])
    page = visit(expected="409").open(stranger.url)  # a stopped answer may still be ending
    open_widget(page)
    return page, engine
