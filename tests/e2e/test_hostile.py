"""Scripts in everything that people and models write: shown as text, run nowhere, fetched from nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from browsing import Freehold, Site, Visit, ask, open_widget, page_with
from playwright.sync_api import Page, expect

from freehold.testing import FakeEngine

IMAGE = '<img src="https://elsewhere.example/x.png" onerror="window.ran=1;alert(1)">'
SCRIPT = "<script>window.ran=1;alert(2)</script>"
LINK = "[press me](javascript:window.ran=1)"
PICTURE = "![shown](https://elsewhere.example/y.png)"

DOCUMENT = f"""# Payment {IMAGE}

## How do I pay {SCRIPT}?

Payment is due within fourteen days {IMAGE} of the invoice. {LINK} {PICTURE}

`{SCRIPT}` is code. Payment by card {SCRIPT} is free of charge.

| Card {IMAGE} | Fee |
| --- | --- |
| Visa {SCRIPT} | none |

<iframe srcdoc="<script>parent.ran=1</script>"></iframe>
<svg onload="window.ran=1"><a href="javascript:window.ran=1">Payment</a></svg>
<style>@import url(https://elsewhere.example/z.css);</style>
"""

PAGE = f"""<!doctype html><title>Invoices {SCRIPT.replace("<", "&lt;")}</title><body onload="window.ran=1">
<main><h1>Invoices &lt;img src=x onerror=alert(3)&gt;</h1><h2>How do I get an invoice?</h2>
<p>An invoice is sent &lt;script&gt;window.ran=1&lt;/script&gt; by mail on the day of the order.</p>
{SCRIPT}<a href="javascript:window.ran=1">An invoice</a>{IMAGE}</main>"""

SAID = (
    f"Payment is due within fourteen days of the invoice [1]. {IMAGE} {SCRIPT}\n\n"
    f"Payment by card is free of charge {LINK} [1]. {PICTURE}\n\n"
    "Payment is due within fourteen days of the invoice \ue000007\ue001 [1]."
    " <b>Payment by card</b> is free of charge [1]."
)

LOADED = (
    "img, iframe, object, embed, link[href^=http], a[href^=javascript], [onerror], [onload], .markdown svg"
)


def nothing_ran(page: Page) -> None:
    assert page.evaluate("window.ran") is None
    assert page.locator(f".fh :is({LOADED})").count() == 0


def knowing(start: Callable[..., Freehold], folder: Path, engine: FakeEngine | None = None) -> Freehold:
    folder.mkdir()
    (folder / "<img src=x onerror=alert(4)>.md").write_text(DOCUMENT)
    (folder / "invoices.html").write_text(PAGE)
    freehold = start(engine, demo=False)
    freehold.add(folder)
    freehold.change(name=f"Rosa {IMAGE}", greeting=f"Hello {SCRIPT} {IMAGE}", accent=None)
    return freehold


def test_documents_run_nothing_in_the_page(
    visit: Callable[..., Visit], start: Callable[..., Freehold], tmp_path: Path
) -> None:
    freehold = knowing(start, tmp_path / "hostile")
    page = visit().open(freehold.url)
    expect(page.locator(".hello h2")).to_contain_text("Hello <script>")
    shown = []
    for question in (
        "When is payment due?",
        "Is payment by card free of charge?",
        "When is an invoice sent?",
    ):
        answer = ask(page, question)
        marks = answer.get_by_role("button", name=re.compile("^Source"))
        for number in range(marks.count()):
            marks.nth(number).click()
            expect(page.locator(".source mark").first).to_be_visible()
            shown.append(page.locator(".source-body").inner_text())
            nothing_ran(page)
    assert any("<script>window.ran=1;alert(2)</script>" in text for text in shown)
    page.get_by_role("link", name="Manage knowledge").click()
    page.get_by_role("textbox", name="Admin key").fill(freehold.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Sources")).to_be_visible()
    nothing_ran(page)


def test_file_names_run_nothing_while_they_are_read(
    visit: Callable[..., Visit], start: Callable[..., Freehold], tmp_path: Path
) -> None:
    freehold = start(demo=False)
    page = visit().open(freehold.url)
    payload = {"mimeType": "text/markdown", "buffer": DOCUMENT.encode()}
    broken = {"mimeType": "application/pdf", "buffer": b"%PDF-1.7 no more"}
    name = "<img src=x onerror=window.ran=1>"
    page.get_by_label("Files").set_input_files(
        [
            {"name": f"{name}.md", **payload},
            {"name": f"{name}.pdf", **broken},
            {"name": f"{name}.exe", **broken},
        ]
    )
    page.get_by_role("textbox", name="Admin key").fill(freehold.key)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Read. 1 added.")).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=window.ran=1>.exe")).to_be_visible()
    nothing_ran(page)


def test_documents_and_models_run_nothing_in_the_widget(
    visit: Callable[..., Visit], start: Callable[..., Freehold], site: Callable[[str], Site], tmp_path: Path
) -> None:
    freehold = knowing(start, tmp_path / "hostile", FakeEngine(200, SAID))
    stranger = site(page_with(freehold.tag(accent="url(https://elsewhere.example/a.png)")))
    freehold.change(allowed_origins=[stranger.url])
    page = visit().open(stranger.url)
    open_widget(page)
    answer = ask(page, "When is payment due?")
    expect(answer).to_contain_text("Payment is due within fourteen days of the invoice")
    nothing_ran(page)
    answer.get_by_role("button", name=re.compile("^Source 1")).first.click()
    expect(page.locator(".source-body")).to_contain_text("Payment")
    nothing_ran(page)
    page.reload()
    expect(page.locator(".answer")).to_contain_text("Payment is due within fourteen days of the invoice")
    nothing_ran(page)


def test_a_lying_server_runs_nothing(visit: Callable[..., Visit], shop: Freehold) -> None:
    """Whatever comes over the wire: odd numbers, foreign links, broken offsets, forged sentinels."""
    citation = {
        "number": 1,
        "passage_id": 1,
        "document": {"id": 1, "title": "<i>t</i>", "location": "javascript:window.ran=1"},
        "heading_path": ["<b>h</b>"],
        "text": "a \U0001f642 <b>b</b>",
        "quote": "<b>b</b>",
        "start": 900,
        "end": -5,
    }
    nearby = [
        {"id": 1, "title": "<i>n</i>", "location": "data:text/html,x", "heading_path": []},
        {"id": 2, "title": "Help", "location": "https://shop.example/help", "heading_path": ["Help", "Pay"]},
    ]
    delta = {"text": "<img src=x onerror=alert(1)> \ue0009\ue001", "citations": [1, 99, -1]}
    events = {
        "message_start": {"message_id": "m"},
        "citation": citation,
        "message_delta": delta,
        "message_end": {"message_id": "m", "outcome": "<b>", "nearby": nearby},
    }
    stream = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events.items())
    page = visit().open(shop.url)
    page.route("**/messages", lambda route: route.fulfill(content_type="text/event-stream", body=stream))
    answer = ask(page, "Anything?")
    expect(answer).to_contain_text("<img src=x onerror=alert(1)>")
    expect(answer.locator(".cite")).to_have_count(1)
    expect(answer.get_by_role("listitem").filter(has_text="<i>n</i>")).to_be_visible()
    expect(answer.get_by_role("link")).to_have_count(1)
    expect(answer.get_by_role("link", name="Help")).to_have_attribute("rel", "noopener noreferrer")
    answer.locator(".cite").click()
    expect(page.locator(".source mark")).to_have_text("<b>b</b>")
    expect(page.locator(".source").get_by_role("link")).to_have_count(0)
    nothing_ran(page)
