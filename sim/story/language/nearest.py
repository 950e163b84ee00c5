"""Unknown verbs: the known verb nearest in meaning, if it is near enough.

Phrases are compared as vectors of a text encoder, without what all phrases share: their mean, and
the direction they differ in most, which separates long phrases from short ones rather than
meanings (all-but-the-top, https://arxiv.org/abs/1702.01417). The similarity to an action is half
that to its nearest phrase and half that to the mean of its phrases: a single rare phrase may share
spelling with an unknown word by chance, all phrases of an action seldom do.
"""

import io
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS
from ml.text.encoders import DEFAULT, TextEncoder, default_cache, open_encoder
from ml.text.shipped import MODELS, read_shipped
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import Verb, spoken, verbs

LEAST_SIMILARITY = 0.36
"""Below this similarity a verb is not understood. Of paraphrases taken rightly 94 % lie above it,
of invented verbs 6 % (docs/embeddings.md); measured with the default encoder."""


def guess(clauses: list[Clause], embedder: str | None) -> tuple[list[Clause], list[str]]:
    """The clauses with their unknown verbs replaced, and a note for each replacement.

    embedder: name of the text encoder, the default one if None. A verb that is near none stays
    unknown. Raises EncoderError if the encoder cannot be loaded.
    """
    space = lexicon_space(embedder or DEFAULT)
    done, notes = [], []
    for clause in clauses:
        if clause.unknown_verb is not None:
            verb, phrase, similarity = space.nearest(" ".join(clause.words))
            if similarity >= LEAST_SIMILARITY:
                near = f"(similarity {similarity:.2f})"
                notes.append(f"took '{clause.unknown_verb}' as '{phrase}' {near}")
                clause = replace(clause, verb=verb, form="s", unknown_verb=None)
        done.append(clause)
    return done, notes


@dataclass(frozen=True, slots=True, eq=False)
class LexiconSpace:
    """The vectors of every phrase of verbs.json: P phrases, A actions, E dimensions."""

    encoder: TextEncoder
    phrases: list[tuple[Verb, str]]
    vectors: np.ndarray  # (P, E)
    action: np.ndarray  # (P,) index in ACTIONS, ascending
    middle: np.ndarray  # (A, E), mean direction of an action's phrases; 0 where there is none
    shared: np.ndarray  # (2, E): the phrases' mean, and the direction they differ in most

    def similarities(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Similarities of texts to each action (N, A) and to each phrase (N, P), at most 1."""
        asked = _apart(self.encoder.encode(texts, query=True), self.shared)
        # einsum, not a matrix product: for one text starting BLAS threads costs more than the sums.
        near = np.einsum("ne,pe->np", asked, self.vectors)
        best = np.full((len(texts), len(ACTIONS)), -1.0)
        known, first = np.unique(self.action, return_index=True)
        best[:, known] = np.maximum.reduceat(near, first, axis=1)
        return 0.5 * (best + np.einsum("ne,ae->na", asked, self.middle)), near

    def nearest(self, text: str) -> tuple[Verb, str, float]:
        """The verb nearest in meaning, its phrase, and the similarity of its action."""
        actions, phrases = self.similarities([text])
        index = int(actions[0].argmax())
        row = int(np.where(self.action == index, phrases[0], -2.0).argmax())
        return *self.phrases[row], float(actions[0, index])


@cache
def lexicon_space(embedder: str | TextEncoder = DEFAULT) -> LexiconSpace:
    """The vectors of the verbs by the encoder of that name; those of the default one are bundled.

    Raises EncoderError if the encoder cannot be loaded.
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
    """(2, E): the mean of vectors (N, E), and the unit direction in which they differ most."""
    mean = vectors.mean(axis=0)
    return np.stack([mean, np.linalg.eigh(np.cov((vectors - mean).T))[1][:, -1]])


def _apart(vectors: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Vectors (N, E) without their shared part (2, E), scaled to length 1."""
    mean, axis = shared
    away = vectors - mean
    away = away - np.outer(away @ axis, axis)
    return away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)


VECTORS = MODELS / "verb_vectors.npz"
"""Written by ``python -m tools.embeddings bundle``; phrases it lacks are encoded when needed."""


def bundled_vectors() -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The default encoder's bundled vectors by phrase, and their shared part (2, E).

    Without the file: no vectors and None. Raises UserError if it is damaged.
    """
    if not VECTORS.is_file():
        return {}, None
    with np.load(io.BytesIO(read_shipped(VECTORS.name)), allow_pickle=False) as file:
        vectors = file["vectors"].astype(np.float32)
        return dict(zip(file["texts"].tolist(), vectors, strict=True)), file["shared"]
