"""What a motion model is taught: windows as tensors, what is done to them, and the loss.

The loss is an energy score (Gneiting & Raftery, "Strictly proper scoring rules", JASA 2007): takes
are drawn towards what happened and apart from each other, half as strongly. It is least where takes
are spread as what may happen is, so one pass of the network draws a sample, sharp as motion is,
where the mean square would teach the mean. As a loss for networks that are fed noise: Shen &
Meinshausen, "Engression", JRSS B 2025; for diffusion of few steps: De Bortoli and others,
"Distributional diffusion models with scoring rules", ICML 2025.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from entities.skeleton import L_FOOT, R_FOOT
from ml.motion.corpus import Windows
from ml.motion.model import ROOT, MotionTransformer

REACH_M = 0.10
"""A root this far from where it belongs weighs as much as features one deviation off."""
FAST_M = 0.02
"""A foot that slides this far in a frame while it stands does too."""
TINY = 1e-6
"""Added under roots: a thousandth of a deviation."""

# What each part of the loss weighs; chosen so that none is drowned by another.
WEIGHTS = {
    "pose": 1.0, "root": 1.0, "travel": 0.5, "speed": 2.0, "bend": 2.0, "slide": 0.1, "contact": 0.2
}  # fmt: skip

WEIGHTS_OF_MEAN = WEIGHTS | {"travel": 0.03}
"""For one take, taught by a square: its pull shrinks with what is off, but a root that nobody told
where to go stays far off, and at 0.5 pulled the blocks ten times as hard as all poses did."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How often something is kept from the model, and how its history is spoilt."""

    no_text: float = 0.1  # shares that are asked nothing
    no_style: float = 0.1
    no_velocity: float = 0.1
    noise: float = 0.05  # most noise on the history, in deviations
    own_history: float = 0.4  # share whose history the model makes itself


@dataclass(slots=True, eq=False)
class Batch:
    """Windows as tensors; see ml.motion.corpus.Windows. Features are normalised."""

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

    @property
    def conditions(self) -> tuple[Tensor, ...]:
        """What a model is given beside noise, in its order."""
        return self.asked, self.given, self.history, self.text, self.style


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
    model: MotionTransformer, batch: Batch, noise: Tensor, network=None
) -> dict[str, Tensor]:
    """``losses`` of the takes that are made of noise (K, B, C, F).

    network: what is called for the model, where it is wrapped for several devices.
    """
    return losses(model, batch, *(network or model)(noise, *batch.conditions))


def losses(
    model: MotionTransformer, batch: Batch, made: Tensor, contact: Tensor
) -> dict[str, Tensor]:
    """The parts of the loss, and ``loss`` itself, of takes (K, B, C, F) and the logits of their
    contacts (K, B, C, 2). One take alone is taught by its mean square, to be the mean.
    """
    made, contact = made.float(), torch.sigmoid(contact.float())
    valid, moves = batch.valid, batch.valid * batch.rooted

    def seen(of: Tensor) -> dict[str, Tensor]:
        """What a chunk (…, C, F) is judged by; what came before it is the same for all."""
        pose = F.pad(of[..., : ROOT.start], (0, 0, 2, 0))
        speed = torch.diff(pose, dim=-2)
        step = of[..., ROOT] * model.std[ROOT] + model.mean[ROOT]
        return {
            "pose": pose[..., 2:, :],
            "root": of[..., ROOT],
            "travel": travelled(step, batch.asked[..., 2]) / REACH_M,
            "speed": speed[..., 1:, :],
            "bend": torch.diff(speed, dim=-2),
        }

    ahead = made * model.std + model.mean
    feet = ahead[..., [2 * L_FOOT, 2 * R_FOOT]]
    slide = (feet[..., 1:, :] - feet[..., :-1, :] + ahead[..., :-1, ROOT][..., :1]) / FAST_M
    stands = (contact[..., 1:, :] * contact[..., :-1, :]).detach() * moves[:, 1:, None]
    ours, true = seen(made), seen(batch.chunk)
    counts = {"root": moves, "travel": moves}
    parts = {name: score(ours[name], true[name], counts.get(name, valid)) for name in ours}
    parts |= {
        "slide": mean_of(F.smooth_l1_loss(slide, 0.0 * slide, reduction="none"), stands),
        "contact": score(contact, batch.contact, valid),
    }
    weights = WEIGHTS if len(made) > 1 else WEIGHTS_OF_MEAN
    return {"loss": sum(weights[name] * part for name, part in parts.items()), **parts}


def score(made: Tensor, true: Tensor, weight: Tensor) -> Tensor:
    """Energy score of takes (K, B, C, D) of what was (B, C, D); frames count by weight (B, C).

    The mean of two: of whole chunks, whose frames have to belong together, and of frames one by
    one, without which the first, which are all but certain, would hardly count.
    """
    if len(made) == 1:  # beyond one deviation no more than its size: far roots drown poses else
        return 2.0 * mean_of(F.smooth_l1_loss(made[0], true, reduction="none"), weight[..., None])
    others = (made - made.roll(1, dims=0))[: None if len(made) > 2 else 1]
    found = 0.0
    for apart, share in ((made - true, 1.0), (others, -0.5)):
        square = (apart**2).mean(dim=3)  # (K, B, C)
        frames = weight.sum(dim=1)
        whole = ((square * weight).sum(dim=2) / frames.clamp(min=1.0) + TINY).sqrt()
        each = (square + TINY).sqrt()
        counted = mean_of(whole, frames) + mean_of(each, weight)
        found = found + 0.5 * share * counted
    return found


def travelled(step: Tensor, heading: Tensor) -> Tensor:
    """Where steps (…, B, C, 2) lead, each turned by its frame's ``heading`` (B, C)."""
    cos, sin = torch.cos(heading), torch.sin(heading)
    x, y = step.unbind(-1)
    return torch.stack([x * cos - y * sin, x * sin + y * cos], dim=-1).cumsum(dim=-2)


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
        with torch.no_grad():
            made, _ = model(
                normal(1, own, *batch.chunk.shape[1:]),
                batch.asked_earlier[:own],
                batch.given[:own],
                batch.earlier[:own],
                batch.text[:own],
                batch.style[:own],
            )
        history = torch.cat([made[0, :, : history.shape[1]].float(), history[own:]])
    return replace(batch, history=history, text=text, style=style, given=given)
