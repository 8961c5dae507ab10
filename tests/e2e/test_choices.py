"""A question back in a real browser: its choices are buttons, and a pick is answered for that one alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from browsing import Freehold, Site, Visit, ask, open_widget, page_with
from playwright.sync_api import expect

PLANS = """# Plans

## Free plan

### Storage

The storage limit is 2 GB a team.

## Team plan

### Storage

The storage limit is 100 GB a team.
"""
QUESTION = "What is the storage limit?"


def plans(folder: Path) -> Path:
    folder.mkdir()
    (folder / "plans.md").write_text(PLANS)
    return folder


def test_the_pages_choices_are_buttons_that_answer(
    start: Callable[..., Freehold], visit: Callable[..., Visit], tmp_path: Path
) -> None:
    freehold = start()
    freehold.add(plans(tmp_path / "plans"))
    page = visit().open(freehold.url)
    back = ask(page, QUESTION)
    choose = back.get_by_role("list", name="Which one do you mean?")
    expect(choose.get_by_role("button")).to_have_text(["Free plan", "Team plan"])
    choose.get_by_role("button", name="Team plan").press("Enter")
    answer = page.locator(".answer").nth(1)
    expect(answer).to_contain_text("100 GB")
    expect(answer).not_to_contain_text("2 GB")
    follow = ask(page, "and the Free plan?")
    expect(follow).to_contain_text("2 GB")
    expect(follow).not_to_contain_text("100 GB")


def test_the_widgets_choices_are_buttons_that_answer(
    start: Callable[..., Freehold], visit: Callable[..., Visit], tmp_path: Path
) -> None:
    freehold = start()
    freehold.add(plans(tmp_path / "plans"))
    with Site(page_with(freehold.tag())) as site:
        freehold.change(allowed_origins=[site.url])
        page = visit().open(site.url)
        panel = open_widget(page)
        ask(page, QUESTION)
        panel.get_by_role("button", name=re.compile("^Free plan$")).click()
        answer = panel.locator(".answer").nth(1)
        expect(answer).to_contain_text("2 GB")
        expect(answer).not_to_contain_text("100 GB")
