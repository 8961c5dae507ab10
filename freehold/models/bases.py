"""Which of the models here an adapter is put on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from freehold.errors import InvalidInput, ModelRejected
from freehold.models.gguf_adapter import AdapterFacts, misfit
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


def _meant(adapter: AdapterFacts, model: Model) -> bool:
    """Whether the adapter's header names this model: as it is called, or by where it came from."""
    source = model.lineage.get("source")
    repository = str(source.get("repository", "")) if isinstance(source, dict) else ""
    called = {each.lower() for each in (model.name, str(model.facts.get("name")), repository) if each}
    addresses = (base.lower() for base in adapter.bases)
    return any(
        said in called or (repository and said.endswith(f"/{repository.lower()}")) for said in addresses
    )
