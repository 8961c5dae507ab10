"""Models: adding, describing, using and exporting them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from pydantic import Field

from freehold.models.card import card
from freehold.models.export import Wish as Export
from freehold.models.intake import Wish
from freehold.models.licence import without_texts
from freehold.models.lineage import Relative
from freehold.web.dependencies import Admin, TheServices
from freehold.web.render import job_body, model_body
from freehold.web.schemas import Answer, Body, JobStarted, ModelBody, Short

router = APIRouter(prefix="/api/v1/models", tags=["models"])

ANSWER: Literal["answer"] = "answer"
Task = Literal["answer", "route", "rewrite"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class ModelList(Answer):
    models: list[ModelBody]


class NewModel(Body):
    location: Annotated[str, Field(min_length=1, max_length=4096)]
    """On the server's machine the absolute path of a .gguf file or of a checkpoint's or adapter's folder;
    the https address of a .gguf file; or hf:ORG/NAME@REVISION."""
    name: Short | None = None
    base: Name | None = None
    """What it was made from; of an adapter, the model that it is put on, where only one fits it needless."""
    file: Name | None = None
    """Which GGUF file of a hub's repository, where it has several."""
    sha256: Annotated[str, Field(min_length=64, max_length=64)] | None = None
    """What the file of a web address must be."""
    quantise: Literal["q8_0", "q4_k_m"] | None = None
    """What a checkpoint, or a GGUF in floats, is made into; otherwise it keeps its precision."""
    licence: Name | None = None
    """The id of its licence, such as llama3.2, where nothing that comes with it says."""


class RelativeBody(Answer):
    id: str
    name: str
    kind: Literal["model", "adapter", "endpoint"]
    removed: bool
    """Only the memory of it is left."""
    children: list[RelativeBody]


class ModelDetails(ModelBody):
    tasks: list[str]
    """What it is the active model of."""
    lineage: dict[str, Any]
    """Where it came from: source, made, dataset, recipe, teachers, commit, metrics; each only where it is
    known."""
    licence: dict[str, Any]
    """What it asks or forbids, and which texts of it are kept; empty where none was found."""
    ancestors: list[RelativeBody]
    """What it was made from, the nearest first."""
    descendants: list[RelativeBody]


class ExportWish(Body):
    to: Literal["gguf", "hf", "ollama"]
    folder: Annotated[str, Field(min_length=1, max_length=4096)]
    """Absolute path on the server's machine; made by the export."""
    force: bool = False
    """Replace an earlier export that is there."""


class UseWish(Body):
    task: Task = ANSWER


class Measured(Body):
    task: Task
    metrics: dict[str, Any]
    """The figures of `freehold route measure`, or of your own; they take the place of earlier ones."""


@router.get("", summary="All models")
def list_models(services: TheServices, _admin: Admin) -> ModelList:
    """With the one that answers marked."""
    active = services.registry.active(ANSWER)
    return ModelList(models=[model_body(each, active) for each in services.registry.list()])


@router.post("", status_code=202, summary="Add a model or an adapter")
def add_model(services: TheServices, _admin: Admin, wish: NewModel) -> JobStarted:
    """In the background: fetched where it is elsewhere, checked, converted where it is no GGUF, copied.

    The job's result has the model's id and name.
    """
    return JobStarted(job=job_body(services.add_model(Wish(**wish.model_dump()))))


@router.get("/{ref}", summary="One model")
def get_model(services: TheServices, _admin: Admin, ref: str) -> ModelDetails:
    """By name, id, or the id's beginning; with its lineage, licence and family."""
    model = services.registry.get(ref)
    family = services.registry.family(model)
    in_use = services.registry.in_use()
    return ModelDetails(
        **model_body(model, in_use.get(ANSWER)).model_dump(),
        tasks=[task for task, each in in_use.items() if each.id == model.id],
        lineage=model.lineage,
        licence=without_texts(model.licence),
        ancestors=[relative_body(each) for each in family.ancestors],
        descendants=[relative_body(each) for each in family.descendants],
    )


@router.get("/{ref}/card", response_class=PlainTextResponse, summary="Its card")
def get_card(services: TheServices, _admin: Admin, ref: str) -> PlainTextResponse:
    """What is known of it, as Markdown."""
    model = services.registry.get(ref)
    text = card(model, services.registry.family(model))
    return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")


@router.post("/{ref}/metrics", status_code=204, summary="Keep what was measured of a model")
async def note_metrics(services: TheServices, _admin: Admin, ref: str, measured: Measured) -> None:
    """In its lineage, under the task. Of `route` they decide whether it, or the linear router, routes."""
    await services.note_metrics(ref, measured.task, measured.metrics)


@router.delete("/{ref}", status_code=204, summary="Remove a model")
def remove_model(services: TheServices, _admin: Admin, ref: str) -> None:
    """Not one in use, and none that adapters are put on."""
    services.remove_model(ref)


@router.post("/{ref}/use", summary="Put a model into service")
async def use_model(
    services: TheServices, _admin: Admin, ref: str, wish: UseWish
) -> dict[str, ModelBody | None]:
    """It is loaded before it takes over; `none` leaves the task without one: answers are quoted then."""
    model = await services.use_model(None if ref == "none" else ref, wish.task)
    active = await to_thread.run_sync(services.registry.active, ANSWER)
    return {"model": None if model is None else model_body(model, active)}


@router.post("/{ref}/export", status_code=202, summary="Export a model")
def export_model(services: TheServices, _admin: Admin, ref: str, wish: ExportWish) -> JobStarted:
    """In the background: a folder with the weights, the card and the texts of its licences.

    The job's result has the folder and the names of its files.
    """
    return JobStarted(job=job_body(services.export_model(Export(ref, **wish.model_dump()))))


def relative_body(relative: Relative) -> RelativeBody:
    model = relative.model
    return RelativeBody(
        id=model.id,
        name=model.name,
        kind=model.kind,
        removed=relative.removed,
        children=[relative_body(each) for each in relative.children],
    )
