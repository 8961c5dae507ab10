"""Rehearsals over HTTP: who may, tickets in their order and masked, what can be fetched when."""

from __future__ import annotations

import json

import httpx
from web_parts import House

from freehold.evaluation.rehearsals import RUN, TICKETS
from freehold.evaluation.shelf import replace_file

PATH = "/api/v1/rehearsals"


def ticket(number: int, question: str = "How long does it take?") -> dict[str, object]:
    return {"id": str(number), "line": number + 2, "question": question, "reply": "Five days."}


async def begun(client: httpx.AsyncClient) -> str:
    answer = await client.post(PATH, json={"file": "tickets of tove@mail.example.csv"})
    assert answer.status_code == 201
    made: dict[str, str] = answer.json()
    assert made["state"] == "receiving"
    return made["id"]


async def test_only_administrators(house: House, client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("POST", "/x/tickets"),
        ("GET", "/x/page"),
        ("DELETE", "/x"),
    ):
        for headers, status in (({}, 401), (house.key("chat"), 403)):
            answer = await client.request(method, f"{PATH}{path}", headers=headers, json={})
            assert answer.status_code == status, (method, path)


async def test_tickets_are_masked_once_more_before_they_are_written(
    house: House, client: httpx.AsyncClient
) -> None:
    client.headers.update(house.key())
    name = await begun(client)
    question = "Write to tove@mail.example or call +47 22 55 01 23."
    sent = {"first": 0, "tickets": [ticket(0, question)]}
    answer = await client.post(f"{PATH}/{name}/tickets", json=sent)
    assert answer.json() == {"tickets": 1}
    kept = (house.config.runs / name / TICKETS).read_text()
    assert json.loads(kept)["question"] == "Write to [email 1] or call [phone 1]."
    assert "tove" not in name


async def test_tickets_come_in_their_order_and_at_least_one(house: House, client: httpx.AsyncClient) -> None:
    client.headers.update(house.key())
    name = await begun(client)
    assert (await client.post(f"{PATH}/{name}/start", json={})).status_code == 400
    for first, status in ((1, 409), (0, 200), (0, 409), (1, 200)):
        sent = {"first": first, "tickets": [ticket(first)]}
        assert (await client.post(f"{PATH}/{name}/tickets", json=sent)).status_code == status
    started = await client.post(f"{PATH}/{name}/start", json={"reading": {"rows": 2}})
    assert started.status_code == 202
    assert (started.json()["rehearsal"]["state"], started.json()["job"]["kind"]) == ("queued", "rehearse")
    late = await client.post(f"{PATH}/{name}/tickets", json={"first": 2, "tickets": [ticket(2)]})
    assert late.status_code == 409


async def test_an_equal_one_at_work_is_returned(house: House, client: httpx.AsyncClient) -> None:
    client.headers.update(house.key())
    ids = []
    for _ in range(2):
        name = await begun(client)
        await client.post(f"{PATH}/{name}/tickets", json={"first": 0, "tickets": [ticket(0)]})
        ids.append((await client.post(f"{PATH}/{name}/start", json={})).json()["rehearsal"]["id"])
    assert ids[0] == ids[1]
    assert len((await client.get(PATH)).json()["rehearsals"]) == 1


async def test_fetched_when_done_and_removed(house: House, client: httpx.AsyncClient) -> None:
    client.headers.update(house.key())
    name = await begun(client)
    await client.post(f"{PATH}/{name}/tickets", json={"first": 0, "tickets": [ticket(0)]})
    await client.post(f"{PATH}/{name}/start", json={})
    for part in ("report", "page"):
        assert (await client.get(f"{PATH}/{name}/{part}")).json()["error"]["code"] == "conflict"
    assert (await client.delete(f"{PATH}/{name}")).status_code == 409
    folder = house.config.runs / name
    for file in ("report.json", "report.html"):
        (folder / file).write_text(json.dumps({"of": file}))
    replace_file(folder / RUN, (folder / RUN).read_text().replace('"queued"', '"done"'))
    page = await client.get(f"{PATH}/{name}/page")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert (await client.get(f"{PATH}/{name}/report")).json() == {"of": "report.json"}
    assert (await client.delete(f"{PATH}/{name}")).status_code == 204
    assert not folder.exists()
    assert (await client.get(f"{PATH}/../x")).status_code == 404
