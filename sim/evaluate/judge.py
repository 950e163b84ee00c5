"""The judge: a small model of motion and text in one space, learned from the training split.

It tells which text a motion shows and how far two sets of motion are apart. It measures generated
motion and makes none.

The measures are those of text-to-motion (Guo et al., CVPR 2022): Fréchet distance between
features, R-precision among 32 captions, matching distance, diversity.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from entities.atomic_write import check_target, write_whole
from entities.errors import UserError
from ml.episodes.features import N_FEATURES
from ml.motion.corpus import Corpus, single_clause_starts
from ml.motion.weights import read_tensors

SIZE = 64
"""Numbers of a feature."""
CANDIDATES = 32
"""Captions among which a motion's own must be found."""
BATCH, RATE, TEMPERATURE = 128, 1e-3, 0.1
SEED = 0
DIVERSITY_PAIRS = 300


class Judge(nn.Module):
    """Encodes motion (B, T, 22) and sentences (B, E) into one space (B, 64)."""

    def __init__(self, text: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(N_FEATURES))
        self.register_buffer("std", torch.ones(N_FEATURES))
        self.read = nn.Sequential(
            nn.Conv1d(N_FEATURES, 96, 5, stride=2, padding=2),
            nn.GELU(),
            nn.Conv1d(96, 128, 5, stride=2, padding=2),
            nn.GELU(),
        )
        self.over_time = nn.GRU(128, 128, batch_first=True, bidirectional=True)
        self.motion = nn.Linear(256, SIZE)
        self.words = nn.Sequential(nn.Linear(text, 128), nn.GELU(), nn.Linear(128, SIZE))

    def encode_motion(self, state: Tensor) -> Tensor:
        """Features (B, 64) of motion in metres."""
        x = self.read(((state - self.mean) / self.std).transpose(1, 2)).transpose(1, 2)
        return F.normalize(self.motion(self.over_time(x)[0].mean(dim=1)), dim=1)

    def encode_text(self, text: Tensor) -> Tensor:
        """Features (B, 64) of sentences."""
        return F.normalize(self.words(text), dim=1)


def learn(corpus: Corpus, length: int, steps: int) -> Judge:
    """Train a judge on windows of ``length`` frames that have one clause throughout."""
    torch.manual_seed(SEED)
    judge = Judge(corpus.vectors.shape[1])
    mean, std = corpus.statistics()
    judge.mean.copy_(torch.from_numpy(mean))
    judge.std.copy_(torch.from_numpy(std))
    optimiser = torch.optim.AdamW(judge.parameters(), RATE, weight_decay=0.01)
    at = single_clause_starts(corpus, length)
    rng = np.random.default_rng(SEED)
    frames = np.arange(length)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * 0.5 * (1.0 + np.cos(np.pi * step / steps))
        some = rng.choice(at, BATCH)
        clause = corpus.clause[some]
        seen = judge.encode_motion(torch.from_numpy(corpus.state[some[:, None] + frames]))
        heard = judge.encode_text(torch.from_numpy(corpus.vectors[clause]))
        same = torch.from_numpy((clause[:, None] == clause).astype(np.float32))
        target = same / same.sum(dim=1, keepdim=True)  # a batch may hold a clause twice
        score = seen @ heard.T / TEMPERATURE
        loss = F.cross_entropy(score, target) + F.cross_entropy(score.T, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return judge.eval()


def opened(path: Path, corpus: Corpus, length: int, steps: int) -> Judge:
    """The judge kept in a file, learned first if it is not there.

    Raises UserError for a file that is no judge, OSError if it cannot be written.
    """
    if not path.exists():
        check_target(path)
        judge = learn(corpus, length, steps)
        write_whole(path, save(judge.state_dict()))
    judge = Judge(corpus.vectors.shape[1])
    tensors, _ = read_tensors(path)
    wanted = {name: tensor.shape for name, tensor in judge.state_dict().items()}
    if {name: tensor.shape for name, tensor in tensors.items()} != wanted:
        raise UserError(f"{path}: not a judge of these texts; expected another file")
    if not all(torch.isfinite(tensor).all() for tensor in tensors.values()):
        raise UserError(f"{path}: has numbers that are not finite")
    judge.load_state_dict(tensors)
    return judge.eval()


@torch.no_grad()
def features(judge: Judge, state: np.ndarray) -> np.ndarray:
    """(N, 64) of motion (N, T, 22)."""
    parts = [
        judge.encode_motion(torch.from_numpy(part.astype(np.float32)))
        for part in np.array_split(state, max(len(state) // 256, 1))
    ]
    return torch.cat(parts).double().numpy()


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """Fréchet distance of two sets of features (N, D), (M, D) taken as normal distributions."""
    apart = one.mean(axis=0) - other.mean(axis=0)
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    # tr sqrt(A B) = tr sqrt(sqrt(A) B sqrt(A)), and the latter is symmetric.
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    middle = np.linalg.eigvalsh(root @ second @ root)
    mixed = np.sqrt(np.maximum(middle, 0.0)).sum()
    return float(apart @ apart + np.trace(first) + np.trace(second) - 2.0 * mixed)


@torch.no_grad()
def r_precision(
    judge: Judge, seen: np.ndarray, clause: np.ndarray, vectors: np.ndarray
) -> tuple[np.ndarray, float]:
    """Share (3,) of motions whose own text is the nearest, among the 2 or the 3 nearest of 32,
    and the mean distance to it.

    seen: (N, 64). clause: (N,) row in vectors. The other 31 are different texts, drawn by SEED.
    Raises ValueError with fewer than 32 texts.
    """
    rng = np.random.default_rng(SEED)
    texts = np.unique(clause)
    if len(texts) < CANDIDATES:
        raise ValueError(f"{len(texts)} different captions; expected at least {CANDIDATES}")
    heard = judge.encode_text(torch.from_numpy(vectors[texts])).double().numpy()
    place = np.searchsorted(texts, clause)
    hits, distance = np.zeros(3), 0.0
    for feature, own in zip(seen, place, strict=True):
        others = rng.choice(len(texts) - 1, CANDIDATES - 1, replace=False)
        others += others >= own
        near = np.linalg.norm(heard[np.append(own, others)] - feature, axis=1)
        rank = int((near[1:] < near[0]).sum())
        hits += rank < np.arange(1, 4)
        distance += near[0]
    return hits / len(seen), distance / len(seen)


def diversity(seen: np.ndarray) -> float:
    """Mean distance between features of motions drawn in pairs."""
    rng = np.random.default_rng(SEED)
    one, other = rng.integers(len(seen), size=(2, DIVERSITY_PAIRS))
    return float(np.linalg.norm(seen[one] - seen[other], axis=1).mean())
