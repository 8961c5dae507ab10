from __future__ import annotations

import re
from collections.abc import Callable

from browsing import Freehold, Visit, ask, highlighted
from playwright.sync_api import Route, expect


def test_the_demo_answers_with_words_that_one_click_shows(
    visit: Callable[..., Visit], start: Callable[..., Freehold]
) -> None:
    freehold = start()
    page = visit().open(freehold.url)
    expect(page.get_by_text("Demo: knows Freehold’s own documentation")).to_be_visible()
    expect(page.get_by_text("An AI answers here")).to_be_visible()
    suggestion = page.get_by_role("list", name="Suggested questions").get_by_role("button").first
    expect(suggestion).to_be_visible()
    answer = ask(page, "How do I stop the server?")
    expect(answer).to_contain_text(re.compile("stop", re.I))

    mark = page.get_by_role("button", name=re.compile("^Source 1:"))
    mark.click()
    said = answer.locator(".markdown > *", has=mark).inner_text().removesuffix("1").strip()
    assert highlighted(page) in said or said in highlighted(page)


def test_a_source_opens_beside_the_answer_and_closes_where_it_was_opened(
    visit: Callable[..., Visit], shop: Freehold
) -> None:
    page = visit().open(shop.url)
    answer = ask(page, "When are refunds paid?")
    mark = answer.get_by_role("button", name="Source 1: Returns and refunds")
    mark.focus()
    page.keyboard.press("Enter")
    source = page.get_by_role("dialog", name="Source 1: Returns and refunds")
    expect(source).to_be_visible()
    assert highlighted(page).startswith("Refunds are paid within five working days")
    expect(source.get_by_text("The money goes back to the card")).to_be_visible()
    expect(source.get_by_text("returns.md")).to_be_visible()
    page.keyboard.press("Escape")
    expect(source).to_be_hidden()
    expect(mark).to_be_focused()


def test_steps_stay_steps(visit: Callable[..., Visit], shop: Freehold) -> None:
    page = visit().open(shop.url)
    answer = ask(page, "How do I return an item?")
    expect(
        answer.get_by_role("listitem").filter(has_text="Open Orders and choose the order.")
    ).to_be_visible()
    expect(answer.locator("ol > li")).to_have_count(3)


def test_a_refusal_says_so_and_names_what_is_near(visit: Callable[..., Visit], shop: Freehold) -> None:
    page = visit().open(shop.url)
    answer = ask(page, "Who was the first person on the moon?")
    expect(answer.get_by_role("button", name=re.compile("^Source"))).to_have_count(0)
    expect(answer).to_have_class(re.compile("refused"))


def test_a_conversation_survives_a_reload_and_ends_when_a_new_one_begins(
    visit: Callable[..., Visit], shop: Freehold
) -> None:
    page = visit().open(shop.url)
    answer = ask(page, "When are refunds paid?")
    with page.expect_response(re.compile("/feedback$")) as saved:
        answer.get_by_role("button", name="Helpful", exact=True).click()
    assert saved.value.status == 204
    page.reload()
    expect(page.get_by_text("You asked: When are refunds paid?")).to_be_visible()
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Source 1: Returns and refunds").click()
    assert highlighted(page).startswith("Refunds are paid")

    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".answer")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("list", name="Suggested questions")).to_be_visible()
    expect(page.locator(".answer")).to_have_count(0)


def test_what_was_wrong_can_be_said(visit: Callable[..., Visit], shop: Freehold) -> None:
    page = visit().open(shop.url)
    answer = ask(page, "How long does delivery take?")
    answer.get_by_role("button", name="Not helpful").click()
    answer.get_by_role("textbox", name="What was wrong or missing?").fill("Nothing about Sundays.")
    with page.expect_request(re.compile("/feedback$")) as told:
        page.keyboard.press("Enter")
    assert told.value.post_data_json == {"rating": "down", "comment": "Nothing about Sundays."}
    expect(answer.get_by_text("Thank you.")).to_be_visible()


def test_an_unreachable_server_is_said_and_asked_again(visit: Callable[..., Visit], shop: Freehold) -> None:
    page = visit(expected="ERR_FAILED").open(shop.url)
    page.route("**/messages", lambda route: route.abort())
    page.get_by_role("textbox", name="Ask").fill("When are refunds paid?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The assistant cannot be reached.").first).to_be_visible()
    page.unroute("**/messages")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Source 1: Returns and refunds")).to_be_visible()
    expect(page.locator(".question")).to_have_count(1)


def test_waiting_is_counted_down_when_every_place_is_taken(
    visit: Callable[..., Visit], shop: Freehold
) -> None:
    page = visit(expected="503").open(shop.url)
    body = (
        '{"error": {"code": "overloaded", "message": "Every place is taken.", "hint": "Try again shortly."}}'
    )

    def taken(route: Route) -> None:
        route.fulfill(status=503, headers={"Retry-After": "2"}, content_type="application/json", body=body)

    page.route("**/messages", taken)
    page.get_by_role("textbox", name="Ask").fill("When are refunds paid?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile(r"Try again in \d s"))).to_be_disabled()
    page.unroute("**/messages")
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.get_by_role("button", name="Source 1: Returns and refunds")).to_be_visible()


def test_a_phone_has_room_for_everything(visit: Callable[..., Visit], shop: Freehold) -> None:
    page = visit(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).open(shop.url)
    answer = ask(page, "What does a return cost?")
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(wide)
    answer.get_by_role("button", name=re.compile("^Source 1")).tap()
    box = page.locator(".source").bounding_box()
    assert box is not None
    assert round(box["width"]) == 360
    page.get_by_role("button", name="Close the source").tap()
    page.get_by_role("link", name="Manage knowledge").tap()
    expect(page.get_by_role("textbox", name="Admin key")).to_be_visible()
    assert not page.evaluate(wide)
