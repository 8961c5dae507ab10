from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from browsing import SHOP, Freehold, Site, Visit, ask, highlighted, open_widget, page_with
from playwright.sync_api import Page, expect


def give_key(page: Page, key: str) -> None:
    page.get_by_role("textbox", name="Admin key").fill(key)
    page.keyboard.press("Enter")


def test_from_nothing_to_a_tag_that_works(
    visit: Callable[..., Visit], start: Callable[..., Freehold], site: Callable[[str], Site], tmp_path: Path
) -> None:
    freehold = start()
    page = visit(expected="401").open(freehold.url)
    expect(page.get_by_role("heading", name="Make it yours")).to_be_visible()

    broken = tmp_path / "contract.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing more")
    program = tmp_path / "setup.exe"
    program.write_bytes(b"MZ")
    page.get_by_label("Files").set_input_files([SHOP / "returns.md", SHOP / "delivery.md", broken, program])

    expect(page.get_by_text("4 files waiting to be read.")).to_be_visible()
    expect(
        page.get_by_text("The terminal printed it when Freehold started for the first time")
    ).to_be_visible()
    give_key(page, "fh_admin_wrong")
    expect(page.get_by_role("alert")).to_contain_text("This is not an admin key of this server.")
    give_key(page, freehold.key)

    reading = page.get_by_role("list", name="Reading", exact=True)
    expect(reading.get_by_text("Read. 2 added.")).to_be_visible()
    expect(reading.get_by_text("1 document could not be read")).to_be_visible()
    expect(reading.get_by_text("contract.pdf")).to_be_visible()
    expect(reading.get_by_text("setup.exe")).to_be_visible()

    page.get_by_role("button", name="When are refunds paid?").click()
    expect(page.get_by_text("Your assistant, on your documents")).to_be_visible()
    page.get_by_role("button", name="Source 1: Returns and refunds").click()
    assert highlighted(page).startswith("Refunds are paid within five working days")

    stranger = site("")
    page.get_by_role("link", name="Manage knowledge").click()
    page.get_by_role("textbox", name="Say which sites may use it.").fill(f"{stranger.url}/prices?x=1")
    page.get_by_role("button", name="Allow this site").click()
    expect(page.get_by_role("list", name="Allowed sites")).to_contain_text(stranger.url)
    page.get_by_role("button", name="Copy the tag").click()
    expect(page.get_by_text("The tag was copied.")).to_be_attached()
    stranger.html = page_with(page.get_by_role("textbox", name="Paste this tag").input_value())

    theirs = visit().open(stranger.url)
    open_widget(theirs)
    answer = ask(theirs, "How long does delivery take?")
    answer.get_by_role("button", name="Source 1: Delivery").click()
    assert "working days" in highlighted(theirs)


def test_a_folder_is_taken_with_files_of_one_name(
    visit: Callable[..., Visit], start: Callable[..., Freehold], tmp_path: Path
) -> None:
    for name, text in (("red", "Red paint dries in two hours."), ("blue", "Blue paint dries in five hours.")):
        folder = tmp_path / "paints" / name
        folder.mkdir(parents=True)
        (folder / "index.md").write_text(f"# {name.title()}\n\n## How long does {name} dry?\n\n{text}\n")
    freehold = start(demo=False)
    page = visit().open(freehold.url)
    page.get_by_label("Folder").set_input_files(tmp_path / "paints")
    give_key(page, freehold.key)
    expect(page.get_by_text("Read. 2 added.")).to_be_visible()
    locations = {document["location"] for document in freehold.call("GET", "/documents")["documents"]}
    assert locations == {"paints › blue › index.md", "paints › red › index.md"}


def test_an_address_that_may_not_be_read_is_refused_with_the_reason(
    visit: Callable[..., Visit], start: Callable[..., Freehold], site: Callable[[str], Site]
) -> None:
    freehold = start(demo=False)
    page = visit(expected="4\\d\\d").open(freehold.url)
    page.get_by_role("textbox", name="Web address").fill(site("<p>Private words.</p>").url)
    page.keyboard.press("Enter")
    give_key(page, freehold.key)
    reading = page.get_by_role("list", name="Reading")
    expect(reading).to_contain_text("127.0.0.1 is a private address.")
    expect(reading).to_contain_text("allowed_private")


def test_an_address_is_read(
    visit: Callable[..., Visit], start: Callable[..., Freehold], site: Callable[[str], Site]
) -> None:
    freehold = start(demo=False, allowed_private=("127.0.0.1",))
    head = "<!doctype html><title>Opening hours</title><main><h1>Opening hours</h1>"
    stranger = site(
        f"{head}<h2>When is the shop open?</h2>"
        "<p>The shop is open from nine to five on working days, and closed on Sundays.</p></main>"
    )
    page = visit().open(freehold.url)
    page.get_by_role("textbox", name="Web address").fill(stranger.url)
    page.keyboard.press("Enter")
    give_key(page, freehold.key)
    expect(page.get_by_text("Read. 1 added.")).to_be_visible()
    page.get_by_role("button", name="Ask your own question").click()
    ask(page, "When is the shop open?").get_by_role("button", name=re.compile("^Source 1")).click()
    assert "nine to five" in highlighted(page)
    expect(page.locator(".source").get_by_role("link", name=stranger.url)).to_be_visible()


def test_a_whole_site_is_read_and_then_by_itself(
    visit: Callable[..., Visit], start: Callable[..., Freehold], site: Callable[[str], Site]
) -> None:
    freehold = start(demo=False, allowed_private=("127.0.0.1",))

    def article(title: str, text: str, links: str = "") -> str:
        return (
            f"<!doctype html><title>{title}</title><main><h1>{title}</h1><h2>What about {title.lower()}?</h2>"
            f"<p>{text}</p>{links}</main>"
        )

    stranger = site("")
    stranger.pages = {
        "/help/": article(
            "Help",
            "This help centre tells how the shop works, from the first order to the last repair.",
            '<a href="lamps.html">Lamps</a> <a href="staff/rota.html">Rota</a> <a href="gone.html">Gone</a>'
            ' <a href="/other">Elsewhere</a>',
        ),
        "/help/lamps.html": article("Lamps", "A lamp is guaranteed for six years, its bulb for two."),
        "/help/staff/rota.html": article("Rota", "Nobody but the staff may read who works on Sundays."),
        "/robots.txt": "User-agent: *\nDisallow: /help/staff/\n",
    }
    page = visit().open(freehold.url)
    page.get_by_role("checkbox", name=re.compile("read the whole site")).check()
    page.get_by_role("textbox", name="Web address").fill(f"{stranger.url}/help/")
    page.get_by_role("button", name="Read this site").click()
    give_key(page, freehold.key)
    expect(page.get_by_text("Read. 2 added.")).to_be_visible()
    assert "/help/staff/rota.html" not in stranger.asked
    assert "/other" not in stranger.asked
    left_out = page.locator("details.left-out")
    expect(left_out.locator("summary")).to_have_text(re.compile(r"^\d+ pages? left out$"))
    left_out.locator("summary").click()
    expect(left_out).to_contain_text("robots.txt")
    expect(left_out).to_contain_text("/help/staff/rota.html")

    page.get_by_role("link", name="Manage knowledge").click()
    every = page.get_by_role("combobox", name=re.compile("^How often to read .* again$"))
    expect(every).to_have_value("default")
    with page.expect_response(lambda answer: answer.request.method == "PATCH") as changed:
        every.select_option("1d")
    assert changed.value.status == 200
    expect(page.get_by_role("region", name="Sources")).to_contain_text("next in")
    page.reload()
    expect(every).to_have_value("1d")
    (kept,) = freehold.call("GET", "/sources")["sources"]
    assert (kept["kind"], kept["freshness"]["every_seconds"]) == ("site", 86_400)


def test_what_was_added_can_be_removed(visit: Callable[..., Visit], start: Callable[..., Freehold]) -> None:
    freehold = start(demo=False)
    freehold.add(SHOP)
    page = visit().open(f"{freehold.url}#knowledge")
    give_key(page, freehold.key)
    sources = page.get_by_role("region", name="Sources")
    expect(sources).to_contain_text("2 documents")
    sources.get_by_role("button", name=re.compile("^Read again")).click()
    expect(page.get_by_text("Read. Nothing new.")).to_be_visible()
    sources.get_by_role("button", name=re.compile("^Remove")).click()
    page.get_by_role("button", name="Remove it").click()
    expect(sources).to_be_hidden()
    page.get_by_role("link", name="Ask").click()
    expect(page.get_by_role("heading", name="Make it yours")).to_be_visible()


def test_name_greeting_and_colour_reach_the_visitors(
    visit: Callable[..., Visit], start: Callable[..., Freehold]
) -> None:
    freehold = start(demo=False)
    freehold.add(SHOP)
    page = visit().open(f"{freehold.url}#knowledge")
    give_key(page, freehold.key)
    page.get_by_role("textbox", name="Name", exact=True).fill("Rosa")
    page.get_by_role("textbox", name="Greeting").fill("What can I find for you?")
    page.get_by_label("Colour").fill("#7a1fa2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("link", name="Ask").click()
    page.reload()
    expect(page.get_by_role("heading", name="What can I find for you?")).to_be_visible()
    expect(page.get_by_role("textbox", name="Ask Rosa a question")).to_be_visible()
    expect(page.get_by_role("button", name="When are refunds paid?")).to_have_css(
        "color", "rgb(122, 31, 162)"
    )


def test_the_key_stays_in_its_tab(visit: Callable[..., Visit], start: Callable[..., Freehold]) -> None:
    freehold = start(demo=False)
    browser = visit()
    page = browser.open(f"{freehold.url}#knowledge")
    give_key(page, freehold.key)
    expect(page.get_by_role("heading", name="What your assistant knows")).to_be_visible()
    assert freehold.key not in str(page.evaluate("Object.entries(localStorage)"))
    page.get_by_role("button", name="Forget the key").click()
    expect(page.get_by_role("textbox", name="Admin key")).to_be_visible()
    assert freehold.key not in str(page.evaluate("Object.entries(sessionStorage)"))
