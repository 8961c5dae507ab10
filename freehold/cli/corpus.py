"""`corpus`: text to learn from, built from public repositories that a recipe names.

Files alone: no server is asked. What has to be fetched comes through the one door, and only where a mirror on
this machine does not have it.
"""

from __future__ import annotations

import json as jsonlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freehold.cli.options import Json, config_of
from freehold.cli.output import count, note, say_fields, say_json, say_table
from freehold.cli.progress import Bar

if TYPE_CHECKING:
    from freehold.config import Config
    from freehold.training.corpus_recipe import CorpusRecipe, Source

LARGEST_ARCHIVE = 2 * 10**9
"""Bytes."""
VOCABULARY = 16_384


def register(app: typer.Typer) -> None:
    app.command()(corpus)


def corpus(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="CORPUS.toml", help="What it is made of.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where tokenizer and token shards go.")],
    mirror: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the repositories lie on this machine: NAME (a clone, or plain files), NAME.git or"
            " NAME.tar.gz for each source. Without it archives are fetched from the sources' hosts.",
        ),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="A tokenizer that is there; without it one is trained."),
    ] = None,
    vocabulary: Annotated[
        int, typer.Option(metavar="NUMBER", min=272, help="Tokens of the tokenizer that is trained.")
    ] = VOCABULARY,
    avoid: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Evaluation sets (JSON Lines, text files or folders): documents that share a run of words"
            " with one are dropped and listed.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Build a training corpus: clean, without doubles, split by document, as token shards with a manifest.

    The recipe names public repositories by URL, commit, licence and path pattern. Nothing of a source is used
    unless its licence is found where the recipe says that it is stated.
    """
    from freehold.training import corpus as building
    from freehold.training.corpus_recipe import load
    from freehold.training.files import room
    from freehold.training.grams import Words
    from freehold.training.overlap import Overlap, texts_in
    from freehold.training.tokens import load as load_tokenizer

    began = time.perf_counter()
    recipe = load(file)
    places = mirrors_of(recipe, mirror) if mirror else fetched(recipe, config_of(ctx), out / "archives")
    given = load_tokenizer(tokenizer) if tokenizer is not None else None
    words = Words()
    sets = Overlap(words, recipe.overlap)
    for path in avoid or ():
        sets.add(path.name, texts_in(path))
    with Bar("Building") as shown:
        gathered = building.gather(
            recipe, places, words, sets, lambda what, done: shown.update(done, 0, what)
        )
    with room(out), Bar("Writing") as shown:
        if given is None:
            train_tokenizer(gathered.documents, recipe, out / "tokenizer", vocabulary)
            given = load_tokenizer(out / "tokenizer")
        total = len(gathered.documents)
        manifests = building.tokenise(
            recipe, gathered, given, out, told=lambda what, done: shown.update(done, total, what)
        )
    tell(gathered.facts, manifests, out, time.perf_counter() - began, json)


def mirrors_of(recipe: CorpusRecipe, folder: Path) -> dict[str, Path]:
    """Where each source lies.

    Raises:
        NotFound: one is missing; all that are are named.
    """
    from freehold.errors import NotFound

    found: dict[str, Path] = {}
    for source in recipe.source:
        for place in (folder / source.name, folder / f"{source.name}.git", folder / f"{source.name}.tar.gz"):
            if place.exists():
                found[source.name] = place
                break
    missing = [source for source in recipe.source if source.name not in found]
    if missing:
        first = missing[0]
        raise NotFound(
            f"The mirror {folder} lacks: {', '.join(source.name for source in missing)}.",
            hint=f"git clone {first.url} {folder / first.name}",
        )
    return found


def fetched(recipe: CorpusRecipe, config: Config, folder: Path) -> dict[str, Path]:
    """Archives of the sources, those that are there already left alone.

    Raises:
        EgressDenied: settings don't allow a host, or one that it sends on to.
        FetchFailed: a host did not give its archive, or one of another commit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {
        source.name: archive(source, config, folder / f"{source.name}.tar.gz") for source in recipe.source
    }


def archive(source: Source, config: Config, path: Path) -> Path:
    """One source's archive."""
    from urllib.parse import urlsplit

    from freehold.errors import FetchFailed, InvalidInput
    from freehold.net import Egress, fetch
    from freehold.training.mirror import Mirror

    if not path.exists():
        url = f"{source.url.removesuffix('.git')}/archive/{source.commit}.tar.gz"
        note(f"Fetching {url} …")
        host = urlsplit(url).hostname or ""
        egress = Egress(config.allowed_egress, config.allowed_private).with_named(host)
        body = fetch(url, egress=egress, max_bytes=LARGEST_ARCHIVE, deadline_seconds=3600.0).body
        fresh = path.with_name(f".{path.name}.partial")
        fresh.write_bytes(body)
        try:
            Mirror(fresh, source.commit)
        except InvalidInput as error:
            fresh.unlink()
            raise FetchFailed(f"{url} gave something else: {error.message}") from None
        fresh.replace(path)
    return path


def train_tokenizer(documents: Any, recipe: CorpusRecipe, folder: Path, size: int) -> None:
    """A tokenizer of the documents that are learnt from; those kept apart are not looked at."""
    from freehold.training.corpus import split
    from freehold.training.tokenizer import train

    note(f"Training a tokenizer of {size:,} tokens …")
    train((each.text for each in documents if split(recipe, each) == "train"), folder, size=size)


def tell(facts: dict[str, Any], manifests: dict[str, Any], out: Path, seconds: float, json: bool) -> None:
    """What was built, of what, and what was left out why."""
    path = out / "corpus.json"
    splits = {
        name: {"tokens": each["tokens"], "documents": each["documents"]} for name, each in manifests.items()
    }
    told = {**facts, "splits": splits, "seconds": round(seconds, 1)}
    path.write_text(jsonlib.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    if json:
        say_json(told)
        return
    say_table(
        ("SOURCE", "LICENCE", "DOCUMENTS", "CHARACTERS", "LEFT OUT"),
        (
            (
                each["name"],
                each["licence"],
                f"{each['documents']:,}",
                f"{each['characters']:,}",
                ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in each["dropped"].items()),
            )
            for each in facts["sources"]
        ),
    )
    say_fields([(name, f"{each['tokens']:,} tokens") for name, each in splits.items()])
    overlap = facts["overlap"]
    if overlap["sets"]:
        note(
            f"{count(overlap['documents_dropped'], 'document')} shared {overlap['words']} words in a row with"
            f" an evaluation set and left; {path} lists them."
        )
    else:
        note("Overlap with evaluation sets was not looked for; --avoid names them.")
