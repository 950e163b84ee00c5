"""Verbs nobody knows: the nearest one by meaning, if it is near enough.

A verb's phrases are compared as the encoder sees them, less what all of them share: their mean and
the direction they differ in most, which tells long phrases from short ones and not what is done
(all-but-the-top, https://arxiv.org/abs/1702.01417). How near an action is counts the nearest of its
phrases and the middle of them all, each by half: rare words share spelling with a stranger by
chance, a whole action seldom does.
"""

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS
from ml.text.encoders import DEFAULT, TextEncoder, default_cache, open_encoder
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import Verb, third_person, verbs

LEAST_SIMILARITY = 0.36
"""Below this a verb is not understood. Of paraphrases taken rightly 94 % lie above it, of invented
verbs 6 % (docs/embeddings.md); measured with the default encoder."""


def guess(
    clauses: list[Clause], embedder: str | TextEncoder = DEFAULT
) -> tuple[list[Clause], list[str]]:
    """The clauses with their unknown verbs replaced, and what was taken for what.

    A verb that is near nothing stays unknown. Raises EncoderError if the encoder cannot be had.
    """
    done, notes = [], []
    for clause in clauses:
        if clause.strange is not None:
            verb, phrase, similarity = lexicon_space(embedder).nearest(" ".join(clause.words))
            if similarity >= LEAST_SIMILARITY:
                near = f"(similarity {similarity:.2f})"
                notes.append(f"took '{clause.strange}' as '{phrase}' {near}")
                clause = replace(clause, verb=verb, form="s", strange=None)
        done.append(clause)
    return done, notes


@dataclass(frozen=True, slots=True, eq=False)
class LexiconSpace:
    """Every phrase of verbs.json in an encoder's space."""

    encoder: TextEncoder
    phrases: list[tuple[Verb, str]]
    vectors: np.ndarray  # (P, E)
    action: np.ndarray  # (P,) index in ACTIONS, ascending
    middle: np.ndarray  # (A, E), mean direction of an action's phrases; 0 where there is none
    shared: np.ndarray  # (2, E): the phrases' mean, and the direction they differ in most

    def similarities(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """How near texts are to each action (N, A) and to each phrase (N, P), at most 1."""
        asked = _apart(self.encoder.encode(texts, query=True), self.shared)
        # Not by matrix product: for one text the threads of its library cost more than the sums.
        near = np.einsum("ne,pe->np", asked, self.vectors)
        best = np.full((len(texts), len(ACTIONS)), -1.0)
        known, first = np.unique(self.action, return_index=True)
        best[:, known] = np.maximum.reduceat(near, first, axis=1)
        return 0.5 * (best + np.einsum("ne,ae->na", asked, self.middle)), near

    def nearest(self, text: str) -> tuple[Verb, str, float]:
        """The verb nearest in meaning, its phrase, and how near its action is."""
        actions, phrases = self.similarities([text])
        index = int(actions[0].argmax())
        row = int(np.where(self.action == index, phrases[0], -2.0).argmax())
        return *self.phrases[row], float(actions[0, index])


@cache
def lexicon_space(embedder: str | TextEncoder = DEFAULT) -> LexiconSpace:
    """The verbs as the encoder of that name sees them; the bundled one's vectors are bundled too.

    Raises EncoderError if the encoder cannot be had.
    """
    if isinstance(embedder, str):
        embedder = open_encoder(embedder, cache=None if embedder == DEFAULT else default_cache())
    phrases = [(verb, phrase) for verb in verbs().verbs for phrase in verb.words]
    phrases.sort(key=lambda pair: ACTION_INDEX[pair[0].action])
    texts = [spoken(phrase) for _, phrase in phrases]
    known, shared = bundled_vectors() if embedder.name == DEFAULT else ({}, None)
    missing = [text for text in texts if text not in known]
    known |= dict(zip(missing, embedder.encode(missing), strict=True))
    raw = np.stack([known[text] for text in texts])
    shared = common_part(raw) if shared is None else shared
    vectors = _apart(raw, shared)
    action = np.array([ACTION_INDEX[verb.action] for verb, _ in phrases])
    middle = np.zeros((len(ACTIONS), vectors.shape[1]), np.float32)
    for index in range(len(ACTIONS)):
        if (action == index).any():
            mean = vectors[action == index].mean(axis=0)
            middle[index] = mean / np.linalg.norm(mean)
    return LexiconSpace(embedder, phrases, vectors, action, middle, shared)


def common_part(vectors: np.ndarray) -> np.ndarray:
    """(2, E): the mean of vectors (N, E), and the direction in which they differ most."""
    mean = vectors.mean(axis=0)
    return np.stack([mean, np.linalg.eigh(np.cov((vectors - mean).T))[1][:, -1]])


def _apart(vectors: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Unit vectors (N, E) without what all phrases share."""
    mean, axis = shared
    away = vectors - mean
    away = away - np.outer(away @ axis, axis)
    return away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)


def spoken(phrase: str) -> str:
    """A lexicon phrase as a sentence has it: ``take a seat`` gives ``takes a seat``."""
    first, _, rest = phrase.partition(" ")
    return f"{third_person(first)} {rest}".strip()


VECTORS = Path(str(resources.files("assets"))) / "models" / "verb_vectors.npz"
"""What ``python -m tools.embeddings bundle`` keeps; phrases it lacks are encoded when needed."""


def bundled_vectors() -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The default encoder's vectors of the lexicon's phrases, as far as they are kept, and what
    they share (2, E)."""
    if not VECTORS.is_file():
        return {}, None
    with np.load(VECTORS, allow_pickle=False) as file:
        vectors = file["vectors"].astype(np.float32)
        return dict(zip(file["texts"].tolist(), vectors, strict=True)), file["shared"]
