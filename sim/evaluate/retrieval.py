"""A motion model that makes nothing: of all that was learned from, it plays what fits best."""

from pathlib import Path

import numpy as np

from ml.motion.corpus import Corpus, cut, whole_windows
from ml.motion.runtime import MotionModel
from sim.evaluate.rollouts import Like

EVERY = 4
"""Frames of the history, and of what is asked, that are compared."""
W_TEXT, W_ASKED = 8.0, 2.0
"""What sentences and what is asked (m/s) weigh beside features in deviations."""


class Retrieval(Like):
    """Plays the window, of ``n`` drawn from a corpus, nearest in history, sentence and wish.

    like: the model whose lengths and encoder it takes, so that it can be put in its place.
    """

    def __init__(self, corpus: Corpus, like: MotionModel, n: int = 20_000, seed: int = 0) -> None:
        super().__init__(like)
        self.path, self.hash = Path("retrieval"), "retrieval"
        rng = np.random.default_rng(seed)
        at = whole_windows(corpus, self.chunk)
        at = at[at - corpus.first[at] >= self.history]
        at = rng.choice(at, min(n, len(at)), replace=False)
        known = cut(corpus, at, self.history, self.chunk, rng)
        history, self._state = np.split(known.state, [self.history], axis=1)
        self._contact, self._std = known.contact, corpus.statistics()[1]
        self._keys = self._key(history, known.text, known.asked[:, self.history :])
        self._square = (self._keys * self._keys).sum(axis=1)

    def _key(self, history: np.ndarray, text: np.ndarray, asked: np.ndarray) -> np.ndarray:
        frames = history[:, ::-EVERY] / self._std
        parts = (frames, W_ASKED * asked[:, ::EVERY], W_TEXT * text)
        flat = [part.reshape(len(history), -1) for part in parts]
        return np.concatenate(flat, axis=1).astype(np.float32)

    def plan(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As MotionModel: chunks (B, C, 22) that somebody has moved, and their contacts."""
        history, text, _, asked, given, _ = inputs
        keys = self._key(history, text, asked * given[:, :, None])
        best = (self._square - 2.0 * (keys @ self._keys.T)).argmin(axis=1)
        return self._state[best], self._contact[best]
