"""A recipe: a training run written down in TOML, checked before anything starts."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from freehold.errors import InvalidInput, NotFound
from freehold.training.keys import Bounds, read
from freehold.training.licences import licence_of

Objective = Literal["next-token", "supervised", "distillation", "preference"]
Share = Annotated[float, Bounds(low=0, high=1)]
Count = Annotated[int, Bounds(low=1)]


@dataclass(frozen=True, slots=True)
class Lora:
    """`[model.lora]`: train small matrices beside the weights instead of the weights (Hu et al. 2021)."""

    rank: Annotated[int, Bounds(low=1, high=1024)] = 16
    """Inner size of the added matrices."""
    alpha: Annotated[int, Bounds(low=1)] = 32
    """The added product is scaled by alpha ÷ rank."""
    dropout: Annotated[float, Bounds(low=0, high=0.9)] = 0.0
    """Share of inputs to the added matrices left out at random in training."""
    targets: tuple[Literal["q", "k", "v", "o", "gate", "up", "down"], ...] = (
        "q", "k", "v", "o", "gate", "up", "down",
    )  # fmt: skip
    """The projections of each layer that get one."""


@dataclass(frozen=True, slots=True)
class ModelTable:
    """`[model]`: what is trained. Either `start` or `shape` is given."""

    start: Path | None = None
    """Folder of a Hugging Face Llama model (safetensors) whose weights are trained on."""
    shape: dict[str, Any] | None = None
    """A new model: keys of transformers' LlamaConfig (`hidden_size`, `num_hidden_layers`, …)."""
    tokenizer: Path | None = None
    """Folder with `tokenizer.json` and `tokenizer_config.json`; by default `start`."""
    lora: Lora | None = None
    """Trains an adapter; without it all weights are trained."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the products: `auto` is bfloat16 on a GPU that has it, else float32. Weights that are
    trained stay float32."""
    compile: Literal["auto", "yes", "no"] = "auto"
    """`torch.compile`: `auto` is yes on a GPU."""
    checkpointing: bool = False
    """Compute activations twice instead of keeping them: less memory, about a third slower."""


@dataclass(frozen=True, slots=True)
class Data:
    """`[data]`: what is learnt from."""

    train: tuple[Path, ...] = ()
    """Files of examples (JSON Lines), or one folder of token shards."""
    evaluation: tuple[Path, ...] = ()
    """The same, never trained on; the loss on it is measured during the run."""
    context: Annotated[int, Bounds(low=8)] = 1024
    """Longest example, and the length of a packed row, in tokens."""
    attention: Literal["causal", "blocks"] = "causal"
    """`blocks`: in examples with marked passages each passage sees only itself."""
    blocks_share: Share = 1.0
    """With `blocks`: the share of such examples that are laid out so; the others stay causal."""


@dataclass(frozen=True, slots=True)
class Distillation:
    """`[distillation]`: learning a teacher's probabilities from a file of its k most likely tokens."""

    cache: Path
    """The file, written by `python -m freehold.training teach`; made from the same examples."""
    licence: str
    """The teacher's: `apache-2.0`, `mit`, `llama3.1`, `own`, …; unknown or forbidding ones are refused."""
    divergence: Literal["forward", "reverse", "jensen-shannon"] = "forward"
    """`forward` is KL(teacher, student), `reverse` KL(student, teacher), `jensen-shannon` their middle."""
    label_weight: Share = 0.0
    """Weight of the ordinary loss on the written answer; the rest goes to the divergence."""


@dataclass(frozen=True, slots=True)
class Preference:
    """`[preference]`: KTO (Ethayarajh et al. 2024), from answers marked good or bad one by one."""

    beta: Annotated[float, Bounds(above=0)] = 0.1
    """How strongly the model is held to where it started."""
    good_weight: Annotated[float, Bounds(low=0)] = 1.0
    """Weight of good answers."""
    bad_weight: Annotated[float, Bounds(low=0)] = 1.0
    """Weight of bad answers."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """`[teacher]`: who wrote the answers, when a model did."""

    name: str
    """Name of the model."""
    licence: str
    """Its licence; unknown or forbidding ones are refused."""


@dataclass(frozen=True, slots=True)
class Optimiser:
    """`[optimiser]`: AdamW (Loshchilov and Hutter 2019)."""

    learning_rate: Annotated[float, Bounds(above=0, high=1)] = 3e-4
    """At its highest."""
    weight_decay: Annotated[float, Bounds(low=0, high=1)] = 0.0
    """Applied to matrices, not to norms."""
    beta1: Annotated[float, Bounds(low=0, high=0.9999)] = 0.9
    """Memory of the mean gradient."""
    beta2: Annotated[float, Bounds(low=0, high=0.99999)] = 0.95
    """Memory of its square."""
    clip: Annotated[float, Bounds(above=0)] = 1.0
    """Longest gradient; longer ones are shortened to it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`[schedule]`: the learning rate over the run."""

    kind: Literal["cosine", "wsd", "constant"] = "cosine"
    """`cosine` falls from the end of the warm-up on, `wsd` (warm-up, stable, decay) only at the end."""
    warmup: Share = 0.05
    """Share of the steps in which it rises."""
    decay: Share = 0.2
    """`wsd`: share of the steps in which it falls."""
    final: Share = 0.1
    """Where it ends, as a share of the highest."""


@dataclass(frozen=True, slots=True)
class Run:
    """`[run]`: how long, how much at a time, how often things happen."""

    steps: Count | None = None
    """Steps of the optimiser. Either this or `epochs`."""
    epochs: Annotated[float, Bounds(above=0)] | None = None
    """Times that the data is gone through."""
    batch: Count = 8
    """Packed rows in one step, over all processes."""
    rows: Count = 1
    """Packed rows computed at once in each process; `batch` is a multiple of it."""
    evaluate_every: Count = 100
    """Steps between two measurements on the evaluation data, which is also measured at the end."""
    checkpoint_every: Count = 100
    """Steps between two checkpoints; one is also written at the end and when the run is stopped."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A run. Paths are relative to the recipe's folder."""

    name: str
    """What the run, and the model that comes of it, is called."""
    objective: Objective
    """`next-token` (all tokens), `supervised` (the assistant's), `distillation`, or `preference` (KTO)."""
    model: ModelTable
    """What is trained."""
    data: Data
    """What is learnt from."""
    run: Run
    """How long and how often."""
    seed: Annotated[int, Bounds(low=0, high=2**31)] = 0
    """Orders the data and draws new weights."""
    optimiser: Optimiser = field(default_factory=Optimiser)
    """AdamW's settings."""
    schedule: Schedule = field(default_factory=Schedule)
    """The learning rate over the run."""
    distillation: Distillation | None = None
    """With the objective `distillation`."""
    preference: Preference | None = None
    """With the objective `preference`; may be left out."""
    teacher: Teacher | None = None
    """Who wrote the answers, when a model did (sequence-level distillation)."""

    @property
    def tokenizer(self) -> Path:
        """The folder of the tokenizer."""
        folder = self.model.tokenizer or self.model.start
        assert folder is not None, "checked by `load`"
        return folder

    def as_json(self) -> dict[str, Any]:
        """The recipe with everything spelt out, paths as text."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return plain

    def digest(self) -> str:
        """What decides the run's result, hashed; where files lie does not, nor how often it is looked at."""
        facts = self.as_json()
        for table, key in (("model", "start"), ("model", "tokenizer"), ("data", "train"),
                           ("data", "evaluation"), ("run", "evaluate_every"), ("run", "checkpoint_every"),
                           ("run", "rows")):  # fmt: skip
            del facts[table][key]
        if facts["distillation"]:
            del facts["distillation"]["cache"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def load(path: Path, *, cached: bool = True) -> Recipe:
    """The recipe in a file. Without `cached` the teacher's file need not be there yet.

    Raises:
        NotFound: there is no such file, or none of those it names.
        InvalidInput: it is not TOML, has a key that is not known, or asks for what does not go together.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise NotFound(f"There is no recipe {path}.") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path} is a folder, not a recipe.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits are no error of TOML's
        raise InvalidInput(f"{path}: {error}.") from None
    recipe = read(Recipe, table, folder=path.resolve().parent, where=path.name)
    _check(recipe, path.name)
    _check_files(recipe, path.name, cached=cached)
    return recipe


def _check(recipe: Recipe, where: str) -> None:
    model, data, run = recipe.model, recipe.data, recipe.run
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", recipe.name):
        raise InvalidInput(f"{where}: `name` becomes a folder's: letters, digits, dots, dashes.")
    if (model.start is None) == (model.shape is None):
        raise InvalidInput(f"{where}: [model] needs either `start` or `shape`.")
    if model.shape is not None and model.tokenizer is None:
        raise InvalidInput(f"{where}: a new model needs a `tokenizer`.")
    if model.shape is not None and model.lora is not None:
        raise InvalidInput(f"{where}: an adapter needs a model to `start` from.")
    if (run.steps is None) == (run.epochs is None):
        raise InvalidInput(f"{where}: [run] needs either `steps` or `epochs`.")
    if run.batch % run.rows:
        raise InvalidInput(f"{where}: `batch` ({run.batch}) has to be a multiple of `rows` ({run.rows}).")
    if not data.train:
        raise InvalidInput(f"{where}: [data] names nothing to `train` on.")
    if (recipe.distillation is not None) != (recipe.objective == "distillation"):
        raise InvalidInput(f"{where}: the table [distillation] and the objective `distillation` go together.")
    if recipe.preference is not None and recipe.objective != "preference":
        raise InvalidInput(f"{where}: [preference] goes with the objective `preference`.")
    for licence in (recipe.distillation, recipe.teacher):
        if licence is not None:
            licence_of(licence.licence)


def _check_files(recipe: Recipe, where: str, *, cached: bool) -> None:
    model, data = recipe.model, recipe.data
    named = [model.start, model.tokenizer, *data.train, *data.evaluation]
    if recipe.distillation is not None and cached:
        named.append(recipe.distillation.cache)
    for each in named:
        if each is not None and not each.exists():
            raise NotFound(f"{where} names {each}, which is not there.")
