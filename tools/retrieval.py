"""A motion model that makes nothing: of all that was learned from, it plays what fits best."""

from pathlib import Path

import numpy as np

from ml.corpus import Corpus, cut
from ml.runtime import MotionModel
from tools.judge import whole_windows

EVERY = 4
"""Frames of the history, and of what is asked, that are compared."""
W_TEXT, W_ASKED = 8.0, 2.0
"""What sentences and what is asked (m/s) weigh beside features in deviations."""


class Retrieval(MotionModel):
    """Plays the window, of ``n`` drawn from a corpus, nearest in history, sentence and wish.

    like: the model whose lengths and encoder it takes, so that it can be put in its place.
    """

    def __init__(self, corpus: Corpus, like: MotionModel, n: int = 20_000, seed: int = 0) -> None:
        self.path, self.about, self.hash = Path("retrieval"), like.about, "retrieval"
        self.history, self.chunk, self.text = like.history, like.chunk, like.text
        self.encoder, self.actions = like.encoder, like.actions
        rng = np.random.default_rng(seed)
        at = whole_windows(corpus, self.chunk)
        at = at[at - corpus.first[at] >= self.history]
        at = rng.choice(at, min(n, len(at)), replace=False)
        known = cut(corpus, at, self.history, self.chunk, rng)
        self._state, self._contact = known.state[:, self.history :], known.contact
        self._std = corpus.statistics()[1]
        asked = np.concatenate([known.velocity, known.offset[:, :, None]], axis=2)
        self._keys = self._key(known.state[:, : self.history], known.text, asked[:, self.history :])
        self._square = (self._keys * self._keys).sum(axis=1)

    def _key(self, history: np.ndarray, text: np.ndarray, asked: np.ndarray) -> np.ndarray:
        frames = history[:, ::-EVERY] / self._std
        parts = (frames, W_ASKED * asked[:, ::EVERY], W_TEXT * text)
        flat = [part.reshape(len(history), -1) for part in parts]
        return np.concatenate(flat, axis=1).astype(np.float32)

    def plan(
        self,
        history: np.ndarray,
        text: np.ndarray,
        style: np.ndarray,
        asked: np.ndarray,
        given: np.ndarray,
        noise: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """As MotionModel: chunks (B, C, 22) that somebody has moved, and their contacts."""
        keys = self._key(history, text, asked * given[:, :, None])
        best = (self._square - 2.0 * (keys @ self._keys.T)).argmin(axis=1)
        return self._state[best], self._contact[best]
