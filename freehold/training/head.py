"""The output head, computed only where there is loss and never for all of it at once.

The logits of a row are its largest tensor by far (tokens × vocabulary). Here they exist for a few hundred
positions at a time: losses and their gradients are taken from a chunk, and the chunk is let go.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch

CHUNK_ELEMENTS = {"cpu": 2**23, "cuda": 2**28}
"""Logits held at once."""
ROWS_AT_LEAST = 128
"""Predictions at once even so: fewer make the product with a large vocabulary a tenth slower."""


class Rule(Protocol):
    """A loss of single predictions."""

    def __call__(
        self, logits: torch.Tensor, where: slice, *, gradient: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Losses (n,) of the predictions `where`, from their float32 logits (n, vocabulary), which may be
        overwritten; and the gradient of their sum by the logits."""
        ...


def summed(hidden: torch.Tensor, weight: torch.Tensor, rule: Rule) -> torch.Tensor:
    """The sum of a rule's losses.

    The gradients are worked out on the way forward, so the head is multiplied three times as usual, and no
    logits wait for the way back.

    Args:
        hidden: (n, size) the states that predict.
        weight: (vocabulary, size) of the head.
    """
    hidden, weight = _cast(hidden, weight)
    with torch.autocast(hidden.device.type, enabled=False):
        found: torch.Tensor = _Summed.apply(hidden, weight, rule)  # type: ignore[no-untyped-call]  # torch says nothing of it
        return found


def log_probabilities(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """log p(target) of each prediction (n,), float32; gradients may come in any shape.

    The logits are computed a second time on the way back.
    """
    hidden, weight = _cast(hidden, weight)
    with torch.autocast(hidden.device.type, enabled=False):
        found: torch.Tensor = _LogProbabilities.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]  # nor here
        return found


def chunks(count: int, weight: torch.Tensor) -> list[slice]:
    """The predictions, so many at a time that their logits stay small."""
    elements = CHUNK_ELEMENTS.get(weight.device.type, 2**26)
    size = max(ROWS_AT_LEAST, elements // weight.shape[0])
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def _cast(hidden: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    kind = hidden.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
    return hidden.to(dtype), weight.to(dtype)


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, rule: Rule) -> torch.Tensor:
        of_hidden, of_weight = ctx.needs_input_grad[:2]
        hidden_grad = torch.empty_like(hidden) if of_hidden else None
        weight_grad = torch.zeros_like(weight, dtype=torch.float32) if of_weight else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for where in chunks(hidden.shape[0], weight):
            logits = (hidden[where] @ weight.T).float()
            losses, grad = rule(logits, where, gradient=of_hidden or of_weight)
            total += losses.sum()
            if grad is None:
                continue
            grad = grad.to(weight.dtype)
            if hidden_grad is not None:
                torch.mm(grad, weight, out=hidden_grad[where])
            if weight_grad is not None:
                if weight.dtype == torch.float32:
                    weight_grad.addmm_(grad.T, hidden[where])
                else:
                    weight_grad += grad.T @ hidden[where]
        ctx.save_for_backward(hidden_grad, weight_grad)
        ctx.dtype = weight.dtype
        return total

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return (
            None if hidden_grad is None else hidden_grad * upstream[0],
            None if weight_grad is None else weight_grad.mul_(upstream[0]).to(ctx.dtype),
            None,
        )


class _LogProbabilities(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        found = torch.empty(hidden.shape[0], dtype=torch.float32, device=hidden.device)
        for where in chunks(hidden.shape[0], weight):
            logits = (hidden[where] @ weight.T).float()
            picked = logits.gather(1, targets[where, None]).squeeze(1)
            found[where] = picked - logits.logsumexp(dim=1)
        ctx.save_for_backward(hidden, weight, targets)
        return found

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        hidden, weight, targets = ctx.saved_tensors
        of_hidden, of_weight = ctx.needs_input_grad[:2]
        hidden_grad = torch.empty_like(hidden) if of_hidden else None
        weight_grad = torch.zeros_like(weight, dtype=torch.float32) if of_weight else None
        for where in chunks(hidden.shape[0], weight):
            grad = (hidden[where] @ weight.T).float().softmax(dim=1).neg_()
            grad[torch.arange(grad.shape[0], device=grad.device), targets[where]] += 1
            grad = (grad * upstream[0][where, None]).to(weight.dtype)
            if hidden_grad is not None:
                torch.mm(grad, weight, out=hidden_grad[where])
            if weight_grad is not None:
                weight_grad += grad.T @ hidden[where]
        return hidden_grad, None if weight_grad is None else weight_grad.to(weight.dtype), None
