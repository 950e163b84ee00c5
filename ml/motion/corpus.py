"""Episodes held in memory as one run of frames, and the windows a model learns from.

28 hours are 3 million frames of 22 numbers, 270 MB: nothing is read from disk while training.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from entities.skeleton import (
    BONE_LENGTHS,
    BONE_OF_JOINT,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    N_JOINTS,
    NECK,
    PARENTS,
    PELVIS,
    QUADRUPEDS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
    SHANK,
    THIGH,
    ActorType,
)
from ml.capture.clip_episode import measures
from ml.episodes.features import N_FEATURES, N_POSE
from ml.episodes.reader import SOURCES, Source, Teaches, open_dataset
from ml.measure.metrics import MOTION_FPS
from ml.text.encoders import TextEncoder, default_cache, open_encoder

NEAR_CHANGE_FRAMES = 8
"""A window whose clause came into force no longer ago than this shows how motion changes."""
LEAST_M = 0.002
"""A feature that hardly ever changes is not magnified beyond what can be seen."""
SMOOTHING_S = (0.0, 0.1, 0.25)
"""What is asked while learning is what was done, more or less smoothed: nobody who asks for a
speed knows how a stride makes it waver."""
RATES = (1.0, 0.85, 1.15)
"""How fast captured motion is played to learn from: there is little of it."""
OTHER_SIDE = (PELVIS, NECK, R_ELBOW, R_HAND, L_ELBOW, L_HAND, R_KNEE, R_FOOT, L_KNEE, L_FOOT)
"""Whose place each joint takes in a mirror."""
PEOPLE = ("a person", "someone", "a man", "a woman", "the character", "somebody")
"""Words for whoever is seen in a captured clip; each variant of it uses another."""


@dataclass(slots=True, eq=False)
class Corpus:
    """N frames at 30 Hz, episode after episode, canonical and of human proportions."""

    state: np.ndarray  # (N, 22) float32, see ml.episodes.features
    heading: np.ndarray  # (N,) float32 rad, continuous within an episode
    contact: np.ndarray  # (N, 2) bool, left and right foot
    action: np.ndarray  # (N,) index in ACTIONS
    clause: np.ndarray  # (N,) row in texts: the sentence in force
    caption: np.ndarray  # (N,) row in texts: the whole episode's sentence
    style: np.ndarray  # (N,) row in texts: the style's word; row 0 is no text at all
    intensity: np.ndarray  # (N,) float32, 0 to 1
    rooted: np.ndarray  # (N,) bool, False where the root's motion is not to be learned
    first: np.ndarray  # (N,) where the frame's episode begins
    end: np.ndarray  # (N,) and ends, one past its last frame
    texts: list[str]  # the first is empty
    vectors: np.ndarray  # (len(texts), E) float32, zeros for the first

    def __len__(self) -> int:
        return len(self.state)

    @property
    def hours(self) -> float:
        """How much motion there is."""
        return len(self) / MOTION_FPS / 3600.0

    def statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (22,) of the features, none below LEAST_M."""
        mean = self.state.mean(axis=0, dtype=np.float64)
        std = self.state.std(axis=0, dtype=np.float64)
        for column in range(N_POSE, N_FEATURES):
            mean[column] = self.state[self.rooted, column].mean(dtype=np.float64)
            std[column] = self.state[self.rooted, column].std(dtype=np.float64)
        return mean.astype(np.float32), np.maximum(std, LEAST_M).astype(np.float32)

    def starts(self, chunk: int) -> tuple[np.ndarray, np.ndarray]:
        """Frames a chunk can start at, and those of them where a clause has just begun."""
        at = np.arange(len(self))
        fits = at[at + chunk <= self.end]
        before = np.maximum(fits - NEAR_CHANGE_FRAMES, self.first[fits])
        changed = self.clause[before] != self.clause[fits]
        changed |= fits - self.first[fits] < NEAR_CHANGE_FRAMES
        return fits, fits[changed]

    def odds(self, at: np.ndarray) -> np.ndarray:
        """Cumulative odds (A,) of drawing each of the frames ``at``, ending at 1.

        An action counts by the root of its frames: four gaits make up more than half of all, and
        a dance would hardly be seen beside them.
        """
        action = self.action[at]
        rarity = 1.0 / np.sqrt(np.maximum(np.bincount(action), 1))
        total = np.cumsum(rarity[action])
        return total / total[-1:]

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """One corpus of several, their texts made one list. Raises ValueError for none."""
        if not parts:
            raise ValueError("corpus: no episodes to learn from; expected at least one dataset")
        texts = list(dict.fromkeys(["", *(text for part in parts for text in part.texts)]))
        row = {text: k for k, text in enumerate(texts)}
        vectors = np.zeros((len(texts), parts[0].vectors.shape[1]), np.float32)
        columns: dict[str, list[np.ndarray]] = {}
        offset = 0
        for part in parts:
            to = np.array([row[text] for text in part.texts], np.int32)
            vectors[to] = part.vectors
            for name in ("state", "heading", "contact", "action", "intensity", "rooted"):
                columns.setdefault(name, []).append(getattr(part, name))
            for name in ("clause", "caption", "style"):
                columns.setdefault(name, []).append(to[getattr(part, name)])
            for name in ("first", "end"):
                columns.setdefault(name, []).append(getattr(part, name) + offset)
            offset += len(part)
        whole = {name: np.concatenate(column) for name, column in columns.items()}
        return cls(**whole, texts=texts, vectors=vectors)


@dataclass(slots=True, eq=False)
class Windows:
    """B windows of L frames before a chunk and C in it. Lengths in metres, not normalised."""

    state: np.ndarray  # (B, L + C, 22) float32
    offset: np.ndarray  # (B, L + C) rad, heading from that of the chunk's first frame
    velocity: np.ndarray  # (B, L + C, 2) m/s that were asked for, in the frame at the chunk's start
    contact: np.ndarray  # (B, C, 2) float32
    text: np.ndarray  # (B, E) float32, the clause in force at the chunk's start, or the caption
    style: np.ndarray  # (B, E) float32
    valid: np.ndarray  # (B, C) float32, 0 from where another clause is in force
    rooted: np.ndarray  # (B, 1) float32

    @property
    def asked(self) -> np.ndarray:
        """(B, L + C, 3) what was asked for, as a model is asked: see ``MotionModel.plan``."""
        return np.concatenate([self.velocity, self.offset[:, :, None]], axis=2)


def read_corpus(
    path: str | Path,
    split: str,
    encoder: TextEncoder | None = None,
    *,
    to_measure: bool = False,
) -> Corpus:
    """What a dataset teaches of a split. Raises ValueError if there is no dataset.

    encoder: the default one by default. Animals on four legs are left out, and what must not
    teach; other bodies are brought to human proportions. to_measure: captured people alone, and as
    nothing will be learned from them, also those of uncertain origin.
    """
    dataset = open_dataset(path)
    kinds = [ActorType(kind) for kind in dataset.column("actor_type")]
    lessons = [Teaches(name) for name in dataset.column("teaches")]
    manners: list[tuple[str, float]] = []
    for record in dataset.scenes():
        manners.append([(a.style or "", a.style_intensity) for a in record.scene.actors])
    scene, actor = dataset.column("scene_index"), dataset.column("actor_index")
    fields = ["state", "heading", "contact", "action_id", "subtask_index", "task_index", "source"]
    rows = dataset.rows(fields, split)
    texts: dict[str, int] = {"": 0}
    parts: dict[str, list[np.ndarray]] = {}
    begins = 0
    abouts = dataset.column("about") if to_measure else []
    for k, index in enumerate(rows.episode.tolist()):
        own = slice(int(rows.first[k]), int(rows.first[k + 1]))
        captured = rows.columns["source"][own.start] == SOURCES.index(Source.CAPTURED)
        if to_measure:
            lesson = measures(json.loads(abouts[index])) if captured else Teaches.NOTHING
        else:
            lesson = lessons[index]
        if kinds[index] in QUADRUPEDS or lesson is Teaches.NOTHING:
            continue
        cast = manners[scene[index]]
        style, intensity = cast[actor[index]] if actor[index] < len(cast) else ("", 0.0)
        subtask = rows.columns["subtask_index"][own]
        numbers, place = np.unique(subtask, return_inverse=True)
        clauses = [dataset.subtasks[number] for number in numbers.tolist()]
        caption = dataset.tasks[int(rows.columns["task_index"][own.start])]
        shown = Shown(
            to_human(rows.columns["state"][own], kinds[index]),
            rows.columns["heading"][own],
            rows.columns["contact"][own],
            rows.columns["action_id"][own],
            place,
            [*clauses, caption],
        )
        for one in variants(shown) if captured and split == "train" else [shown]:
            n = len(one.state)
            said = np.array([texts.setdefault(text, len(texts)) for text in one.texts], np.int32)
            episode = {
                "state": one.state,
                "heading": one.heading,
                "contact": one.contact,
                "action": one.action,
                "clause": said[one.clause],
                "caption": np.full(n, said[-1]),
                "style": np.full(n, texts.setdefault(style, len(texts)), np.int32),
                "intensity": np.full(n, intensity if style else 0.0, np.float32),
                "rooted": np.full(n, lesson is Teaches.ALL),
                "first": np.full(n, begins, np.int64),
                "end": np.full(n, begins + n, np.int64),
            }
            begins += n
            for name, column in episode.items():
                parts.setdefault(name, []).append(column)
    if not parts:
        raise ValueError(f"{path}: no episode of split {split!r} to learn from")
    encoder = encoder or open_encoder(cache=default_cache())
    vectors = encoder.encode(list(texts))
    vectors[0] = 0.0
    whole = {name: np.concatenate(column) for name, column in parts.items()}
    return Corpus(**whole, texts=list(texts), vectors=vectors)


def whole_windows(corpus: Corpus, length: int) -> np.ndarray:
    """First frames of the windows in which one clause is in force, and the root teaches."""
    fits, _ = corpus.starts(length)
    begins = np.flatnonzero(np.diff(corpus.clause, prepend=-1) != 0)
    next_change = np.append(begins, len(corpus))[np.searchsorted(begins, fits, side="right")]
    return fits[(next_change >= fits + length) & corpus.rooted[fits]]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One episode of T frames as it is learned from."""

    state: np.ndarray  # (T, 22) float32
    heading: np.ndarray  # (T,) rad
    contact: np.ndarray  # (T, 2) bool
    action: np.ndarray  # (T,)
    clause: np.ndarray  # (T,) place in texts
    texts: list[str]  # the clauses, and the caption last


def variants(shown: Shown) -> list[Shown]:
    """A captured episode at each of RATES, as it is and in a mirror, told in other words."""
    made = []
    for rate in RATES:
        for flip in (False, True):
            who = PEOPLE[len(made) % len(PEOPLE)]
            texts = [re.sub(r"\ba person\b", who, text) for text in shown.texts]
            one = replace(shown, texts=texts)
            made.append(in_mirror(at_rate(one, rate)) if flip else at_rate(one, rate))
    return made


def at_rate(shown: Shown, rate: float) -> Shown:
    """The same motion ``rate`` times as fast: as far and as much turned, in other time."""
    if rate == 1.0:
        return shown
    last = len(shown.state) - 1
    at = rate * np.arange(int(last / rate) + 1)
    low = np.minimum(at.astype(np.int64), last - 1)
    part = (at - low).astype(np.float32)[:, None]
    state = shown.state[low] * (1.0 - part) + shown.state[low + 1] * part
    state[:, -2:] *= rate
    heading = np.interp(at, np.arange(len(shown.heading)), shown.heading).astype(np.float32)
    near = np.rint(at).astype(np.int64)
    contact, action, clause = (each[near] for each in (shown.contact, shown.action, shown.clause))
    return Shown(state, heading, contact, action, clause, shown.texts)


def in_mirror(shown: Shown) -> Shown:
    """Left for right, in what is done and what is said."""
    pose = shown.state[:, :N_POSE].reshape(-1, N_JOINTS, 2)[:, OTHER_SIDE]
    step = shown.state[:, -2:] * np.array([1.0, -1.0], np.float32)
    state = np.concatenate([pose.reshape(len(step), -1), step], axis=1)
    other = {"left": "right", "right": "left"}
    texts = [
        re.sub(r"\b(left|right)\b", lambda found: other[found[0]], text) for text in shown.texts
    ]
    contact = shown.contact[:, ::-1]
    return Shown(state, -shown.heading, contact, shown.action, shown.clause, texts)


def to_human(state: np.ndarray, kind: ActorType) -> np.ndarray:
    """State (T, 22) of another two-legged body on the human's bones, its legs' length as unit."""
    if kind is ActorType.HUMAN:
        return state.astype(np.float32)
    human, own = np.array(BONE_LENGTHS[ActorType.HUMAN]), np.array(BONE_LENGTHS[kind])
    size = (own[THIGH] + own[SHANK]) / (human[THIGH] + human[SHANK])
    pose = state[:, :N_POSE].reshape(-1, N_JOINTS, 2)
    made = np.zeros_like(pose)
    made[:, PELVIS] = pose[:, PELVIS] / size
    for joint in range(1, N_JOINTS):
        parent, bone = PARENTS[joint], BONE_OF_JOINT[joint]
        way = (pose[:, joint] - pose[:, parent]) / own[bone]
        made[:, joint] = made[:, parent] + human[bone] * way
    return np.concatenate([made.reshape(len(state), -1), state[:, -2:] / size], axis=1).astype(
        np.float32
    )


def cut(
    corpus: Corpus,
    at: np.ndarray,
    before: int,
    chunk: int,
    rng: np.random.Generator,
    caption_share: float = 0.0,
    smoothing_s: tuple[float, ...] = SMOOTHING_S,
) -> Windows:
    """The windows whose chunks start at frames ``at`` (B,).

    What lies before an episode's first frame repeats that frame. rng draws how much of what was
    done is smoothed away in what is asked, and who gets the caption for a text.
    """
    first = corpus.first[at][:, None]
    rows = np.maximum(at[:, None] + np.arange(-before, chunk), first)  # (B, L + C)
    state = corpus.state[rows]
    heading = corpus.heading[rows]
    offset = heading - heading[:, before : before + 1]
    cos, sin = np.cos(offset), np.sin(offset)
    pick = rng.integers(len(smoothing_s), size=len(at))
    own = np.empty((*offset.shape, 2), np.float32)  # in each frame's heading: turns stay as fast
    for k, sigma_s in enumerate(smoothing_s):
        own[pick == k] = smooth(MOTION_FPS * state[pick == k, :, -2:], sigma_s * MOTION_FPS)
    forward, left = own[..., 0], own[..., 1]
    velocity = np.stack([forward * cos - left * sin, forward * sin + left * cos], axis=2)
    clause = corpus.clause[rows[:, before:]]
    whole = rng.random(len(at)) < caption_share
    text = np.where(whole, corpus.caption[at], clause[:, 0])
    style = corpus.vectors[corpus.style[at]] * corpus.intensity[at][:, None]
    same = np.cumprod(clause == clause[:, :1], axis=1)
    return Windows(
        state=state,
        offset=offset.astype(np.float32),
        velocity=velocity.astype(np.float32),
        contact=corpus.contact[rows[:, before:]].astype(np.float32),
        text=corpus.vectors[text],
        style=style,
        valid=same.astype(np.float32),
        rooted=corpus.rooted[at].astype(np.float32)[:, None],
    )


def smooth(track: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean of (B, T, K) along time, ``sigma`` frames wide; ends weigh what there is."""
    if sigma <= 0.0 or len(track) == 0:
        return track
    t = np.arange(track.shape[1])
    weight = np.exp(-0.5 * ((t[:, None] - t) / sigma) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    return np.einsum("ts,bsk->btk", weight.astype(track.dtype), track)
