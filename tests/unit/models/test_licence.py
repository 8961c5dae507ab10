"""Which licence a model is under, read from what came with it; and what those that we know ask."""

from pathlib import Path
from typing import Any

import pytest

from freehold.models import licence, licences
from freehold.models.model import Model

TITLES = {
    "llama2": "LLAMA 2 COMMUNITY LICENSE AGREEMENT\nLlama 2 Version Release Date: July 18, 2023\n",
    "llama3": "META LLAMA 3 COMMUNITY LICENSE AGREEMENT\n\nMeta Llama 3 Version Release Date: …",
    "llama3.1": " LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\n\n Llama 3.1 Version Release Date: July 23, 2024",
    "llama3.2": "**LLAMA 3.2 COMMUNITY LICENSE AGREEMENT**\n\nLlama 3.2 Version Release Date: …",
    "llama3.3": "LLAMA 3.3 COMMUNITY LICENSE AGREEMENT",
    "llama4": "LLAMA 4 COMMUNITY LICENSE AGREEMENT",
    "gemma": "# Gemma Terms of Use\n\nLast modified: …",
    "apache-2.0": "              Apache License\n           Version 2.0, January 2004",
    "mit": "MIT License\n\nCopyright (c) 2024",
    "cc-by-nc-4.0": "Attribution-NonCommercial 4.0 International\n\n====",
    "cc-by-nc-sa-4.0": "Attribution-NonCommercial-ShareAlike 4.0 International",
}


@pytest.mark.parametrize(("id", "text"), TITLES.items())
def test_told_by_the_title_of_its_text(tmp_path: Path, id: str, text: str) -> None:
    (tmp_path / "LICENSE.txt").write_text(text)
    (tmp_path / "README.md").write_text("---\nlicense: other\n---\n")
    found = licence.of_folder(tmp_path)
    assert (found["id"], found["found_in"]) == (id, "LICENSE.txt")
    assert found["texts"] == [{"name": "LICENSE.txt", "text": text}]
    assert found["name"] == licences.KNOWN[id].name


def test_what_the_llama_licences_ask() -> None:
    def clauses(id: str) -> str:
        return " ".join(licences.KNOWN[id].clauses)

    for id in ("llama2", "llama3", "llama3.1", "llama3.2", "llama3.3", "llama4"):
        assert "700 million" in clauses(id)
        assert "Acceptable Use Policy" in clauses(id)
        assert "licensed under the" in licences.KNOWN[id].notice
    for id in ("llama3.1", "llama3.2", "llama3.3", "llama4"):
        assert "“Built with Llama”" in clauses(id)
        assert "begins with “Llama”" in clauses(id)
        assert "improve any other" not in clauses(id)
    assert "“Built with Meta Llama 3”" in clauses("llama3")
    assert "begins with “Llama 3”" in clauses("llama3")
    assert "Built with" not in clauses("llama2")
    for id in ("llama2", "llama3"):
        assert "improve any other large language model" in clauses(id)
    assert ["European Union" in clauses(id) for id in ("llama3.1", "llama3.2", "llama3.3", "llama4")] == [
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("said", "id"),
    [
        ({"license": "llama3.2"}, "llama3.2"),
        ({"license": "Llama3.1"}, "llama3.1"),
        ({"license": ["mit"]}, "mit"),
        ({"license": "other", "license_name": "llama3"}, "llama3"),
        ({"license": "other", "license_name": "acme-terms"}, "other"),
        ({"license": "openrail"}, "openrail"),
        ({"license": 7}, None),
        ({}, None),
    ],
)
def test_told_by_what_is_declared(said: dict[str, Any], id: str | None) -> None:
    found = licence.of_declaration(said, "README.md")
    assert found.get("id") == id
    assert ("clauses" in found) == (id in licences.KNOWN)


def test_a_name_and_a_link_of_ones_own_are_kept(tmp_path: Path) -> None:
    head = "license: other\nlicense_name: acme-terms\nlicense_link: https://acme.example/terms"
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n# Tiny\n")
    assert licence.of_folder(tmp_path) == {
        "id": "other",
        "name": "acme-terms",
        "url": "https://acme.example/terms",
        "found_in": "README.md",
    }


@pytest.mark.parametrize(
    "text", ["", "# Tiny", "---\n: [\n---\n", "---\njust words\n---\n", "---\nlicense: mit\n"]
)
def test_a_card_that_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)
    assert licence.of_folder(tmp_path) == {}


def test_texts_that_are_not_known_are_kept_all_the_same(tmp_path: Path) -> None:
    for name, text in {
        "LICENSE": "ours",
        "NOTICE": "thanks",
        "USE_POLICY.md": "be good",
        "LICENSE.py": "x",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "LICENSE-huge").write_bytes(b"x" * 100_000)
    found = licence.of_folder(tmp_path)
    assert (found["id"], found["found_in"]) == ("other", "LICENSE")
    assert [each["name"] for each in found["texts"]] == ["LICENSE", "NOTICE", "USE_POLICY.md"]
    assert licence.without_texts(found)["texts"] == ["LICENSE", "NOTICE", "USE_POLICY.md"]


def test_what_a_model_was_made_from_binds_it_too() -> None:
    def model(name: str, id: str | None) -> Model:
        return Model(name, name, "gguf", 1, {}, 0.0, licence={"id": id} if id else {})

    line = [model("adapter", None), model("tuned", "mit"), model("base", "llama3.2"), model("older", "mit")]
    assert [(each.name, each.how) for each in licence.binding(line)] == [
        ("tuned", "origin"),
        ("base", "origin"),
    ]


def test_a_teachers_licence_binds_those_who_learnt_from_it() -> None:
    teachers = [{"name": "ours", "licence": "own"}, {"name": "large", "licence": "apache-2.0"}]
    teachers += [{"name": "Llama-70B", "licence": "llama3.1"}]
    student = Model("s", "student", "gguf", 1, {}, 0.0, lineage={"teachers": teachers}, licence={"id": "mit"})
    quantised = Model("q", "q4", "gguf", 1, {}, 0.0)
    found = licence.binding([quantised, student])
    assert [(each.licence["id"], each.name, each.how) for each in found] == [
        ("mit", "student", "origin"),
        ("apache-2.0", "large", "teacher"),
        ("llama3.1", "Llama-70B", "teacher"),
    ]
    taken = licence.of_teaching(student.lineage)
    assert (taken["id"], taken["found_in"]) == ("llama3.1", "its teacher Llama-70B")
    assert any("begins with “Llama”" in clause for clause in taken["clauses"])
    assert licence.of_teaching({"teachers": teachers[:1]}) == licence.of_teaching({}) == {}


def test_a_head_that_would_unfold_without_end_is_passed_over(tmp_path: Path) -> None:
    lines = ["license: mit", "a: &a {x: y}"]
    for number in range(9):
        before = "a" if number == 0 else f"b{number - 1}"
        lines.append(f"b{number}: &b{number} {{<<: [{', '.join([f'*{before}'] * 9)}]}}")
    (tmp_path / "README.md").write_text("---\n" + "\n".join(lines) + "\n---\n")
    assert licence.of_folder(tmp_path) == {}


def test_links_lead_out_of_the_folder_only_to_a_hubs_cache(tmp_path: Path) -> None:
    """Else a model could bring a private file as its licence, which goes out with each export."""
    (tmp_path / "id_rsa").write_text("private")
    folder = tmp_path / "cache" / "snapshots" / "main"
    folder.mkdir(parents=True)
    (folder / "LICENSE").symlink_to(tmp_path / "id_rsa")
    (folder / "README.md").symlink_to(tmp_path / "id_rsa")
    assert licence.of_folder(folder) == {}
    (tmp_path / "cache" / "blobs").mkdir()
    (tmp_path / "cache" / "blobs" / "abc").write_text("MIT License")
    (folder / "NOTICE").write_text("thanks")
    (folder / "COPYING").symlink_to("NOTICE")
    (folder / "LICENSE.md").symlink_to("../../blobs/abc")
    found = licence.of_folder(folder)
    assert found["id"] == "mit"
    assert [each["text"] for each in found["texts"]] == ["thanks", "MIT License", "thanks"]
