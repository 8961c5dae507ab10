"""Downloads from a hub that really listens: resumed, pinned, checked, and refused with the reason."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stand_in_hub import COMMIT, StandInHub, stand_in_hub

from freehold.egress import Egress
from freehold.errors import EgressDenied, FetchFailed, FreeholdError, InvalidInput, ModelRejected, NotFound
from freehold.models.hub import Hub, Repository, parsed
from freehold.models.hub_choice import chosen

NAME = "Example/Tiny"
WEIGHTS = random.Random(5).randbytes(1_500_000)
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"pickle",
    "modeling_custom.py": b"import os",
    "original/consolidated.00.pth": b"pickle",
    "LICENSE": b"text",
    "README.md": b"---\nlicense: mit\n---\n",
}


@pytest.fixture
def hub() -> Iterator[StandInHub]:
    with stand_in_hub(repositories={NAME: dict(FILES)}) as hub:
        yield hub


def client(hub: StandInHub, token: str | None = None) -> Hub:
    return Hub(hub.address, token)


def look(hub: StandInHub, name: str = NAME, revision: str = "main", token: str | None = None) -> Repository:
    return client(hub, token).look(name, revision, egress=hub.egress())


def get(hub: StandInHub, folder: Path, token: str | None = None, **more: Any) -> list[tuple[int, int]]:
    """Fetches what makes the model into `folder`; gives what progress was told."""
    folder.mkdir(exist_ok=True)
    seen: list[tuple[int, int]] = []
    repository = look(hub, token=token)
    client(hub, token).get(
        repository,
        chosen(repository),
        folder,
        **(
            {
                "egress": hub.egress(),
                "progress": lambda done, total: seen.append((done, total)),
                "sleep": lambda seconds: None,
            }
            | more
        ),
    )
    return seen


def test_a_checkpoint_is_fetched_from_the_commit_that_the_branch_is_at(
    hub: StandInHub, tmp_path: Path
) -> None:
    seen = get(hub, tmp_path / "to")
    kept = {"LICENSE", "README.md", "config.json", "model.safetensors", "tokenizer.json"}
    assert {path.name for path in (tmp_path / "to").iterdir()} == kept
    for name in kept:
        assert (tmp_path / "to" / name).read_bytes() == FILES[name]
    total = sum(len(FILES[name]) for name in kept)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)
    asked = [path for place, path, _ in hub.asked if place == "hub"]
    assert asked[0] == f"/api/models/{NAME}/revision/main?blobs=true"
    assert all(path.startswith(f"/{NAME}/resolve/{COMMIT}/") for path in asked[1:])
    assert asked[-1].endswith("model.safetensors")


def test_cut_at_random_points_it_resumes(hub: StandInHub, tmp_path: Path) -> None:
    chance = random.Random(11)
    for trial in range(8):
        hub.asked.clear()
        hub.cuts[:] = [len(WEIGHTS)] * 4  # the texts come whole
        hub.cuts += [chance.randrange(1, len(WEIGHTS) // 3) for _ in range(chance.randrange(1, 6))]
        cuts = hub.cuts[4:]
        get(hub, tmp_path / str(trial))
        assert (tmp_path / str(trial) / "model.safetensors").read_bytes() == WEIGHTS
        starts = [sum(cuts[:number]) for number in range(len(cuts) + 1)]
        expected = [None if not start else f"bytes={start}-" for start in starts if start < len(WEIGHTS)]
        assert hub.ranges() == expected


KILLED = """
import os, signal, sys
from pathlib import Path
from freehold.egress import Egress
from freehold.models.hub import Hub
from freehold.models.hub_choice import chosen
address, store, folder, moment = sys.argv[1:]
egress = Egress([store.removeprefix("http://")], ["127.0.0.1"])
hub = Hub(address)
repository = hub.look("Example/Tiny", "main", egress=egress)
def die(done, total):
    if done >= int(moment):
        os.kill(os.getpid(), signal.SIGKILL)
hub.get(repository, chosen(repository), Path(folder), egress=egress, progress=die)
"""


def test_killed_it_goes_on_where_it_was(hub: StandInHub, tmp_path: Path) -> None:
    folder = tmp_path / "to"
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-c", KILLED, hub.address, hub.store, str(folder), "700000"],
        check=False,
        timeout=60,
    )
    assert run.returncode == -signal.SIGKILL
    there = (folder / "model.safetensors.part").stat().st_size
    assert 0 < there < len(WEIGHTS)
    hub.asked.clear()
    get(hub, folder)
    assert hub.ranges() == [f"bytes={there}-"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    hub.asked.clear()
    get(hub, folder)
    assert len(hub.asked) == 1  # only the list: everything is there and right


def test_a_file_that_was_changed_in_between_is_fetched_again(hub: StandInHub, tmp_path: Path) -> None:
    get(hub, tmp_path / "to")
    (tmp_path / "to" / "model.safetensors").write_bytes(WEIGHTS[::-1])
    get(hub, tmp_path / "to")
    assert (tmp_path / "to" / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_wrong_checksum_is_refused(hub: StandInHub, tmp_path: Path, name: str) -> None:
    hub.tampered[name] = lambda body: bytes([body[0] ^ 1]) + body[1:]
    with pytest.raises(FetchFailed, match=f"{name} is not what it should be: its checksum"):
        get(hub, tmp_path / "to")
    assert not list((tmp_path / "to").glob(f"{name}*"))
    hub.tampered.clear()
    get(hub, tmp_path / "to")


@pytest.mark.parametrize("change", [lambda body: body + b"x", lambda body: body[:-1]])
def test_another_size_than_the_hub_names_is_refused(hub: StandInHub, tmp_path: Path, change: Any) -> None:
    hub.tampered["model.safetensors"] = change
    with pytest.raises(FetchFailed, match=r"should have|broke off"):
        get(hub, tmp_path / "to")


def test_pickles_are_not_fetched(hub: StandInHub) -> None:
    hub.repositories[NAME] = {"config.json": b"{}", "pytorch_model.bin": b"x", "weights.gguf.bin": b"x"}
    with pytest.raises(ModelRejected, match=r"only as pytorch_model\.bin.*can run code"):
        chosen(look(hub))
    with pytest.raises(ModelRejected, match="can run code"):
        chosen(look(hub), "pytorch_model.bin")
    hub.repositories[NAME] = {"config.json": b"{}"}
    with pytest.raises(ModelRejected, match="no weights"):
        chosen(look(hub))


def test_a_redirect_to_a_host_that_nothing_allows_is_refused(hub: StandInHub, tmp_path: Path) -> None:
    with pytest.raises(EgressDenied, match=r"Nothing allows a connection to 127\.0\.0\.1"):
        get(hub, tmp_path / "to", egress=hub.egress(store=False))
    assert hub.ranges() == []
    hub.onward = "http://elsewhere.test"
    with pytest.raises(EgressDenied, match=r"Nothing allows a connection to elsewhere\.test:80"):
        get(hub, tmp_path / "to")


@pytest.mark.parametrize("target", ["http://elsewhere.test/x", "//elsewhere.test/x", "https:", "http://["])
def test_the_token_is_not_taken_elsewhere_by_a_redirect_of_the_list(hub: StandInHub, target: str) -> None:
    """Nor to the same host where others can read it."""
    hub.sent_on = target if target != "https:" else hub.address.replace("http:", "https:")
    with pytest.raises(FetchFailed, match="The hub sends us to"):
        look(hub, token="hf_secret")
    assert len(hub.asked) == 1


def test_nothing_is_asked_of_a_hub_that_no_command_named() -> None:
    assert Hub().egress(Egress()).allowed == ("huggingface.co", "*.huggingface.co", "*.hf.co")
    assert Hub("https://hub.test:8443").egress(Egress()).allowed == ("hub.test", "hub.test:8443")


def test_a_gated_repository_without_a_token(hub: StandInHub, tmp_path: Path) -> None:
    hub.gated, hub.token = frozenset([NAME]), "hf_right"
    with pytest.raises(FetchFailed, match=r"is gated.*HF_TOKEN is not set") as caught:
        get(hub, tmp_path / "to")
    assert f"Accept them at {hub.address}/{NAME}" in (caught.value.hint or "")
    with pytest.raises(FetchFailed, match="these credentials were not given access"):
        get(hub, tmp_path / "to", "hf_other")
    get(hub, tmp_path / "to", "hf_right")
    assert {headers.get("authorization") for place, _, headers in hub.asked if place == "store"} == {None}


def test_a_private_one_is_as_if_it_were_not_there(hub: StandInHub) -> None:
    hub.private, hub.token = frozenset([NAME]), "hf_right"
    with pytest.raises(NotFound, match="no repository Example/Tiny, or does not show it"):
        look(hub)
    assert look(hub, token="hf_right").commit == COMMIT


@pytest.mark.parametrize(
    ("name", "revision", "said"),
    [("Example/None", "main", "no repository Example/None"), (NAME, "v9", "no revision v9")],
)
def test_what_is_not_there(hub: StandInHub, name: str, revision: str, said: str) -> None:
    with pytest.raises(NotFound, match=said):
        look(hub, name, revision)


def test_a_file_that_is_gone(hub: StandInHub, tmp_path: Path) -> None:
    repository = look(hub)
    del hub.repositories[NAME]["config.json"]
    with pytest.raises(NotFound, match="no longer has one of its files"):
        client(hub).get(repository, chosen(repository), tmp_path, egress=hub.egress())


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ([(429, {"Retry-After": "600"})], "status 429"),
        ([(503, {})] * 6, "status 503"),
        ([(418, {})], "status 418"),
    ],
)
def test_a_hub_that_fails_is_said(hub: StandInHub, tmp_path: Path, failures: Any, said: str) -> None:
    hub.failures[:] = failures
    with pytest.raises(FetchFailed, match=said):
        get(hub, tmp_path / "to")


def test_a_hub_that_is_busy_for_a_while_is_waited_for(hub: StandInHub, tmp_path: Path) -> None:
    waits: list[float] = []
    hub.failures[:] = [(429, {"Retry-After": "3"}), (500, {}), (503, {})]
    get(hub, tmp_path / "to", sleep=waits.append)
    assert waits == [3, 2.0, 4.0]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: {},
        lambda body: [],
        lambda body: body | {"sha": "main"},
        lambda body: body | {"siblings": [{"rfilename": "../../x", "size": 1, "blobId": COMMIT}]},
        lambda body: body | {"siblings": [{"rfilename": "/x", "size": 1, "blobId": COMMIT}]},
        lambda body: body | {"siblings": [{"rfilename": "x\0", "size": 1, "blobId": COMMIT}]},
        lambda body: body | {"siblings": [{"rfilename": "x", "size": -1, "blobId": COMMIT}]},
        lambda body: body | {"siblings": [{"rfilename": "x", "size": 1}]},
        lambda body: body | {"siblings": [{"rfilename": "x", "size": 1, "lfs": {"sha256": "?", "size": 1}}]},
    ],
)
def test_a_list_that_makes_no_sense_is_refused(hub: StandInHub, change: Any) -> None:
    hub.listing = change
    with pytest.raises(FetchFailed, match="makes no sense"):
        look(hub)


def test_another_commit_than_was_asked_for_is_refused(hub: StandInHub) -> None:
    hub.listing = lambda body: body | {"sha": "f" * 40}
    with pytest.raises(FetchFailed, match=f"at {COMMIT}, the hub gives ffff"):
        look(hub, revision=COMMIT)


def test_which_files_make_a_model(hub: StandInHub) -> None:
    def names(*wanted: str) -> list[str]:
        return [each.path for each in chosen(look(hub), *wanted)]

    hub.repositories[NAME] = {"q/one.gguf": b"1", "README.md": b""}
    assert names() == ["q/one.gguf", "README.md"]
    hub.repositories[NAME] |= {"two.gguf": b"2", "LICENSE": b""}
    with pytest.raises(InvalidInput, match=r"several models: q/one\.gguf \(0\.0 GB\), two\.gguf"):
        names()
    assert names("one.gguf")[0] == "q/one.gguf"
    with pytest.raises(InvalidInput, match=r"no GGUF file three\.gguf"):
        names("three.gguf")
    hub.repositories[NAME] = {
        "adapter_config.json": b"{}",
        "adapter_model.safetensors": b"x",
        "optimizer.pt": b"x",
    }
    assert names() == ["adapter_config.json", "adapter_model.safetensors"]
    shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    hub.repositories[NAME] = {"model.safetensors.index.json": b"{}", "consolidated.safetensors": b"x"}
    hub.repositories[NAME] |= {"config.json": b"{}", **dict.fromkeys(shards, b"x")}
    assert names() == ["config.json", *shards, "model.safetensors.index.json"]


def test_how_a_model_of_a_hub_is_written() -> None:
    assert parsed(f"hf:{NAME}@v1.0") == (NAME, "v1.0")
    assert parsed("hf:a/b@refs/pr/3") == ("a/b", "refs/pr/3")
    with pytest.raises(InvalidInput, match="names no revision"):
        parsed(f"hf:{NAME}")
    for text in ("hf:Tiny@main", "hf:a/b/c@main", "hf:../x@main", "hf:a/b@", "hf:a/b@x y", "a/b@main"):
        with pytest.raises(InvalidInput):
            parsed(text)


def test_as_the_environment_says() -> None:
    assert Hub.from_environment({}) == Hub()
    told = {"HF_ENDPOINT": "https://hub.test/", "HF_TOKEN": " hf_x "}
    assert Hub.from_environment(told) == Hub("https://hub.test", "hf_x")
    with pytest.raises(InvalidInput, match="where others can read it"):
        Hub("http://hub.test", "hf_x").egress(Egress())
    for address in ("hub.test", "https://hub.test:port", "https://[hub"):
        with pytest.raises(FreeholdError, match="no web address"):
            Hub(address).egress(Egress())
