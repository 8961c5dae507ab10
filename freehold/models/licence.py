"""The licence of one model: what was found beside its weights or with its teacher, as it is kept with them.

`Model.licence`, each part only where it was found:

    id        as the hub writes it; `other` for one that has no such name
    name      its full name
    url       where its text is
    clauses   what it forbids or asks; absent for a licence that is not known to us
    notice    a line that every copy must carry
    found_in  the file or place that names it
    texts     [{name, text}]: licence, notice and use policy as they came with the model
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from freehold.models.licences import TEXT_FILES, Licence, by_id, by_text
from freehold.models.model import Model

_LICENCE_FILE = re.compile(r"(licen[cs]e|copying).*", re.IGNORECASE)
MAX_TEXT_BYTES = 64 * 1024
MAX_TEXTS = 4
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\s*$", re.DOTALL | re.MULTILINE)


def of_folder(folder: Path) -> dict[str, Any]:
    """What a checkpoint's folder says: the text of its licence, else the head of its README."""
    texts = [
        {"name": path.name, "text": path.read_text(encoding="utf-8", errors="replace")}
        for path in sorted(folder.iterdir())
        if TEXT_FILES.fullmatch(path.name) and _belongs(path) and path.stat().st_size <= MAX_TEXT_BYTES
    ][:MAX_TEXTS]
    readme = folder / "README.md"
    said = front_matter(readme) if _belongs(readme) else {}
    for each in texts:
        if _LICENCE_FILE.fullmatch(each["name"]) and (known := by_text(each["text"])):
            return _written(known, each["name"]) | {"texts": texts}
    declared = of_declaration(said, "README.md")
    if texts and not declared:
        declared = {"id": "other", "found_in": texts[0]["name"]}
    return declared | ({"texts": texts} if texts else {})


def of_declaration(said: Mapping[str, Any], found_in: str) -> dict[str, Any]:
    """What `license`, `license_name` and `license_link` say: of a README's head, or of the hub.

    `other` with a name is taken for that name; llama licences are often declared so.
    """
    declared = _text(said.get("license"))
    name = _text(said.get("license_name"))
    for each in (declared, name):
        if known := by_id(each):
            return _written(known, found_in)
    if not declared:
        return {}
    link = _text(said.get("license_link"))
    return {
        "id": declared.lower()[:100],
        **({"name": name[:200]} if name else {}),
        **({"url": link[:500]} if link.startswith("https://") else {}),
        "found_in": found_in,
    }


def of_header(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the keys of a GGUF file's header say."""
    keys = {"license": "general.license", "license_name": "general.license.name"}
    said = {name: values.get(key) for name, key in (keys | {"license_link": "general.license.link"}).items()}
    return of_declaration(said, "GGUF header")


def of_name(declared: str, found_in: str) -> dict[str, Any]:
    """A licence that somebody, or a file's header, calls by its id."""
    return of_declaration({"license": declared}, found_in)


def of_teachers(lineage: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The names of a model's teachers with their licences; a teacher of one's own has none."""
    named = [(str(each["name"]), str(each["licence"])) for each in lineage.get("teachers", ())]
    return [(name, of_name(id, f"its teacher {name}")) for name, id in named if id != "own"]


def of_teaching(lineage: Mapping[str, Any]) -> dict[str, Any]:
    """The licence of a model that comes with none of its own: its teacher's, of several the first that asks
    something."""
    found = [licence for _, licence in of_teachers(lineage)]
    return next((each for each in found if each.get("clauses")), found[0] if found else {})


def front_matter(readme: Path) -> dict[str, Any]:
    """The YAML head of a model card; nothing where there is none that can be read."""
    with readme.open("rb") as file:
        text = file.read(MAX_TEXT_BYTES).decode("utf-8", errors="replace").replace("\r\n", "\n")
    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}
    try:
        # A few lines that merge each other nine times over take hours and gigabytes.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(found[1], yaml.SafeLoader)):
            return {}
        said = yaml.safe_load(found[1])
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


@dataclass(frozen=True, slots=True)
class Terms:
    """A licence that binds a model, and why."""

    licence: Mapping[str, Any]
    name: str
    """Of the model that it comes with: the bound one, one that it was made from, or a teacher."""
    how: Literal["own", "origin", "teacher"]


def binding(models: Sequence[Model]) -> list[Terms]:
    """What binds the first of these models, the others being its ancestors: their licences and those of
    their teachers, each licence once."""
    found: dict[str, Terms] = {}
    for each in models:
        if each.licence:
            terms = Terms(each.licence, each.name, "own" if each is models[0] else "origin")
            found.setdefault(str(each.licence.get("id")), terms)
        for name, licence in of_teachers(each.lineage):
            found.setdefault(str(licence.get("id")), Terms(licence, name, "teacher"))
    return list(found.values())


def without_texts(licence: Mapping[str, Any]) -> dict[str, Any]:
    """For lists and answers: the texts by their names only."""
    shown = dict(licence)
    if "texts" in shown:
        shown["texts"] = [each["name"] for each in shown["texts"]]
    return shown


def _written(known: Licence, found_in: str) -> dict[str, Any]:
    return {
        "id": known.id,
        "name": known.name,
        "url": known.url,
        "clauses": list(known.clauses),
        **({"notice": known.notice} if known.notice else {}),
        "found_in": found_in,
    }


def _belongs(path: Path) -> bool:
    """Whether a file is the folder's own, or lies beside it as in the cache of Hugging Face's tools.

    What is read here is kept, and goes out with every export: a link to somebody's private file must not.
    """
    folder, place = path.parent.resolve(), path.resolve()
    return path.is_file() and (place.is_relative_to(folder) or place.parent == folder.parent.parent / "blobs")


def _text(value: object) -> str:
    """The hub writes one licence as a string or as a list of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.strip() if isinstance(value, str) else ""
