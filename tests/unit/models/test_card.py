"""A model's card says what is known, the same every time, and nothing that could break out of it."""

from dataclasses import replace

from freehold.models import licence
from freehold.models.card import card
from freehold.models.lineage import Family, Relative
from freehold.models.model import Model

BASE = Model(
    id="b" * 64,
    name="base",
    format="gguf",
    size=2_000_000,
    facts={"architecture": "llama", "parameters": 1_235_814_432, "quantisation": "BF16"},
    created_at=1_760_000_000.0,
    lineage={
        "source": {
            "kind": "hub",
            "repository": "Example/Llama-Base",
            "revision": "0" * 40,
            "files": [{"name": "model.safetensors", "sha256": "a" * 64, "size": 5}],
        }
    },
    licence=licence.of_name("llama3.2", "hub"),
)
TUNED = replace(
    BASE,
    id="c" * 64,
    name="tuned",
    parent_id=BASE.id,
    lineage={
        "made": {"how": "train"},
        "dataset": "d" * 64,
        "recipe": {"rate": 0.1, "steps": 3},
        "commit": "abc",
        "metrics": {"loss": 1.25, "route": {"accuracy": 0.123456789, "labels": ["a", "b"], "unknown": None}},
    },
    licence={},
)
CARD = """\
---
license: "llama3.2"
base_model: "Example/Llama-Base"
tags: [freehold]
---

# tuned

| | |
| --- | --- |
| Kind | Model |
| SHA-256 | `cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc` |
| Size, bytes | 2,000,000 |
| Architecture | llama |
| Parameters | 1,235,814,432 |
| Precision | BF16 |
| Added | 2025-10-09 |

## Where does it come from?

- Made by: how train
- Dataset: `dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd`
- Recipe: `{"rate": 0.1, "steps": 3}`
- Commit: `abc`

Made from, the nearest first:

- base, `bbbbbbbbbbbb`, no longer kept

## What was measured?

| | |
| --- | --- |
| loss | 1.25 |
| route.accuracy | 0.123457 |
| route.labels | ["a", "b"] |

## Under which licence is it?

**Llama 3.2 Community License Agreement**, of base, which it was made from: https://www.llama.com/llama3_2/license/
"""


def test_the_card_of_a_tuned_model_names_what_binds_it() -> None:
    family = Family((Relative(BASE, removed=True),), ())
    text = card(TUNED, family)
    assert text.startswith(CARD)
    assert "“Built with Llama”" in text
    assert "> Llama 3.2 is licensed under the Llama 3.2 Community License" in text
    assert card(TUNED, family) == text


def test_the_card_of_a_student_names_its_teacher_and_what_that_one_asks() -> None:
    lineage = {"made": {"how": "train"}, "teachers": [{"name": "large`", "licence": "llama3.1"}]}
    student = replace(TUNED, parent_id=None, lineage=lineage, licence={"id": "mit", "clauses": []})
    text = card(student, Family((), ()))
    assert "- Learnt from: `large'`, whose licence is `llama3.1`" in text
    assert "**Llama 3.1 Community License Agreement**, of large', which it learnt from: https://" in text
    assert "> Llama 3.1 is licensed under" in text
    alone = card(replace(student, licence=licence.of_teaching(lineage)), Family((), ()))
    assert 'license: "llama3.1"' in alone and alone.count("**Llama 3.1 Community License Agreement**") == 1


def test_the_card_of_a_downloaded_model_names_its_source() -> None:
    text = card(BASE, Family((), ()))
    assert "- Source: `Example/Llama-Base`, `0000000000000000000000000000000000000000`" in text
    assert f"  - `model.safetensors`, SHA-256 `{'a' * 64}`" in text
    assert "base_model" not in text


def test_what_nobody_said_is_said_to_be_unknown() -> None:
    text = card(replace(BASE, lineage={}, licence={}), Family((), ()))
    assert "Nothing was said of that." in text
    assert "None was found." in text
    assert "What it asks is not known" in card(replace(BASE, licence={"id": "other"}), Family((), ()))


def test_nothing_breaks_out_of_its_place() -> None:
    hostile = "x`\n\n# Heading | cell"
    lineage = {"source": {"url": hostile}, "commit": hostile, "metrics": {hostile: hostile}}
    text = card(replace(BASE, lineage=lineage, facts={"architecture": hostile}), Family((), ()))
    assert not [line for line in text.splitlines() if line.startswith("# Heading")]
    assert "x' # Heading | cell" in text
    assert "| Architecture | x' # Heading \\| cell |" in text
