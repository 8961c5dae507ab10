"""What a model is trained towards: functions from hidden states and a batch to a loss.

Each gives a sum and what it is a sum over (predictions, or examples), so that steps spread over packs and
processes divide once by the number of the whole step. They know neither model nor data nor loop.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch.nn.functional import sigmoid

from freehold.training.batch import Batch
from freehold.training.head import Rule, log_probabilities, summed

Divergence = Literal["forward", "reverse", "jensen-shannon"]
_LOWEST = -30.0
"""Log-probability that stands for none: float16 cannot tell the teacher's tail from nothing any finer."""


class Loss(NamedTuple):
    """A sum, to be divided by the step's number of predictions or examples."""

    total: torch.Tensor
    sums: dict[str, torch.Tensor]
    """Other sums worth a look, detached."""


def likelihood(hidden: torch.Tensor, weight: torch.Tensor, batch: Batch) -> Loss:
    """−log p of the targets: *next token* and *supervised*, which differ in where the batch scores.

    Args:
        hidden: (n, size) states at `batch.at`.
        weight: (vocabulary, size) of the head.
    """
    return Loss(summed(hidden, weight, cross_entropy(batch.targets)), {})


def distillation(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    batch: Batch,
    *,
    divergence: Divergence,
    label_weight: float,
    temperature: float,
) -> Loss:
    """A divergence from the teacher's k most likely tokens and a bucket for all others (Hinton et al. 2015;
    the bucket keeps the k from being pushed to a sum of one).

    Times temperature², so that the gradient's size does not depend on it; mixed with the likelihood of what
    was written by `label_weight`.
    """
    assert batch.teacher_tokens is not None
    assert batch.teacher_logs is not None
    rule = top_k_divergence(
        batch.teacher_tokens, batch.teacher_logs, divergence=divergence, temperature=temperature
    )
    return Loss(summed(hidden, weight, mixed(rule, cross_entropy(batch.targets), label_weight)), {})


def preference(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    batch: Batch,
    *,
    baseline: torch.Tensor,
    beta: float,
    good_weight: float,
    bad_weight: float,
) -> Loss:
    """KTO (Ethayarajh et al. 2024): answers marked good or bad, against the model at the start.

    The sum is over examples. `baseline` is the estimate of KL(now, start) that rewards are measured from.
    """
    assert batch.good is not None
    assert batch.reference is not None
    rewards = beta * (answer_logs(hidden, weight, batch) - batch.reference)
    margin = rewards - beta * baseline
    losses = torch.where(batch.good, good_weight * sigmoid(-margin), bad_weight * sigmoid(margin))
    kept = rewards.detach()
    return Loss(
        losses.sum(),
        {
            "good_reward": kept[batch.good].sum(),
            "bad_reward": kept[~batch.good].sum(),
            "good": batch.good.sum().float(),
            "bad": (~batch.good).sum().float(),
        },
    )


def answer_logs(hidden: torch.Tensor, weight: torch.Tensor, batch: Batch) -> torch.Tensor:
    """log p (examples,) of each answer."""
    return per_example(log_probabilities(hidden, weight, batch.targets), batch)


def per_example(values: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Sums (examples,) of values (n,) of the batch's predictions."""
    return values.new_zeros(batch.examples).index_add(0, batch.example, values)


def cross_entropy(targets: torch.Tensor) -> Rule:
    """−log softmax at the target."""

    def rule(
        logits: torch.Tensor, where: slice, *, gradient: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        wanted = targets[where, None]
        picked = logits.gather(1, wanted)
        peak = logits.amax(dim=1, keepdim=True)
        whole = logits.sub_(peak).exp_().sum(dim=1, keepdim=True)
        losses = (whole.log() + peak - picked).squeeze(1)
        if not gradient:
            return losses, None
        share = logits.div_(whole)
        return losses, share.scatter_add_(1, wanted, torch.full_like(picked, -1.0))

    return rule


def top_k_divergence(
    tokens: torch.Tensor, logs: torch.Tensor, *, divergence: Divergence, temperature: float
) -> Rule:
    """Between teacher and student over k tokens and one bucket for the rest.

    Args:
        tokens: (n, k) the teacher's most likely tokens.
        logs: (n, k) their log-probabilities at this temperature.
    """

    def rule(
        logits: torch.Tensor, where: slice, *, gradient: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        with torch.set_grad_enabled(gradient):
            logits = logits.requires_grad_(gradient)
            ours = _bucketed(logits / temperature, tokens[where])
            theirs = _with_tail(logs[where].float(), complete=tokens.shape[1] == logits.shape[1])
            losses = temperature**2 * _divergence(theirs, ours, divergence)
            if not gradient:
                return losses, None
            (grad,) = torch.autograd.grad(losses.sum(), logits)
        return losses.detach(), grad

    return rule


def mixed(first: Rule, second: Rule, share: float) -> Rule:
    """(1 − share) × first + share × second."""
    if share == 0.0:
        return first

    def rule(
        logits: torch.Tensor, where: slice, *, gradient: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        losses, grad = first(logits.clone(), where, gradient=gradient)
        others, other_grad = second(logits, where, gradient=gradient)
        both = (1 - share) * losses + share * others
        if grad is None or other_grad is None:
            return both, None
        return both, (1 - share) * grad + share * other_grad

    return rule


def _bucketed(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Log-probabilities (n, k + 1) of the tokens and of all others; (n, k) when there are no others."""
    whole = logits.logsumexp(dim=1, keepdim=True)
    picked = logits.gather(1, tokens) - whole
    if tokens.shape[1] == logits.shape[1]:
        return picked
    others = logits.scatter(1, tokens, float("-inf")).logsumexp(dim=1, keepdim=True)
    return torch.cat([picked, others - whole], dim=1)


def _with_tail(logs: torch.Tensor, *, complete: bool) -> torch.Tensor:
    """The teacher's, with what is left to one in the last column."""
    if complete:
        return logs
    tail = (1 - logs.exp().sum(dim=1, keepdim=True)).clamp_min(0).log().clamp_min(_LOWEST)
    return torch.cat([logs, tail], dim=1)


def _divergence(theirs: torch.Tensor, ours: torch.Tensor, kind: Divergence) -> torch.Tensor:
    """Of two log-distributions (n, k), row by row."""
    if kind == "forward":
        return _kl(theirs, ours)
    if kind == "reverse":
        return _kl(ours, theirs)
    middle = torch.logaddexp(theirs, ours) - torch.log(torch.tensor(2.0))
    return (_kl(theirs, middle) + _kl(ours, middle)) / 2


def _kl(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return (first.exp() * (first - second)).sum(dim=1)
