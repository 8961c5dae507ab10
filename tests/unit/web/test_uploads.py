"""Uploads: names, sizes, forms that are none, disks that fill up."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as some
from web_parts import House
from web_parts import house as build

from freehold.web import uploads
from freehold.web.uploads import safe_name

URL = "/api/v1/sources/upload"


def form(*files: tuple[str, bytes], fields: dict[str, str] | None = None) -> dict[str, Any]:
    return {"files": [("files", file) for file in files], "data": fields or {}}


async def send(
    house: House, client: httpx.AsyncClient, *files: tuple[str, bytes], **fields: str
) -> httpx.Response:
    return await client.post(URL, headers=house.key(), **form(*files, fields=fields))


def raw(name: bytes, content: bytes = b"text") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="' + name + b'"\r\n\r\n'
    return head + content + b"\r\n--b--\r\n"


async def send_raw(house: House, client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    headers = house.key() | {"Content-Type": "multipart/form-data; boundary=b"}
    return await client.post(URL, content=body, headers=headers)


def stored(house: House, assistant: str = "default") -> dict[str, bytes]:
    folder = house.config.files / assistant
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def nothing_left_over(house: House) -> bool:
    incoming = house.config.files / ".incoming"
    return not incoming.exists() or not list(incoming.iterdir())


async def test_files_become_a_source(house: House, client: httpx.AsyncClient) -> None:
    answer = await send(
        house, client, ("one.md", b"# One"), ("Zwei \xfc.txt".encode("latin1").decode("latin1"), b"2")
    )
    assert answer.status_code == 202
    body = answer.json()
    assert body["source"]["kind"] == "upload"
    assert body["source"]["assistant"] == "default"
    assert body["job"]["state"] == "queued"
    assert [file["stored"] for file in body["files"]] == ["one.md", "Zwei ü.txt"]
    assert stored(house) == {"one.md": b"# One", "Zwei ü.txt": b"2"}
    assert nothing_left_over(house)


async def test_a_second_upload_joins_the_first(house: House, client: httpx.AsyncClient) -> None:
    first = (await send(house, client, ("one.md", b"old"))).json()
    second = (await send(house, client, ("one.md", b"new"), ("two.md", b"2"))).json()
    assert first["source"]["id"] == second["source"]["id"]
    assert stored(house) == {"one.md": b"new", "two.md": b"2"}


async def test_files_of_one_name_in_one_form_both_stay(house: House, client: httpx.AsyncClient) -> None:
    answer = await send(house, client, ("a/x.md", b"1"), ("b/x.md", b"2"))
    assert [file["name"] for file in answer.json()["files"]] == ["a/x.md", "b/x.md"]
    assert stored(house) == {"x.md": b"1", "x (2).md": b"2"}


async def test_for_an_assistant(house: House, client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/assistants", json={"id": "shop"}, headers=house.key())
    answer = await send(house, client, ("one.md", b"1"), assistant="shop")
    assert answer.json()["source"]["assistant"] == "shop"
    assert stored(house, "shop") == {"one.md": b"1"}
    refused = await send(house, client, ("one.md", b"1"), assistant="../../etc")
    assert refused.status_code == 404
    assert nothing_left_over(house)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (b"../../etc/passwd", "passwd"),
        (b"/etc/cron.d/x", "x"),
        (rb"..\\..\\windows\\x.txt", "x.txt"),
        (b"a%00.md", "a%00.md"),
        (b"nul\x00byte.md", "nul_byte.md"),
        (b"..", "file"),
        (b".", "file"),
        (b".hidden.md", "hidden.md"),
        (b"CON.txt", "_CON.txt"),
        (b"<img src=x onerror=alert(1)>.md", "_img src=x onerror=alert(1)_.md"),
        (b"x" * 500 + b".md", "x" * 117 + ".md"),
        (b"\xff\xfe.md", "\ufffd\ufffd.md"),
    ],
)
async def test_names_that_mean_harm(house: House, client: httpx.AsyncClient, name: bytes, kept: str) -> None:
    answer = await send_raw(house, client, raw(name))
    assert answer.status_code == 202, answer.text
    assert stored(house) == {kept: b"text"}
    everywhere = {path for path in house.config.home.rglob("*") if path.is_file()}
    assert {path for path in everywhere if path.read_bytes() == b"text"} == {
        house.config.files / "default" / kept
    }


async def test_links_are_not_followed(house: House, client: httpx.AsyncClient, tmp_path: Path) -> None:
    folder, secret = house.config.files / "default", tmp_path / "secret.md"
    folder.mkdir(parents=True)
    secret.write_bytes(b"secret")
    (folder / "one.md").symlink_to(secret)
    assert (await send(house, client, ("one.md", b"mine"))).status_code == 202
    assert secret.read_bytes() == b"secret"
    assert not (folder / "one.md").is_symlink()
    (folder / "one.md").unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    assert (await send(house, client, ("two.md", b"mine"))).status_code == 409
    assert not (tmp_path / "two.md").exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\nhalf',
        b'--b\r\nContent-Disposition: form-data; name="other"; filename="x"\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="assistant"\r\n\r\ndefault\r\n--b--\r\n',
        b"--b\r\n" + b"X: " + b"y" * 100_000,
    ],
)
async def test_forms_that_are_none(house: House, client: httpx.AsyncClient, body: bytes) -> None:
    refused = await send_raw(house, client, body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_input")
    assert stored(house) == {}
    assert nothing_left_over(house)


async def test_other_media_types_are_refused(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.post(URL, headers=house.key(), json={})).status_code == 400


async def test_sizes_are_counted_while_they_stream(tmp_path: Path) -> None:
    with build(tmp_path / "home", max_upload_bytes=2000) as house:
        async with house.client() as client:
            assert (await send(house, client, ("fits.md", b"x" * 2000))).status_code == 202
            refused = await send(house, client, ("ok.md", b"1"), ("big.md", b"x" * 2001), ("more.md", b"1"))
            assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
            assert "big.md" in refused.json()["error"]["message"]
            assert set(stored(house)) == {"fits.md"}
            taken = 0

            async def endless() -> AsyncIterator[bytes]:
                nonlocal taken
                yield raw(b"x.md")[:-10]
                while True:
                    taken += 1000
                    yield b"x" * 1000

            headers = house.key() | {"Content-Type": "multipart/form-data; boundary=b"}
            refused = await client.post(URL, content=endless(), headers=headers)
            assert refused.status_code == 413
            assert taken <= 8 * 2000 + 1000
            many = [(f"{number}.md", b"") for number in range(uploads.FILES_AT_ONCE + 1)]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(uploads, "TOTAL_FACTOR", 100)
                assert (await send(house, client, *many)).status_code == 413
            assert set(stored(house)) == {"fits.md"}
            assert nothing_left_over(house)


async def test_a_full_disk(house: House, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused = await send(house, client, ("one.md", b"1"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "no_room")
    assert stored(house) == {}
    assert nothing_left_over(house)
    monkeypatch.undo()
    assert (await send(house, client, ("one.md", b"1"))).status_code == 202


async def test_removing_the_source_removes_its_files(
    house: House, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    source = (await send(house, client, ("one.md", b"1"))).json()["source"]["id"]
    assert (await client.delete(f"/api/v1/sources/{source}", headers=house.key())).status_code == 204
    assert stored(house) == {}
    await send(house, client, ("two.md", b"2"))
    assert stored(house) == {"two.md": b"2"}
    elsewhere = tmp_path / "mine"
    elsewhere.mkdir()
    (elsewhere / "kept.md").write_bytes(b"kept")
    other = house.services.sources.add(str(elsewhere), "default")
    await client.delete(f"/api/v1/sources/{other.id}", headers=house.key())
    assert (elsewhere / "kept.md").exists()
    assert nothing_left_over(house)


def test_a_start_sweeps_what_broke_off(tmp_path: Path) -> None:
    left = tmp_path / "home" / "files" / ".incoming" / "x" / "half.md"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with build(tmp_path / "home"):
        assert not left.exists()


async def test_nothing_is_read_without_a_key(house: House, client: httpx.AsyncClient) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"--b"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    refused = await client.post(URL, content=body(), headers=headers)
    assert refused.status_code == 401
    assert not house.config.files.exists()


@given(some.text(max_size=300))
def test_safe_names_are_safe(name: str) -> None:
    made = safe_name(name)
    assert made == Path(made).name
    assert made not in ("", ".", "..")
    assert not made.startswith(".")
    assert len(made.encode()) <= 120
    assert made.isprintable()
    assert safe_name(made) == made
