"""What a motion model is taught: windows as tensors, what is done to them, and the loss."""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from entities.skeleton import L_FOOT, R_FOOT
from ml.corpus import Windows
from ml.model import ROOT, MotionTransformer

REACH_M = 0.10
"""A root this far from where it belongs weighs as much as features one deviation off."""
FAST_M = 0.02
"""A foot that slides this far in a frame while it stands does too."""

# What each part of the loss weighs beside the features themselves; chosen on a small corpus.
W_ROOT, W_TRAVEL, W_SPEED, W_BEND, W_SLIDE, W_CONTACT = 1.0, 0.5, 1.0, 2.0, 0.1, 0.1


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How often something is kept from the model, and how its history is spoilt."""

    no_text: float = 0.1  # shares that are asked nothing
    no_style: float = 0.1
    no_velocity: float = 0.1
    noise: float = 0.05  # most noise on the history, in deviations
    own_history: float = 0.25  # share whose history the model makes itself


@dataclass(slots=True, eq=False)
class Batch:
    """Windows as tensors; see ml.corpus.Windows. Features are normalised."""

    earlier: Tensor  # (B, H, F) the frames before the history
    history: Tensor  # (B, H, F)
    chunk: Tensor  # (B, C, F)
    asked: Tensor  # (B, C, 3)
    asked_earlier: Tensor  # (B, C, 3) of the chunk that starts with the history
    given: Tensor  # (B, 1)
    text: Tensor  # (B, E)
    style: Tensor  # (B, E)
    contact: Tensor  # (B, C, 2)
    valid: Tensor  # (B, C)
    rooted: Tensor  # (B, 1)


def as_batch(windows: Windows, model: MotionTransformer, device: torch.device) -> Batch:
    """To the device, normalised, with what is asked seen from where each chunk starts."""
    h, c = model.config.history, model.config.chunk

    def send(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    state = (send(windows.state) - model.mean) / model.std
    velocity, offset = send(windows.velocity), send(windows.offset)

    def asked(start: int) -> Tensor:
        turn = offset[:, start : start + 1]
        cos, sin = torch.cos(turn), torch.sin(turn)
        x, y = velocity[:, start : start + c].unbind(2)
        own = offset[:, start : start + c] - turn
        return torch.stack([x * cos + y * sin, y * cos - x * sin, own], dim=2)

    rooted = send(windows.rooted)
    return Batch(
        earlier=state[:, :h],
        history=state[:, h : 2 * h],
        chunk=state[:, 2 * h :],
        asked=asked(2 * h),
        asked_earlier=asked(h),
        given=rooted.clone(),
        text=send(windows.text),
        style=send(windows.style),
        contact=send(windows.contact),
        valid=send(windows.valid),
        rooted=rooted,
    )


def objective(
    model: MotionTransformer, batch: Batch, noise: Tensor, moment: Tensor, network=None
) -> dict[str, Tensor]:
    """The parts of the loss, and ``loss`` itself. noise (B, C, F), moment (B,) in [0, 1).

    network: what is called for the model, where it is wrapped for several devices.
    """
    along = moment[:, None, None]
    noised = (1.0 - along) * noise + along * batch.chunk
    clean, contact = (network or model)(
        noised, moment, batch.asked, batch.given, batch.history, batch.text, batch.style
    )
    clean, contact = clean.float(), contact.float()
    valid = batch.valid[..., None]
    moves = valid * batch.rooted[..., None]
    error = clean - batch.chunk
    first = batch.history[:, -1:]
    change = torch.diff(torch.cat([torch.zeros_like(first), error], dim=1), dim=1)[:, 1:]
    jump = (clean[:, 0] - first[:, 0]) - (batch.chunk[:, 0] - first[:, 0])
    step = error[..., ROOT] * model.std[ROOT]
    travel = travelled(step, batch.asked[..., 2])
    ahead = clean * model.std + model.mean
    feet = ahead[..., [2 * L_FOOT, 2 * R_FOOT]]
    slide = feet[:, 1:] - feet[:, :-1] + ahead[:, :-1, ROOT][..., :1]
    stands = batch.contact[:, 1:] * batch.contact[:, :-1] * moves[:, 1:]
    parts = {
        "pose": mean_of(error[..., : ROOT.start] ** 2, valid),
        "root": mean_of(error[..., ROOT] ** 2, moves),
        "travel": mean_of(
            F.smooth_l1_loss(travel / REACH_M, 0.0 * travel, reduction="none"), moves
        ),
        "speed": mean_of(change[..., : ROOT.start] ** 2, valid[:, 1:])
        + mean_of(jump[:, None, : ROOT.start] ** 2, valid[:, :1]) / clean.shape[1],
        "bend": mean_of(torch.diff(change, dim=1)[..., : ROOT.start] ** 2, valid[:, 2:]),
        "slide": mean_of(F.smooth_l1_loss(slide / FAST_M, 0.0 * slide, reduction="none"), stands),
        "contact": mean_of(
            F.binary_cross_entropy_with_logits(contact, batch.contact, reduction="none"), valid
        ),
    }
    weights = {"pose": 1.0, "root": W_ROOT, "travel": W_TRAVEL, "speed": W_SPEED}
    weights |= {"bend": W_BEND, "slide": W_SLIDE, "contact": W_CONTACT}
    return {"loss": sum(weights[name] * part for name, part in parts.items()), **parts}


def travelled(step: Tensor, heading: Tensor) -> Tensor:
    """Where steps (B, C, 2) lead, (B, C, 2), each turned by its frame's ``heading`` (B, C)."""
    cos, sin = torch.cos(heading), torch.sin(heading)
    x, y = step.unbind(2)
    return torch.stack([x * cos - y * sin, x * sin + y * cos], dim=2).cumsum(dim=1)


def mean_of(value: Tensor, weight: Tensor) -> Tensor:
    """Mean of ``value`` weighed by ``weight``, which may have axes of length 1 for its."""
    weight = weight.expand_as(value)
    return (value * weight).sum() / weight.sum().clamp(min=1.0)


def disturb(
    model: MotionTransformer, batch: Batch, config: Disturbance, draw: torch.Generator
) -> Batch:
    """The batch with conditions left out and histories as a rollout will have them.

    Part of them are the model's own: made from the frames before, so that it learns to come back
    from where its mistakes lead. The others are noised.
    """
    n, device = len(batch.chunk), batch.chunk.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=draw).to(device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw).to(device)

    size = config.noise * uniform(n, 1, 1)
    history = batch.history + size * normal(*batch.history.shape)
    history = history + 2.0 * size * normal(n, 1, history.shape[2])
    text = batch.text * (uniform(n, 1) >= config.no_text)
    style = batch.style * (uniform(n, 1) >= config.no_style)
    given = batch.given * (uniform(n, 1) >= config.no_velocity)
    own = round(config.own_history * n)
    if own:
        noise = normal(own, *batch.chunk.shape[1:])
        with torch.no_grad():
            made, _ = model(
                noise,
                torch.zeros(own, device=device),
                batch.asked_earlier[:own],
                batch.given[:own],
                batch.earlier[:own],
                batch.text[:own],
                batch.style[:own],
            )
        made = made[:, : history.shape[1]].float()
        history = torch.cat([made, history[own:]])
    return replace(batch, history=history, text=text, style=style, given=given)
