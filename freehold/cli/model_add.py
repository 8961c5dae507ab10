"""`model add`: models from files, folders, addresses and hubs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from freehold.cli.client import connect
from freehold.cli.endpoints import add_endpoint, check_alone
from freehold.cli.jobs import follow
from freehold.cli.model_shown import terms
from freehold.cli.options import Json, config_of
from freehold.cli.output import note, say, say_json, size
from freehold.errors import NotFound
from freehold.models.endpoint import is_address


def add(
    ctx: typer.Context,
    location: Annotated[
        str,
        typer.Argument(
            metavar="PATH|URL|hf:ORG/NAME@REVISION",
            help="A .gguf file that llama.cpp reads, its https address, a folder in Hugging Face's layout,"
            " a repository of a hub; or an endpoint's address, like https://host/v1.",
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What to call it; otherwise the file's name.")] = None,
    base: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Adapter: what it is put on. Model: its origin.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(metavar="NAME", help="Hub: which GGUF file of the repository.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="Address: the checksum that the file must have.")
    ] = None,
    quantise: Annotated[
        str | None, typer.Option(metavar="KIND", help="Make it smaller: q8_0 or q4_k_m.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(metavar="ID", help="Its licence, such as llama3.2, where it does not tell.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="ID", help="Endpoint: what the model is called there.")
    ] = None,
    key_variable: Annotated[
        str | None,
        typer.Option(metavar="VAR", help="Endpoint: the server's environment variable with the key."),
    ] = None,
    context: Annotated[
        int | None, typer.Option(metavar="TOKENS", min=1, help="Endpoint: the context, if it does not tell.")
    ] = None,
    price_in: Annotated[
        float | None, typer.Option(metavar="DOLLARS", min=0, help="Endpoint: for a million tokens read.")
    ] = None,
    price_out: Annotated[
        float | None, typer.Option(metavar="DOLLARS", min=0, help="Endpoint: for a million tokens written.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch or copy a model, check it and keep it; or keep where a remote model is.

    `freehold model use` puts it into service. What its licence asks is shown, and kept with it. A download
    that was broken off goes on where it was when the same is added again.
    """
    remote = {"model": model, "key_variable": key_variable, "price_in": price_in, "price_out": price_out}
    if is_address(location) and not re.match(r"[^?#]*\.gguf(?:[?#]|$)", location):
        add_endpoint(ctx, location, json=json, name=name, context_length=context, **remote)
        return
    check_alone(location, context=context, **remote)
    wish = {
        "name": name,
        "base": base,
        "file": file,
        "sha256": sha256,
        "quantise": quantise,
        "licence": licence,
    }
    body = {
        "location": place_of(location),
        **{key: value for key, value in wish.items() if value is not None},
    }
    with connect(config_of(ctx)) as client:
        job = follow(client, [client.post("/api/v1/models", body)["job"]], title="Adding")[0]
        added = client.get(f"/api/v1/models/{job['result']['model']}")
    if json:
        say_json(added)
        return
    for text in terms(added["licence"]):
        note(text)
    say(f"{added['name']}  {added['id'][:12]}  {size(added['size'])}")


def place_of(location: str) -> str:
    """A path as the server, which stands elsewhere, finds it; addresses stay.

    Raises:
        NotFound: there is no such file or folder.
    """
    if location.startswith("hf:") or is_address(location):
        return location
    path = Path(location).expanduser().absolute()
    if not path.exists():
        raise NotFound(f"There is no file or folder {location}.")
    return str(path.resolve())
