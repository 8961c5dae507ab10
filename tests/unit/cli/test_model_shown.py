"""What a terminal is told of a model."""

from __future__ import annotations

from freehold.cli.model_shown import fields_of, origin


def test_where_a_model_comes_from_and_what_was_measured_of_it() -> None:
    lineage = {
        "made": {"how": "train"},
        "teachers": [{"name": "large", "licence": "llama3.1"}, {"name": "ours", "licence": "own"}],
        "commit": None,
        "metrics": {
            "loss": 0.1287874670422068,
            "route": {
                "accuracy": 0.9,
                "labels": ["a", "b"],
                "unknown": None,
                "linear": {"p": 3.6014496576e-08},
            },
        },
    }
    assert origin(lineage) == [
        ("learnt from", "large (llama3.1), ours (own)"),
        ("made", "how train"),
        ("metrics", "loss 0.128787"),
        ("metrics of route", "accuracy 0.9, labels (2), linear.p 3.60145e-08"),
    ]
    assert origin({}) == []


def test_a_model_and_the_name_in_its_file_are_told_apart() -> None:
    model = {
        "name": "tinyllama",
        "id": "9e" * 32,
        "kind": "model",
        "format": "gguf",
        "size": 322_591_712,
        "tasks": ["answer"],
        "created_at": 1_790_000_000.0,
        "facts": {"name": "Storage", "layers": 22},
        "lineage": {},
        "licence": {},
    }
    fields = fields_of(model)
    assert ("name", "tinyllama") in fields
    assert ("named in the file", "Storage") in fields
    names = [name for name, _ in fields]
    assert len(names) == len(set(names))
