"""Models on their way in: from a path, a web address or a hub, as a job that goes on where it stopped."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from freehold.egress import Egress
from freehold.errors import InvalidInput, ModelRejected, NotFound
from freehold.models import download, hub, licence, memory
from freehold.models.download import Checksum, Source, fetched
from freehold.models.endpoint import is_address
from freehold.models.formats.new_file import Progress
from freehold.models.formats.quantize import FILE_TYPES
from freehold.models.hub import Hub
from freehold.models.hub_choice import chosen
from freehold.models.lineage import trained
from freehold.models.model import checked_name, name_from
from freehold.models.registry import Registry
from freehold.net import Resolve, resolve
from freehold.net.transfer import size_of
from freehold.store.job_context import Interrupted, JobContext
from freehold.store.jobs import Job, Jobs

KIND = "model"
SAVED_BYTES = 64 * 2**20
"""A download that has brought so much more counts as work that was saved."""

ABANDONED_SECONDS = 7 * 86_400.0
"""How long what has arrived of a download is kept for whoever goes on with it."""

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Wish:
    """A model to be added."""

    location: str
    """An absolute path, the https address of a .gguf file, or `hf:ORG/NAME@REVISION`."""
    name: str | None = None
    base: str | None = None
    """What it was made from; the base of an adapter."""
    file: str | None = None
    """Which GGUF file of a hub's repository."""
    sha256: str | None = None
    """What the file of a web address must be."""
    quantise: str | None = None
    """q8_0 or q4_k_m; otherwise the weights keep their precision."""
    licence: str | None = None
    """The id of its licence, where nothing that comes with it says."""

    @property
    def from_hub(self) -> bool:
        return self.location.startswith("hf:")


class Intake:
    """Brings models into the registry."""

    def __init__(
        self,
        registry: Registry,
        jobs: Jobs,
        folder: Path,
        *,
        egress: Egress,
        hub: Callable[[], Hub],
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`folder`, on the registry's disk, holds what has arrived; `hub` says which one to ask."""
        self._registry = registry
        self._jobs = jobs
        self._folder = folder
        self._egress = egress
        self._hub = hub
        self._resolve = resolve
        self._sweep(clock())

    def add(self, wish: Wish) -> Job:
        """Queues the work; what can be seen to be wrong at once is said at once.

        Raises:
            NotFound: there is no such file, folder or base.
            InvalidInput: a part of the wish cannot be, or belongs to another kind of location.
        """
        if wish.name is not None:
            checked_name(wish.name)
        if wish.quantise not in (None, *FILE_TYPES):
            raise InvalidInput(
                f"There is no quantisation {str(wish.quantise)[:40]!r}.",
                hint=f"Quantisations: {', '.join(FILE_TYPES)}.",
            )
        if wish.base is not None:
            self._registry.get(wish.base)
        if wish.from_hub:
            hub.parsed(wish.location)
        elif is_address(wish.location):
            _checked_address(wish)
        elif not _is_there(Path(wish.location)):
            raise NotFound(f"There is no file or folder {wish.location}.")
        for option, given in (("file", wish.file), ("sha256", wish.sha256)):
            if given is not None and wish.from_hub != (option == "file"):
                raise InvalidInput(f"{option} says nothing about {wish.location[:200]}.")
        return self._jobs.enqueue(KIND, asdict(wish))

    def job(self, context: JobContext) -> Mapping[str, Any]:
        """The handler of the jobs that `add` queues: `{model, name}`, its id and its name."""
        wish = Wish(**context.payload)
        said = (
            {} if wish.licence is None else licence.of_name(wish.licence, "what was said when it was added")
        )
        with self._arrived(wish, context) as (path, name, source, declared):
            model = self._registry.add(
                path,
                wish.name,
                suggested=name,
                parent=wish.base,
                lineage=({"source": source} if source else {}) | trained(path) or None,
                licence=said or declared or None,
                quantise=wish.quantise,
                move=path.is_relative_to(self._folder),
                progress=_progress(context, "converting" if path.is_dir() or wish.quantise else "copying"),
            )
        return {"model": model.id, "name": model.name}

    @contextmanager
    def _arrived(
        self, wish: Wish, context: JobContext
    ) -> Iterator[tuple[Path, str, dict[str, Any], dict[str, Any]]]:
        """The weights on this machine, what to call them, their source, and the licence beside them.

        What was fetched is removed when the block ends well, and stays to go on with when it does not.
        """
        if wish.from_hub:
            with self._from_hub(wish, context) as arrived:
                yield arrived
        elif is_address(wish.location):
            with self._from_address(wish, context) as arrived:
                yield arrived
        else:
            path = Path(wish.location)
            yield path, "", {} if path.is_dir() or wish.quantise else {"kind": "file", "name": path.name}, {}

    @contextmanager
    def _from_hub(
        self, wish: Wish, context: JobContext
    ) -> Iterator[tuple[Path, str, dict[str, Any], dict[str, Any]]]:
        name, revision = hub.parsed(wish.location)
        place = self._hub()
        repository = place.look(name, revision, egress=self._egress, resolve=self._resolve)
        files = chosen(repository, wish.file)
        weights = [each for each in files if each.path.endswith((".gguf", ".safetensors"))]
        single = weights[0].path.rpartition("/")[2] if weights[0].path.endswith(".gguf") else None
        total = sum(each.size for each in files)
        if single is not None:
            _check_memory(repository.name, weights[0].size)
        self._registry.check_room(total if single is not None else 2 * total)
        with self._staged(f"{place.address} {name} {repository.commit}") as folder:
            place.get(
                repository,
                files,
                folder,
                egress=self._egress,
                progress=_progress(context, "fetching", saves=True),
                sleep=lambda seconds: _sleep(context, seconds),
                resolve=self._resolve,
            )
            source = {
                "kind": "hub",
                "url": place.address,
                "repository": name,
                "revision": repository.commit,
                "files": [
                    {"name": each.path, "sha256": each.checksum.value, "size": each.size}
                    for each in weights
                    if each.checksum.kind == "sha256"
                ],
            }
            declared = licence.of_folder(folder) or licence.of_declaration(repository.card, "the hub")
            stem = name.rpartition("/")[2] if single is None else Path(single).stem
            yield (folder if single is None else folder / single), stem, source, declared

    @contextmanager
    def _from_address(
        self, wish: Wish, context: JobContext
    ) -> Iterator[tuple[Path, str, dict[str, Any], dict[str, Any]]]:
        sha256 = _checked_address(wish)
        url = urlsplit(wish.location)
        egress = self._egress.with_named(url.hostname or "", url.port)
        size = size_of(wish.location, egress=egress, resolve=self._resolve)
        name = _file_name(wish.location)
        _check_memory(name, size)
        self._registry.check_room(size)
        with self._staged(f"{wish.location} {sha256}") as folder:
            told = _progress(context, "fetching", saves=True)
            fetched(
                Source(wish.location, size, Checksum("sha256", sha256)),
                folder / name,
                egress=egress,
                progress=lambda done: told(done, size),
                sleep=lambda seconds: _sleep(context, seconds),
                resolve=self._resolve,
            )
            shown = (
                f"{url.scheme}://{url.netloc}{url.path}"  # without a question mark's part: it can be a key
            )
            source = {"kind": "url", "url": shown, "files": [{"name": name, "sha256": sha256, "size": size}]}
            yield folder / name, Path(name).stem, source, {}

    @contextmanager
    def _staged(self, what: str) -> Iterator[Path]:
        folder = self._folder / hashlib.sha256(what.encode()).hexdigest()[:24]
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        download.remove(folder)

    def _sweep(self, now: float) -> None:
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            times = [path.stat().st_mtime for path in (folder, *folder.iterdir())]
            if now - max(times) > ABANDONED_SECONDS:
                download.remove(folder)


def _is_there(path: Path) -> bool:
    """Whether there is something that we may look at."""
    try:
        return path.exists()
    except OSError:  # its folder is closed to us, or its name is longer than any
        return False


def _checked_address(wish: Wish) -> str:
    """The checksum of a web address that can be added.

    Raises:
        InvalidInput: it is no such address, or nothing says what the file must be.
    """
    try:
        url = urlsplit(wish.location)
        sound = url.scheme.lower() == "https" and url.hostname and not url.username and not url.password
        sound = sound and url.port != 0
    except ValueError:  # half an IPv6 address, or a port that is no number
        sound = False
    if not sound:
        raise InvalidInput(f"{wish.location[:200]} is not read.", hint="Write https://host/file.gguf.")
    if not url.path.endswith(".gguf"):
        raise InvalidInput(
            f"{wish.location[:200]} is no .gguf file.", hint="Only those are fetched by address."
        )
    if wish.sha256 is None:
        raise InvalidInput(
            "A file from a web address is accepted only by its checksum.",
            hint="Give the one that its publisher names: --sha256 HEX.",
        )
    if not _SHA256.fullmatch(wish.sha256):
        raise InvalidInput("That is no SHA-256: it has 64 digits, 0 to 9 and a to f.")
    return wish.sha256.lower()


def _file_name(url: str) -> str:
    name = Path(unquote(urlsplit(url).path)).name
    return f"{name_from(name.removesuffix('.gguf'))}.gguf"


def _check_memory(name: str, size: int) -> None:
    """
    Raises:
        ModelRejected: its weights alone are more than this machine's memory.
    """
    there = memory.total_memory()
    if size > there:
        raise ModelRejected(
            f"{name} has {size / 2**30:.1f} GiB of weights, this machine {there / 2**30:.1f} GiB of memory.",
            hint="Take a smaller quantisation or model; `freehold model plan` says what fits.",
        )


def _progress(context: JobContext, current: str, *, saves: bool = False) -> Progress:
    saved = 0

    def told(done: int, total: int) -> None:
        nonlocal saved
        if context.stopping:
            raise Interrupted
        keeps = saves and done - saved >= SAVED_BYTES
        saved = done if keeps else saved
        context.progress(done, total, current, saved=keeps)

    return told


def _sleep(context: JobContext, seconds: float) -> None:
    """Waits, but no longer than the job may go on."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if context.stopping:
            raise Interrupted
        time.sleep(min(left, 0.2))
