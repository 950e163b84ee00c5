"""The motion transformer: what came before, and what is asked -> the next chunk of motion.

Tokens hold four frames each. History, text and style are encoded once and attend only to each
other; the chunk starts as noise and attends to them and to itself, once: one pass is a take, other
noise another. What makes takes as sharp and as varied as motion is how it is taught: see
``ml.motion.objective``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.episodes.features import N_FEATURES, N_POSE

ROOT = slice(N_POSE, N_FEATURES)
"""Where the root's step is among the features."""
ASKED = 3
"""What is asked per frame: velocity forward, left (m/s), heading (rad), seen from the first's."""
SPEED_UNIT = 3.0
"""m/s that count as 1 in what the network reads."""
FIRST_HEARD = 0.3
"""How much of their size the readers of noise begin with, in a network that did without."""
SPREAD, CHOICE = 0.7, 0.3
"""Sizes of the noise that takes are made of, of what differs from frame to frame and of what all
frames have in common. At 1 takes are further apart than what happens is; held-out ones score much
alike from 0.5 to 0.9. What frames have in common chooses between ways to do it, and with less of
it takes are nearer to their sentence (docs/training.md)."""


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """Shape of the network; the defaults are the one that is shipped."""

    width: int = 384
    layers: int = 6
    heads: int = 8
    text: int = 384  # E, numbers of a text embedding
    history: int = 20  # frames before the chunk
    chunk: int = 40  # frames at a time
    patch: int = 4  # frames a token
    dropout: float = 0.1  # in the position head; the blocks see more than they can learn by heart

    def __post_init__(self) -> None:
        if self.history % self.patch or self.chunk % self.patch:
            frames = f"history, chunk: {self.history}, {self.chunk}"
            raise ValueError(f"{frames}; expected multiples of {self.patch}")
        if self.width % self.heads:
            raise ValueError(f"width: {self.width}; expected a multiple of {self.heads} heads")


class Block(nn.Module):
    """Attention and a feed-forward part, normalised before each."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm_attention, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gelu = nn.GELU(approximate="tanh")

    def forward(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """x (B, T, D) after attending to itself and ``memory``, and its own keys and values.

        Keys and values are one tensor (B, T, 2 D), the keys first.
        """
        width = x.shape[2]
        query, own = self.qkv(self.norm_attention(x)).split([width, 2 * width], dim=2)
        known = own if memory is None else torch.cat([memory, own], dim=1)
        key, value = known.chunk(2, dim=2)
        x = x + self.out(attend(query, key, value, self.heads))
        return x + self.down(self.gelu(self.up(self.norm_forward(x)))), own


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """What queries (B, T, D) see of values (B, S, D) by their keys.

    In an exported model it is one operator of onnxruntime's: taken apart, a sixth of the time goes
    into moving heads to and fro. To learn from, it is spelt out: with as few tokens as here,
    torch's own takes seven times as long on a CPU.
    """
    if torch.onnx.is_in_onnx_export():
        return torch.onnx.ops.symbolic(
            "com.microsoft::MultiHeadAttention",
            (query, key, value),
            {"num_heads": heads},
            dtype=query.dtype,
            shape=query.shape,
            version=1,
        )
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (query, key, value))
    seen = torch.softmax(q @ k.transpose(2, 3) * q.shape[3] ** -0.5, dim=3) @ v
    return seen.transpose(1, 2).flatten(2)


class PositionHead(nn.Module):
    """How the root goes on, a step per frame, from a token and the velocity that is asked."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        width, self.patch = config.width, config.patch
        self.hidden = nn.Linear(width + 2 * config.patch, width // 2)
        self.gelu, self.dropout = nn.GELU(approximate="tanh"), nn.Dropout(config.dropout)
        self.step = nn.Linear(width // 2, 2 * config.patch)

    def forward(self, tokens: Tensor, velocity: Tensor) -> Tensor:
        """tokens (B, N, D), velocity (B, C, 2) in each frame's own heading -> (B, C, 2)."""
        near = torch.cat([tokens, velocity.unflatten(1, (-1, self.patch)).flatten(2)], dim=2)
        steps = self.step(self.dropout(self.gelu(self.hidden(near))))  # (B, N, 2 P)
        return steps.unflatten(2, (self.patch, 2)).flatten(1, 2)


class MotionTransformer(nn.Module):
    """Noise -> one of the chunks that may follow; features are normalised throughout."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        self.config = config
        width, patch = config.width, config.patch
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("std", torch.ones(N_FEATURES))
        self.read_history = nn.Linear(patch * N_FEATURES, width)
        self.read_words = nn.Linear(config.text, width)
        self.read_noise = nn.Linear(patch * N_FEATURES, width, bias=False)
        self.read_choice = nn.Linear(N_FEATURES, width, bias=False)
        self.read_asked = nn.Linear(patch * 6 + 1, width)
        self.read_lead = nn.Linear(patch * N_FEATURES, width)
        self.place_before = nn.Parameter(0.5 * torch.randn(config.history // patch + 2, width))
        self.place_chunk = nn.Parameter(0.5 * torch.randn(config.chunk // patch, width))
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.carry = nn.Linear(2 * N_FEATURES, config.chunk * N_POSE)
        with torch.no_grad():  # begin with the last pose, fading to the mean: blocks add the rest
            weight = self.carry.weight.zero_().unflatten(0, (config.chunk, -1))
            fade = torch.exp(-torch.arange(1, config.chunk + 1) * (5.0 / config.chunk))
            weight[:, :, -N_FEATURES:-2] = fade[:, None, None] * torch.eye(N_POSE)
            self.carry.bias.zero_()
        self.norm = nn.LayerNorm(width)
        self.pose = nn.Linear(width, patch * N_POSE)
        self.position = PositionHead(config)
        self.contact = nn.Linear(width, patch * 2)

    def remember(
        self, history: Tensor, text: Tensor, style: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """What the chunk goes on from: its last frames as a token, where a line through them leads
        (B, C, 20), and keys and values per layer.

        history (B, H, F) normalised. text (B, E): the sentence, zeros for none. style (B, E): the
        style's word times its intensity, zeros for none.
        """
        patches = history.unflatten(1, (-1, self.config.patch)).flatten(2)
        frames, lead = self.read_history(patches), self.read_lead(patches[:, -1:])
        words = self.read_words(torch.stack([text, style], dim=1))
        x = torch.cat([frames, words], dim=1) + self.place_before
        memory = []
        for block in self.blocks:
            x, own = block(x, None)
            memory.append(own)
        carried = self.carry(history[:, -2:].flatten(1)).unflatten(1, (self.config.chunk, -1))
        return lead, carried, memory

    def imagine(
        self,
        noise: Tensor,
        asked: Tensor,
        given: Tensor,
        before: tuple[Tensor, Tensor, list[Tensor]],
    ) -> tuple[Tensor, Tensor]:
        """A chunk (B, C, F) and contact logits (B, C, 2) of the left and the right foot.

        noise (B, C, F): standard normal. asked (B, C, 3): see ASKED. given (B, 1): 1 where anything
        is asked, 0 where the motion goes where it likes.
        """
        patch = self.config.patch
        cos, sin = torch.cos(asked[..., 2]), torch.sin(asked[..., 2])
        x, y = asked[..., 0] / SPEED_UNIT, asked[..., 1] / SPEED_UNIT
        own = torch.stack([x * cos + y * sin, y * cos - x * sin], dim=2) * given[:, :, None]
        wish = torch.stack([x, y, cos - 1.0, sin], dim=2) * given[:, :, None]
        frames = torch.cat([wish, own], dim=2).unflatten(1, (-1, patch)).flatten(2)
        flag = given[:, None].expand(-1, frames.shape[1], -1)
        lead, carried, memory = before
        x = self.read_asked(torch.cat([frames, flag], dim=2)) + self.place_chunk + lead
        x = x + self.read_noise(noise.unflatten(1, (-1, patch)).flatten(2))
        # What all of the noise has in common tells every token of one choice: which dance, which
        # foot. Each would have to gather it from the others.
        x = x + self.read_choice(noise.mean(dim=1) * self.config.chunk**0.5)[:, None]
        for block, past in zip(self.blocks, memory, strict=True):
            x, _ = block(x, past)
        x = self.norm(x)
        pose = carried + self.pose(x).unflatten(2, (patch, -1)).flatten(1, 2)
        contact = self.contact(x).unflatten(2, (patch, 2)).flatten(1, 2)
        return torch.cat([pose, self.position(x, own)], dim=2), contact

    def forward(self, noise, asked, given, history, text, style) -> tuple[Tensor, Tensor]:
        """``imagine`` after ``remember``: takes (K, B, C, F) and their contacts (K, B, C, 2).

        noise (K, B, C, F): K takes of each of B chunks, whose past is encoded once.
        """
        takes = len(noise)

        def each(x: Tensor) -> Tensor:
            return x.repeat(takes, *[1] * (x.ndim - 1))

        lead, carried, memory = self.remember(history, text, style)
        before = each(lead), each(carried), [each(past) for past in memory]
        made, contact = self.imagine(noise.flatten(0, 1), each(asked), each(given), before)
        return made.unflatten(0, (takes, -1)), contact.unflatten(0, (takes, -1))

    def make_deaf(self) -> None:
        """Let no noise in: one take of everything, for what is taught by the mean square."""
        for reader in (self.read_noise, self.read_choice):
            reader.weight.data.zero_()
            reader.weight.requires_grad_(False)

    def let_hear(self) -> None:
        """Let noise in, softly, where weights are of a network that was deaf."""
        for reader in (self.read_noise, self.read_choice):
            if not reader.weight.any():
                reader.reset_parameters()
                reader.weight.data.mul_(FIRST_HEARD)


class Sampler(nn.Module):
    """Noise -> motion in metres: what is exported and played."""

    def __init__(self, model: MotionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, history, text, style, asked, given, noise) -> tuple[Tensor, Tensor]:
        """Chunk (B, C, 22) in metres and its contacts (B, C, 2), 0 to 1; noise is (B, C, 22)."""
        model = self.model
        before = model.remember((history - model.mean) / model.std, text, style)
        choice = noise.mean(dim=1, keepdim=True)
        noise = SPREAD * (noise - choice) + CHOICE * choice
        made, contact = model.imagine(noise, asked, given, before)
        return made * model.std + model.mean, torch.sigmoid(contact)


def n_parameters(model: nn.Module) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in model.parameters())
