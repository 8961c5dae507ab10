"""The linear router's file, and what it makes of a vector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from freehold.errors import InvalidInput, ModelRejected, NotFound
from freehold.tasks.learnt import NOT_HELD_OUT, Learnt, fingerprint
from freehold.tasks.linear_route import LinearRoute, held_out, read, write


def router(**changes: object) -> LinearRoute:
    values: dict[str, object] = {
        "weights": np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32),
        "bias": np.array([0, 0.5], dtype=np.float32),
        "labels": ("card", "person"),
        "temperature": 0.5,
        "limits": {"card": 0.5, "person": 0.9},
        "embedder": "mini",
        "facts": {"accuracy": 0.9},
    }
    return LinearRoute(**(values | changes))  # type: ignore[arg-type]


def test_chances_are_a_softmax_at_its_temperature() -> None:
    found = router().chances(np.array([[1, 0, 0]], dtype=np.float32))[0]
    expected = np.exp([2.0, 1.0]) / np.exp([2.0, 1.0]).sum()
    assert found == pytest.approx(expected, abs=1e-6)
    huge = router(temperature=1e-4).chances(np.array([[9, 0, 0]], dtype=np.float32))[0]
    assert huge == pytest.approx([1.0, 0.0])


def test_a_label_is_sure_from_its_limit_on() -> None:
    card = router().route(np.array([1, 0, 0], dtype=np.float32))
    assert (card.label, card.kind, card.sure) == ("card", "label", True)
    person = router().route(np.array([0, 0, 1], dtype=np.float32))
    assert (person.kind, person.sure) == ("person", False)
    assert person.confidence == pytest.approx(np.e / (1 + np.e), abs=1e-6)


def test_a_reserved_label_is_chosen_from_its_limit_on_though_another_is_likelier() -> None:
    vector = np.array([1, 0, 0], dtype=np.float32)  # card .73, person .27
    assert router().route(vector).label == "card"
    chosen = router(limits={"card": 0.5, "person": 0.25}).route(vector)
    assert (chosen.label, chosen.sure) == ("person", True) and chosen.confidence == pytest.approx(
        0.269, abs=1e-3
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "r.safetensors"
    write(router(labels=("Größe", "person"), limits={"Größe": 0.25, "person": 1.1}), path)
    again = read(path)
    assert (again.labels, again.limits, again.embedder) == (
        ("Größe", "person"),
        {"Größe": 0.25, "person": 1.1},
        "mini",
    )
    assert np.array_equal(again.weights, router().weights) and again.facts == {"accuracy": 0.9}
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert again.learnt.known() == {}


def test_what_it_learnt_from_is_kept_by_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "r.safetensors"
    messages = ["My card?", "a loan", "MY CARD", "call me"]
    write(router(learnt=Learnt.of(messages, [0, NOT_HELD_OUT, NOT_HELD_OUT, 1])), path)
    assert b"loan" not in path.read_bytes()
    known = read(path).learnt.known()
    assert [known.get(fingerprint(each)) for each in ("a  loan!", "my card", "Call me.", "another")] == [
        NOT_HELD_OUT,
        NOT_HELD_OUT,
        1,
        None,
    ]
    write(router(learnt=Learnt.of(messages[:1], [2])), path)
    with pytest.raises(ModelRejected, match="do not fit"):
        read(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.safetensors"
    with pytest.raises(NotFound, match="no router"):
        read(path)
    write(router(), path)
    whole = path.read_bytes()
    for damaged in (b"", b"PK\x03\x04" * 40, whole[:50], whole[:-4]):
        path.write_bytes(damaged)
        with pytest.raises(ModelRejected, match="not a router"):
            read(path)
    save_file({"weights": np.zeros((2, 3), dtype=np.float32)}, path)
    with pytest.raises(ModelRejected, match="not a router"):
        read(path)
    write(router(labels=("card", "person", "more"), limits={"card": 0, "person": 0, "more": 0}), path)
    with pytest.raises(ModelRejected, match="do not fit"):
        read(path)
    for weights in (np.zeros(2), np.array(0.0), np.zeros((2, 3, 1))):
        write(router(weights=weights.astype(np.float32)), path)
        with pytest.raises(ModelRejected, match="do not fit"):
            read(path)
    nothing = np.zeros((0, 3), dtype=np.float32)
    write(router(labels=(), limits={}, weights=nothing, bias=nothing[:, 0]), path)
    with pytest.raises(ModelRejected, match="do not fit"):
        read(path)
    write(router(bias=np.array([0, np.nan], dtype=np.float32)), path)
    with pytest.raises(ModelRejected, match="do not fit"):
        read(path)


def test_a_newer_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freehold.tasks.linear_route.FORMAT", 2)
    write(router(), tmp_path / "r.safetensors")
    monkeypatch.undo()
    with pytest.raises(InvalidInput, match="newer"):
        read(tmp_path / "r.safetensors")


def test_the_same_messages_are_held_out_whatever_their_order() -> None:
    rows = [(f"message {n}", "ab"[n % 2]) for n in range(40)] + [("rare", "c")]
    chosen = held_out(rows)
    assert [
        sum(label == each for (_, label), out in zip(rows, chosen, strict=True) if out) for each in "abc"
    ] == [
        4,
        4,
        0,
    ]
    backwards = held_out(rows[::-1])
    assert list(backwards[::-1]) == list(chosen)
