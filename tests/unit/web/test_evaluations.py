"""Evaluations over HTTP: who may, what is refused, what can be fetched when."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
from web_parts import House

from freehold.evaluation.evaluations import RUN, read_evaluation
from freehold.evaluation.shelf import replace_file


def suite(tmp_path: Path) -> str:
    path = tmp_path / "suite.csv"
    path.write_text("question\nHow long?\n")
    return str(path)


async def test_only_administrators(house: House, client: httpx.AsyncClient) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/x"), ("GET", "/x/page"), ("DELETE", "/x")):
        for headers, status in (({}, 401), (house.key("chat"), 403)):
            answer = await client.request(method, f"/api/v1/evaluations{path}", headers=headers, json={})
            assert answer.status_code == status, (method, path)


async def test_started_looked_at_and_fetched(house: House, client: httpx.AsyncClient, tmp_path: Path) -> None:
    client.headers.update(house.key())
    wish = {"suite": suite(tmp_path), "limit": 3}
    answer = await client.post("/api/v1/evaluations", json=wish)
    assert answer.status_code == 202
    started = answer.json()["evaluation"]
    job = answer.json()["job"]
    assert (started["state"], started["limit"], job["kind"]) == ("queued", 3, "evaluate")
    again = (await client.post("/api/v1/evaluations", json=wish)).json()
    assert (again["evaluation"]["id"], again["job"]["id"]) == (started["id"], job["id"])
    other = (await client.post("/api/v1/evaluations", json=wish | {"limit": 4})).json()
    listed = (await client.get("/api/v1/evaluations")).json()["evaluations"]
    assert {each["id"] for each in listed} == {started["id"], other["evaluation"]["id"]}

    path = f"/api/v1/evaluations/{started['id']}"
    for name in ("scorecard", "page", "records"):
        assert (await client.get(f"{path}/{name}")).json()["error"]["code"] == "conflict"
    assert (await client.delete(path)).status_code == 409

    folder = house.config.runs / started["id"]
    for name in ("scorecard.json", "report.html", "records.jsonl"):
        (folder / name).write_text(json.dumps({"of": name}))
    replace_file(folder / RUN, (folder / RUN).read_text().replace('"queued"', '"done"'))
    page = await client.get(f"{path}/page")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert (await client.get(f"{path}/scorecard")).json() == {"of": "scorecard.json"}
    assert (await client.delete(path)).status_code == 204
    assert not folder.exists()
    assert (await client.get(path)).status_code == 404


async def test_cancelled_ones_are_stopped(house: House, client: httpx.AsyncClient, tmp_path: Path) -> None:
    client.headers.update(house.key())
    started = (await client.post("/api/v1/evaluations", json={"suite": suite(tmp_path)})).json()
    await client.post(f"/api/v1/jobs/{started['job']['id']}/cancel")
    found = (await client.get(f"/api/v1/evaluations/{started['evaluation']['id']}")).json()
    assert found["state"] == "stopped"


async def test_what_cannot_be_evaluated(house: House, client: httpx.AsyncClient, tmp_path: Path) -> None:
    client.headers.update(house.key())
    there = suite(tmp_path)
    for wish, code in (
        ({"suite": str(tmp_path / "none.csv")}, "not_found"),
        ({"suite": "suite.csv"}, "invalid_input"),
        ({"suite": there, "assistant": "nobody"}, "not_found"),
        ({"suite": there, "model": "nothing"}, "not_found"),
        ({"suite": there, "limit": 0}, "invalid_input"),
        ({"suite": there, "leave_out": 1}, "invalid_input"),
        ({"suite": there, "unheard": 1}, "invalid_input"),
    ):
        answer = await client.post("/api/v1/evaluations", json=wish)
        assert answer.json()["error"]["code"] == code, wish
    assert not house.config.runs.exists()
    for bad in ("..", "x%2F..%2F..", "KNOWLEDGE", "knowledge"):
        assert (await client.get(f"/api/v1/evaluations/{bad}")).status_code == 404


async def test_a_damaged_run_is_told(house: House, client: httpx.AsyncClient, tmp_path: Path) -> None:
    client.headers.update(house.key())
    started = (await client.post("/api/v1/evaluations", json={"suite": suite(tmp_path)})).json()
    path = house.config.runs / started["evaluation"]["id"] / RUN
    assert replace(read_evaluation(path), state="done").state == "done"
    path.write_text("{")
    answer = await client.get(f"/api/v1/evaluations/{started['evaluation']['id']}")
    assert answer.status_code == 409
    assert "is damaged" in answer.json()["error"]["message"]
    assert (await client.get("/api/v1/evaluations")).json() == {"evaluations": []}
