"""PATCH /sources/{id}: what is said changes, what is not said stays, and what cannot be changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from web_parts import House

from freehold.knowledge.options import SiteOptions


@pytest.fixture
def site(house: House) -> str:
    """The path of a source that is a site."""
    options = SiteOptions(pages=500, delay=2.0)
    source = house.services.sources.add("https://shop.example/help/", "default", title="Help", site=options)
    return f"/api/v1/sources/{source.id}"


@pytest.fixture
def folder(house: House, tmp_path: Path) -> str:
    (tmp_path / "docs").mkdir()
    source = house.services.sources.add(str(tmp_path / "docs"), "default", title="Manual")
    return f"/api/v1/sources/{source.id}"


@pytest.fixture
def uploads(house: House, tmp_path: Path) -> str:
    (tmp_path / "files").mkdir()
    source = house.services.sources.add(str(tmp_path / "files"), "default", title="Files", upload=True)
    return f"/api/v1/sources/{source.id}"


async def test_each_is_changed_alone_and_the_rest_stays(
    house: House, client: httpx.AsyncClient, site: str
) -> None:
    admin = house.key()
    before = (await client.get(site, headers=admin)).json()
    assert (before["title"], before["freshness"]["every"]) == ("Help", "default")
    assert before["site"] == {"pages": 500, "depth": None, "delay": 2.0}
    for wish, expected in (
        ({"title": "Centre"}, {**before, "title": "Centre"}),
        ({"site": {"depth": 3}}, {**before, "title": "Centre", "site": {**before["site"], "depth": 3}}),
        ({}, {**before, "title": "Centre", "site": {**before["site"], "depth": 3}}),
        ({"site": {}}, {**before, "title": "Centre", "site": {**before["site"], "depth": 3}}),
    ):
        answer = await client.patch(site, json=wish, headers=admin)
        assert (answer.status_code, answer.json()) == (200, expected)
        assert (await client.get(site, headers=admin)).json() == expected


@pytest.mark.parametrize(
    ("said", "spoken", "seconds"),
    [("6h", "6h", 21_600), ("24h", "1d", 86_400), ("30M", "30m", 1_800), ("2w", "2w", 1_209_600),
     ("off", "off", 0), ("default", "default", 0)],
)  # fmt: skip
async def test_how_often_it_is_read(
    house: House, client: httpx.AsyncClient, site: str, said: str, spoken: str, seconds: int
) -> None:
    admin = house.key()
    await client.patch(site, json={"every": "1w"}, headers=admin)
    changed = (await client.patch(site, json={"every": said}, headers=admin)).json()
    assert (changed["freshness"]["every"], changed["freshness"]["every_seconds"]) == (spoken, seconds)
    assert (changed["freshness"]["due_at"] is None) == (seconds == 0)
    listed = (await client.get("/api/v1/sources", headers=admin)).json()["sources"]
    assert [each["freshness"]["every"] for each in listed] == [spoken]


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"every": "sometimes"}, "'sometimes' is not an interval"),
        ({"every": "1m"}, "five minutes"),
        ({"every": "60w"}, "a year"),
        ({"every": ""}, "every"),
        ({"every": 6}, "every"),
        ({"site": {"pages": 0}}, "pages is 0"),
        ({"site": {"pages": 1e9}}, "pages is 1e+09"),
        ({"site": {"depth": -1}}, "depth is -1"),
        ({"site": {"delay": 61}}, "delay is 61"),
        ({"site": {"speed": 1}}, "speed"),
        ({"site": []}, "site"),
        ({"title": ""}, "title"),
        ({"title": "x" * 10_000}, "title"),
        ({"location": "https://elsewhere.example/"}, "location"),
        ({"title": "Other", "every": "never again"}, "interval"),
        ({"every": "6h", "site": {"pages": -1}}, "pages is -1"),
    ],
)
async def test_what_cannot_be_changes_nothing(
    house: House, client: httpx.AsyncClient, site: str, wish: dict[str, Any], named: str
) -> None:
    admin = house.key()
    before = (await client.get(site, headers=admin)).json()
    refused = await client.patch(site, json=wish, headers=admin)
    assert refused.status_code == 400
    assert named in str(refused.json()["error"])
    assert (await client.get(site, headers=admin)).json() == before


async def test_only_a_site_has_limits(house: House, client: httpx.AsyncClient, folder: str) -> None:
    admin = house.key()
    before = (await client.get(folder, headers=admin)).json()
    wish = {"title": "Other", "every": "6h", "site": {"pages": 5}}
    refused = await client.patch(folder, json=wish, headers=admin)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_input")
    assert "is a folder; only a site" in refused.json()["error"]["message"]
    assert (await client.get(folder, headers=admin)).json() == before
    kept = await client.patch(folder, json={"every": "6h"}, headers=admin)
    assert kept.json()["freshness"]["every"] == "6h"


async def test_uploaded_files_are_not_read_by_themselves(
    house: House, client: httpx.AsyncClient, uploads: str
) -> None:
    admin = house.key()
    before = (await client.get(uploads, headers=admin)).json()
    refused = await client.patch(uploads, json={"title": "Other", "every": "6h"}, headers=admin)
    assert refused.status_code == 400
    assert "Uploaded files" in refused.json()["error"]["message"]
    assert (await client.get(uploads, headers=admin)).json() == before
    assert (await client.patch(uploads, json={"every": "off"}, headers=admin)).status_code == 200


async def test_who_may_change_which(house: House, client: httpx.AsyncClient, site: str) -> None:
    wish = {"title": "Mine"}
    assert (await client.patch(site, json=wish)).status_code == 401
    assert (await client.patch(site, json=wish, headers=house.key("chat"))).status_code == 403
    for path, status in (
        ("/api/v1/sources/999", 404),
        ("/api/v1/sources/0", 400),
        ("/api/v1/sources/x", 400),
    ):
        assert (await client.patch(path, json=wish, headers=house.key())).status_code == status
    wish_of_time = {"every": "1d"}
    assert (
        await client.patch("/api/v1/sources/999", json=wish_of_time, headers=house.key())
    ).status_code == 404
    assert (await client.get(site, headers=house.key())).json()["title"] == "Help"
