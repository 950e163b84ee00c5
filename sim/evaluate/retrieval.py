"""A baseline that makes nothing new: it plays the window of the training data that fits best."""

from pathlib import Path

import numpy as np

from entities.errors import UserError
from ml.measure.metrics import MOTION_FPS
from ml.motion.corpus import Corpus, cut_windows, single_clause_starts
from ml.motion.runtime import MotionModel
from sim.evaluate.rollouts import WrappedModel

EVERY = 4
"""Frames of the history, and of what is asked, that are compared."""
WINDOWS = 20_000
"""Drawn from the corpus."""
W_TEXT, W_ASKED = 8.0, 2.0
"""Weights of the text and of the asked velocity (m/s), beside features in deviations."""


class Retrieval(WrappedModel):
    """Plays the nearest of WINDOWS windows of a corpus: in history, text and asked velocity.

    like: the model whose lengths and encoder it takes, so that it can stand in for it.
    """

    def __init__(self, corpus: Corpus, like: MotionModel) -> None:
        super().__init__(like)
        self.path, self.hash = Path("retrieval"), "retrieval"
        rng = np.random.default_rng(0)
        at = single_clause_starts(corpus, self.chunk)
        at = at[at - corpus.first[at] >= self.history]
        if not len(at):
            seconds = (self.history + self.chunk) / MOTION_FPS
            raise UserError(f"retrieval: no episode of {seconds:.1f} s of one thing to play from")
        at = rng.choice(at, min(WINDOWS, len(at)), replace=False)
        known = cut_windows(corpus, at, self.history, self.chunk, rng)
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
        """As MotionModel: recorded chunks (B, C, 22) and their contacts."""
        history, text, _, asked, given, _ = inputs
        keys = self._key(history, text, asked * given[:, :, None])
        best = (self._square - 2.0 * (keys @ self._keys.T)).argmin(axis=1)
        return self._state[best], self._contact[best]
