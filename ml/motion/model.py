"""The motion transformer: history, text and target velocity -> the next chunk of motion.

Tokens hold four frames each. History, text and style are encoded once and attend only to each
other; the chunk starts as noise and attends to them and to itself. One pass generates a sample,
called a take; other noise gives another. The loss makes takes as sharp and varied as real motion:
see ``ml.motion.objective``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.episodes.features import N_FEATURES, N_POSE

ROOT = slice(N_POSE, N_FEATURES)
"""The root's step among the features."""
ASKED = 3
"""Numbers of a frame's target: velocity forward and left (m/s) and heading (rad), relative to the
heading of the chunk's first frame."""
SPEED_UNIT = 3.0
"""m/s that are 1 in the network's input."""
NOISE_INIT_SCALE = 0.3
"""Scale of the initial weights that read noise, in a network that was trained without it."""
FRAME_NOISE, SHARED_NOISE = 0.7, 0.3
"""Standard deviations of the noise at run time: of the part that differs from frame to frame and of
the part all frames share. At 1 takes vary more than real motion does; held-out scores are similar
from 0.5 to 0.9. The shared part chooses between ways to do an action, and with less of it takes fit
their sentence better (docs/training.md)."""
MAX_SIZES = {
    "width": 8192,
    "layers": 128,
    "heads": 128,
    "text": 8192,
    "history": 8192,
    "chunk": 8192,
    "patch": 64,
}
"""Largest sizes that a config may have: a file cannot ask for a network without end."""


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """Shape of the network; the defaults are those of the model that is shipped.

    Its fields are part of checkpoints and ONNX files.
    """

    width: int = 384
    layers: int = 6
    heads: int = 8
    text: int = 384  # E, length of a text's vector
    history: int = 20  # frames before the chunk
    chunk: int = 40  # frames generated at a time
    patch: int = 4  # frames a token
    dropout: float = 0.1  # in the position head only: the blocks do not overfit

    def __post_init__(self) -> None:
        for name, most in MAX_SIZES.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"{name}: {str(value)[:40]}; expected 1 to {most}")
        if not isinstance(self.dropout, int | float) or not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout: {str(self.dropout)[:40]}; expected at least 0, less than 1")
        if self.history % self.patch or self.chunk % self.patch:
            frames = f"history, chunk: {self.history}, {self.chunk}"
            raise ValueError(f"{frames}; expected multiples of {self.patch}")
        if self.width % self.heads:
            raise ValueError(f"width: {self.width}; expected a multiple of {self.heads} heads")


class Block(nn.Module):
    """Attention and a feed-forward part, with a layer norm before each."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm_attention, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gelu = nn.GELU(approximate="tanh")

    def forward(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """x (B, T, D) after attending to itself and ``memory``, and the keys and values of x.

        Keys and values are one tensor (B, T, 2 D), keys first; ``memory`` is one of S tokens.
        """
        width = x.shape[2]
        query, own = self.qkv(self.norm_attention(x)).split([width, 2 * width], dim=2)
        known = own if memory is None else torch.cat([memory, own], dim=1)
        key, value = known.chunk(2, dim=2)
        x = x + self.out(attend(query, key, value, self.heads))
        return x + self.down(self.gelu(self.up(self.norm_forward(x)))), own


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Multi-head attention of queries (B, T, D) over keys and values (B, S, D).

    Exported, it is a single operator of onnxruntime: as separate ones, a sixth of the time goes
    into moving heads. In training it is written out: with as few tokens as here, torch's own
    operator takes seven times as long on a CPU.
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
    mixed = torch.softmax(q @ k.transpose(2, 3) * q.shape[3] ** -0.5, dim=3) @ v
    return mixed.transpose(1, 2).flatten(2)


class PositionHead(nn.Module):
    """The root's step in each frame, from the frame's token and the target velocity."""

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        width, self.patch = config.width, config.patch
        self.hidden = nn.Linear(width + 2 * config.patch, width // 2)
        self.gelu, self.dropout = nn.GELU(approximate="tanh"), nn.Dropout(config.dropout)
        self.step = nn.Linear(width // 2, 2 * config.patch)

    def forward(self, tokens: Tensor, velocity: Tensor) -> Tensor:
        """tokens (B, N, D), velocity (B, C, 2) in each frame's own heading -> steps (B, C, 2)."""
        inputs = torch.cat([tokens, velocity.unflatten(1, (-1, self.patch)).flatten(2)], dim=2)
        steps = self.step(self.dropout(self.gelu(self.hidden(inputs))))  # (B, N, 2 P)
        return steps.unflatten(2, (self.patch, 2)).flatten(1, 2)


class MotionTransformer(nn.Module):
    """Noise and conditions -> a take of the next chunk; all features are normalised."""

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
        with torch.no_grad():  # at first the last pose, fading to the mean; blocks add the rest
            weight = self.carry.weight.zero_().unflatten(0, (config.chunk, -1))
            fade = torch.exp(-torch.arange(1, config.chunk + 1) * (5.0 / config.chunk))
            weight[:, :, -N_FEATURES:-2] = fade[:, None, None] * torch.eye(N_POSE)
            self.carry.bias.zero_()
        self.norm = nn.LayerNorm(width)
        self.pose = nn.Linear(width, patch * N_POSE)
        self.position = PositionHead(config)
        self.contact = nn.Linear(width, patch * 2)

    def encode_context(
        self, history: Tensor, text: Tensor, style: Tensor
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Encode what a chunk depends on apart from its noise and target.

        history (B, H, F). text (B, E): the sentence, zeros for none. style (B, E): the style's word
        times its intensity, zeros for none. Gives the last frames as a token (B, 1, D), a linear
        prediction of the poses (B, C, 20), and each layer's keys and values.
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

    def generate(
        self,
        noise: Tensor,
        asked: Tensor,
        given: Tensor,
        context: tuple[Tensor, Tensor, list[Tensor]],
    ) -> tuple[Tensor, Tensor]:
        """A take of the chunk (B, C, F), and contact logits (B, C, 2) of the left and right foot.

        noise (B, C, F): standard normal. asked (B, C, 3): see ASKED. given (B, 1): 1 with a target,
        0 without. context: of ``encode_context``.
        """
        patch = self.config.patch
        cos, sin = torch.cos(asked[..., 2]), torch.sin(asked[..., 2])
        x, y = asked[..., 0] / SPEED_UNIT, asked[..., 1] / SPEED_UNIT
        own = torch.stack([x * cos + y * sin, y * cos - x * sin], dim=2) * given[:, :, None]
        target = torch.stack([x, y, cos - 1.0, sin], dim=2) * given[:, :, None]
        frames = torch.cat([target, own], dim=2).unflatten(1, (-1, patch)).flatten(2)
        flag = given[:, None].expand(-1, frames.shape[1], -1)
        lead, carried, memory = context
        x = self.read_asked(torch.cat([frames, flag], dim=2)) + self.place_chunk + lead
        x = x + self.read_noise(noise.unflatten(1, (-1, patch)).flatten(2))
        # The noise's shared part makes one choice for all tokens, such as which dance or which
        # foot; otherwise each token would have to gather it from the others.
        x = x + self.read_choice(noise.mean(dim=1) * self.config.chunk**0.5)[:, None]
        for block, past in zip(self.blocks, memory, strict=True):
            x, _ = block(x, past)
        x = self.norm(x)
        pose = carried + self.pose(x).unflatten(2, (patch, -1)).flatten(1, 2)
        contact = self.contact(x).unflatten(2, (patch, 2)).flatten(1, 2)
        return torch.cat([pose, self.position(x, own)], dim=2), contact

    def forward(self, noise, asked, given, history, text, style) -> tuple[Tensor, Tensor]:
        """K takes (K, B, C, F) of each of B chunks, and their contact logits (K, B, C, 2).

        noise (K, B, C, F). The others as in ``encode_context`` and ``generate``; the context is
        encoded once for all takes.
        """
        takes = len(noise)

        def tile(x: Tensor) -> Tensor:
            return x.repeat(takes, *[1] * (x.ndim - 1))

        lead, carried, memory = self.encode_context(history, text, style)
        context = tile(lead), tile(carried), [tile(past) for past in memory]
        made, contact = self.generate(noise.flatten(0, 1), tile(asked), tile(given), context)
        return made.unflatten(0, (takes, -1)), contact.unflatten(0, (takes, -1))

    def disable_noise(self) -> None:
        """Ignore noise, for training one take by its square error."""
        for reader in (self.read_noise, self.read_choice):
            reader.weight.data.zero_()
            reader.weight.requires_grad_(False)

    def enable_noise(self) -> None:
        """Give small weights to the noise if they are those of a network that ignored it."""
        for reader in (self.read_noise, self.read_choice):
            if not reader.weight.any():
                reader.reset_parameters()
                reader.weight.data.mul_(NOISE_INIT_SCALE)


class Sampler(nn.Module):
    """The model that is exported: features in metres, contacts as probabilities."""

    def __init__(self, model: MotionTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, history, text, style, asked, given, noise) -> tuple[Tensor, Tensor]:
        """A take of the chunk (B, C, 22) and its contacts (B, C, 2): ``MotionModel.plan``."""
        model = self.model
        context = model.encode_context((history - model.mean) / model.std, text, style)
        shared = noise.mean(dim=1, keepdim=True)
        noise = FRAME_NOISE * (noise - shared) + SHARED_NOISE * shared
        made, contact = model.generate(noise, asked, given, context)
        return made * model.std + model.mean, torch.sigmoid(contact)


def n_parameters(model: nn.Module) -> int:
    """Number of learned parameters."""
    return sum(parameter.numel() for parameter in model.parameters())
