"""Which of the models here an adapter is put on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from freehold.errors import InvalidInput, ModelRejected
from freehold.models.formats.adapter import CONFIG
from freehold.models.formats.gguf_adapter import AdapterFacts, misfit
from freehold.models.formats.json_file import read_json
from freehold.models.model import Model


def base_of(
    adapter: AdapterFacts, named: Model | None, models: Sequence[Model], path: Callable[[Model], Path]
) -> Model:
    """The model named, when the adapter fits it; else the only one here that it fits.

    Where several fit, the one that the adapter's own header names.

    Raises:
        InvalidInput: an adapter or endpoint is named, or it cannot be told which of several.
        ModelRejected: it does not fit the model named, or none of those here.
    """
    if named is not None:
        if named.kind != "model":
            raise InvalidInput(f"{named.name} is an {named.kind}: an adapter is put on a model.")
        if why := misfit(adapter, path(named)):
            raise ModelRejected(
                f"{adapter.name} does not fit {named.name}: {why}.",
                hint="Name the model that it was trained on.",
            )
        return named
    fitting = [each for each in models if each.kind == "model" and misfit(adapter, path(each)) is None]
    found = fitting if len(fitting) == 1 else [each for each in fitting if _meant(adapter, each)]
    if len(found) == 1:
        return found[0]
    if fitting:
        names = ", ".join(each.name for each in fitting)
        raise InvalidInput(
            f"Several models fit {adapter.name}: {names}.", hint="Name its base: --base MODEL."
        )
    said = f"; it says that it was trained on {adapter.bases[0][:100]}" if adapter.bases else ""
    raise ModelRejected(f"No model here fits the adapter {adapter.name}.", hint=f"Add its base first{said}.")


def base_of_folder(folder: Path, models: Sequence[Model]) -> Model:
    """The model that an adapter in peft's layout says it was trained on, or the only one here.

    Raises:
        InvalidInput: it cannot be told which of several.
        ModelRejected: the folder is no adapter's, or there is no model.
    """
    said = read_json(folder / CONFIG).get("base_model_name_or_path")
    name = said if isinstance(said, str) else ""
    here = [each for each in models if each.kind == "model"]
    called = [each for each in here if name and _called(each, name)]
    found = called if called else here
    if len(found) == 1:
        return found[0]
    of = f" It was trained on {name[:200]}." if name else ""
    if not found:
        raise ModelRejected(
            f"An adapter needs its base, and no model is here.{of}", hint="Add the base first."
        )
    raise InvalidInput(
        f"It cannot be told which model the adapter {folder.name} belongs to.{of}",
        hint="Name it: --base MODEL.",
    )


def _called(model: Model, name: str) -> bool:
    last = name.rstrip("/").rpartition("/")[2].lower()
    repository = _repository(model).lower()
    return bool(
        (repository and repository == name.lower())
        or model.name.lower() == last
        or model.name.lower().startswith(f"{last}-")
    )


def _repository(model: Model) -> str:
    source = model.lineage.get("source")
    return str(source.get("repository", "")) if isinstance(source, dict) else ""


def _meant(adapter: AdapterFacts, model: Model) -> bool:
    """Whether the adapter's header names this model: as it is called, or by where it came from."""
    repository = _repository(model)
    called = {each.lower() for each in (model.name, str(model.facts.get("name")), repository) if each}
    addresses = (base.lower() for base in adapter.bases)
    return any(
        said in called or (repository and said.endswith(f"/{repository.lower()}")) for said in addresses
    )
