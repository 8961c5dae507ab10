"""Objectives against what they are by definition, and against transformers' own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tiny_llama
import torch

from freehold.training import head, objectives
from freehold.training.attention import PIECES
from freehold.training.batch import Batch, packed
from freehold.training.model import Learner
from freehold.training.sequence import Sequence, laid_out

LENGTHS = (17, 9, 23, 12)


def examples(*, answers_only: bool) -> list[Sequence]:
    """Random conversations; the last third of each is the answer."""
    draw = np.random.default_rng(0)
    made = []
    for length in LENGTHS:
        tokens = draw.integers(0, tiny_llama.VOCABULARY, length).tolist()
        scored = [not answers_only or place >= length * 2 // 3 for place in range(length)]
        made.append(laid_out([tokens], [scored], passages=range(0)))
    return made


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    found = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
    model.zero_grad()
    return found


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks even for these few predictions."""
    monkeypatch.setitem(head.CHUNK_ELEMENTS, "cpu", 1)
    monkeypatch.setattr(head, "ROWS_AT_LEAST", 16)


@pytest.mark.parametrize("answers_only", [False, True], ids=["next-token", "supervised"])
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_loss_and_gradients_are_transformers_own_packed_or_not(
    answers_only: bool, tied: bool, small_chunks: None
) -> None:
    made = examples(answers_only=answers_only)
    batch = packed(made)
    padded = torch.zeros(len(made), max(LENGTHS), dtype=torch.int64)
    labels = torch.full_like(padded, -100)
    seen = torch.zeros_like(padded)
    for row, each in enumerate(made):
        padded[row, : len(each)] = torch.from_numpy(each.tokens)
        labels[row, torch.from_numpy(each.at) + 1] = torch.from_numpy(each.targets)
        seen[row, : len(each)] = 1
    theirs = tiny_llama.model(attention="eager", tie_word_embeddings=tied)
    expected = theirs(input_ids=padded, attention_mask=seen, labels=labels).loss
    expected.backward()
    wanted = gradients(theirs)

    ours = tiny_llama.model(attention=PIECES, tie_word_embeddings=tied)
    loss = Learner(ours)(batch, objectives.likelihood).total / len(batch.targets)
    loss.backward()
    found = gradients(ours)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-4, msg=name)

    alone = sum(Learner(ours)(packed([each]), objectives.likelihood).total for each in made)
    (alone / len(batch.targets)).backward()
    for name, gradient in gradients(ours).items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-4, msg=name)


def teacher(batch: Batch, k: int) -> Batch:
    """The batch with another model's k most likely tokens."""
    logs = torch.randn(len(batch.targets), tiny_llama.VOCABULARY).mul(2).log_softmax(dim=1)
    best = logs.topk(k, dim=1)
    return dataclasses.replace(batch, teacher_tokens=best.indices, teacher_logs=best.values)


def distil(hidden: torch.Tensor, weight: torch.Tensor, batch: Batch, **changed: object) -> torch.Tensor:
    asked = {"divergence": "forward", "label_weight": 0.0, "temperature": 1.0} | changed
    return objectives.distillation(hidden, weight, batch, **asked).total


@pytest.fixture
def states(small_chunks: None) -> tuple[torch.Tensor, torch.Tensor, Batch]:
    """Hidden states, a head, and what is to be predicted."""
    torch.manual_seed(1)
    batch = packed(examples(answers_only=False))
    hidden = torch.randn(len(batch.targets), 32, requires_grad=True)
    return hidden, (torch.randn(tiny_llama.VOCABULARY, 32) / 3).requires_grad_(), batch


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("divergence", ["forward", "reverse", "jensen-shannon"])
def test_top_k_of_the_whole_vocabulary_is_the_full_divergence(
    states: tuple[torch.Tensor, torch.Tensor, Batch], divergence: str, temperature: float
) -> None:
    hidden, weight, batch = states
    batch = teacher(batch, tiny_llama.VOCABULARY)
    found = distil(hidden, weight, batch, divergence=divergence, temperature=temperature)
    ours = (hidden @ weight.T / temperature).log_softmax(dim=1)
    theirs = torch.empty_like(ours).scatter(1, batch.teacher_tokens, batch.teacher_logs)

    def kl(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.kl_div(second, first, log_target=True, reduction="sum")

    middle = ((ours.exp() + theirs.exp()) / 2).log()
    full = (
        temperature**2
        * {
            "forward": kl(theirs, ours),
            "reverse": kl(ours, theirs),
            "jensen-shannon": (kl(theirs, middle) + kl(ours, middle)) / 2,
        }[divergence]
    )
    torch.testing.assert_close(found, full.detach(), rtol=1e-5, atol=1e-4)
    wanted = torch.autograd.grad(full, (hidden, weight))
    torch.testing.assert_close(torch.autograd.grad(found, (hidden, weight)), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("divergence", ["forward", "reverse", "jensen-shannon"])
def test_the_bucket_holds_what_the_k_leave_out(
    states: tuple[torch.Tensor, torch.Tensor, Batch], divergence: str
) -> None:
    hidden, weight, batch = states
    batch = teacher(batch, 5)
    found = distil(hidden, weight, batch, divergence=divergence)
    ours = (hidden @ weight.T).softmax(dim=1).gather(1, batch.teacher_tokens)
    p = torch.cat([batch.teacher_logs.exp(), 1 - batch.teacher_logs.exp().sum(1, keepdim=True)], 1)
    q = torch.cat([ours, 1 - ours.sum(1, keepdim=True)], 1)
    middle = (p + q) / 2
    full = {
        "forward": p * (p / q).log(),
        "reverse": q * (q / p).log(),
        "jensen-shannon": (p * (p / middle).log() + q * (q / middle).log()) / 2,
    }[divergence].sum()
    torch.testing.assert_close(found, full.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        torch.autograd.grad(found, hidden), torch.autograd.grad(full, hidden), rtol=1e-3, atol=1e-4
    )


def test_label_weight_mixes_in_the_likelihood(states: tuple[torch.Tensor, torch.Tensor, Batch]) -> None:
    hidden, weight, batch = states
    batch = teacher(batch, 5)
    only = distil(hidden, weight, batch)
    labels = objectives.likelihood(hidden, weight, batch).total
    both = distil(hidden, weight, batch, label_weight=0.25)
    torch.testing.assert_close(both, 0.75 * only + 0.25 * labels)
    wanted = torch.autograd.grad(0.75 * only + 0.25 * labels, (hidden, weight))
    torch.testing.assert_close(torch.autograd.grad(both, (hidden, weight)), wanted, rtol=1e-4, atol=1e-5)


def test_log_probabilities_and_their_gradients(states: tuple[torch.Tensor, torch.Tensor, Batch]) -> None:
    hidden, weight, batch = states
    upstream = torch.randn(len(batch.targets))
    found = head.log_probabilities(hidden, weight, batch.targets)
    plain = (hidden @ weight.T).log_softmax(dim=1).gather(1, batch.targets[:, None]).squeeze(1)
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        torch.autograd.grad((found * upstream).sum(), (hidden, weight)),
        torch.autograd.grad((plain * upstream).sum(), (hidden, weight)),
        rtol=1e-4, atol=1e-5,
    )  # fmt: skip


def test_preference_is_kto_by_its_definition(states: tuple[torch.Tensor, torch.Tensor, Batch]) -> None:
    hidden, weight, batch = states
    good = torch.tensor([True, False, True, False])
    reference = torch.tensor([-30.0, -20.0, -60.0, -25.0])
    marked = dataclasses.replace(batch, good=good, reference=reference)
    found = objectives.preference(
        hidden, weight, marked, baseline=torch.tensor(1.5), beta=0.1, good_weight=1.0, bad_weight=2.0
    )
    logs = (hidden @ weight.T).log_softmax(dim=1).gather(1, batch.targets[:, None]).squeeze(1)
    full = torch.zeros(())
    for number in range(4):
        ratio = logs[batch.example == number].sum() - reference[number]
        if good[number]:
            full = full + (1 - torch.sigmoid(0.1 * (ratio - 1.5)))
        else:
            full = full + 2 * (1 - torch.sigmoid(0.1 * (1.5 - ratio)))
    torch.testing.assert_close(found.total, full)
    torch.testing.assert_close(
        torch.autograd.grad(found.total, hidden), torch.autograd.grad(full, hidden), rtol=1e-4, atol=1e-6
    )
    assert found.sums["good"].item() == 2


def test_no_gradient_is_worked_out_where_none_is_wanted(
    states: tuple[torch.Tensor, torch.Tensor, Batch],
) -> None:
    hidden, weight, batch = states
    frozen = objectives.likelihood(hidden, weight.detach(), batch).total
    (gradient,) = torch.autograd.grad(frozen, hidden)
    torch.testing.assert_close(
        gradient, torch.autograd.grad(objectives.likelihood(hidden, weight, batch).total, hidden)[0]
    )
    with torch.no_grad():
        assert not distil(hidden, weight, teacher(batch, 3)).requires_grad
