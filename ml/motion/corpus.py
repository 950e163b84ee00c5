"""The training corpus: episodes as one run of frames in memory, augmented and cut into windows.

28 hours are 3 million frames of 22 numbers, 270 MB: nothing is read from disk while training.
"""

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
from ml.capture.clip_episode import evaluation_use
from ml.episodes.committed import Damaged
from ml.episodes.features import N_FEATURES, N_POSE
from ml.episodes.reader import EMPTY, SOURCES, Source, TrainingUse, open_dataset
from ml.measure.metrics import MOTION_FPS, body_to_world
from ml.text.encoders import default_cache, open_encoder

NEAR_CHANGE_FRAMES = 8
"""A chunk that starts at most this long after a change of clause shows how motion changes."""
MIN_STD_M = 0.002
"""Smallest standard deviation: a feature that hardly changes is not magnified more."""
SMOOTHING_S = (0.0, 0.1, 0.25)
"""s; the target velocity in training is the actual one, smoothed by one of these: a user's target
does not waver within a stride."""
RATES = (1.0, 0.85, 1.15)
"""Speeds at which captured motion is learned from, as there is little of it."""
MIRRORED_JOINTS = (PELVIS, NECK, R_ELBOW, R_HAND, L_ELBOW, L_HAND, R_KNEE, R_FOOT, L_KNEE, L_FOOT)
"""For each joint, the one that takes its place in a mirrored pose."""
PEOPLE = ("a person", "someone", "a man", "a woman", "the character", "somebody")
"""Words for the actor of a captured clip; each augmented copy uses the next."""


@dataclass(slots=True, eq=False)
class Corpus:
    """N frames at 30 Hz, episode after episode, canonical and with human proportions."""

    state: np.ndarray  # (N, 22) float32, see ml.episodes.features
    heading: np.ndarray  # (N,) float32 rad, continuous within an episode
    contact: np.ndarray  # (N, 2) bool, left and right foot
    action: np.ndarray  # (N,) index in ACTIONS
    clause: np.ndarray  # (N,) row in texts: the clause in force
    caption: np.ndarray  # (N,) row in texts: the caption of the whole episode
    style: np.ndarray  # (N,) row in texts: the style's word, row 0 without a style
    intensity: np.ndarray  # (N,) float32, 0 to 1
    root_valid: np.ndarray  # (N,) bool, whether the root's motion is to be learned
    first: np.ndarray  # (N,) first frame of the frame's episode
    end: np.ndarray  # (N,) one past its last frame
    texts: list[str]  # the first is empty
    vectors: np.ndarray  # (len(texts), E) float32, zeros for the first

    def __len__(self) -> int:
        return len(self.state)

    @property
    def hours(self) -> float:
        """Duration of all frames."""
        return len(self) / MOTION_FPS / 3600.0

    def statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (22,) of the features, the latter at least MIN_STD_M.

        Those of the root are over frames whose root is to be learned.
        """
        mean = self.state.mean(axis=0, dtype=np.float64)
        std = self.state.std(axis=0, dtype=np.float64)
        for column in range(N_POSE, N_FEATURES):
            mean[column] = self.state[self.root_valid, column].mean(dtype=np.float64)
            std[column] = self.state[self.root_valid, column].std(dtype=np.float64)
        return mean.astype(np.float32), np.maximum(std, MIN_STD_M).astype(np.float32)

    def chunk_starts(self, chunk: int) -> tuple[np.ndarray, np.ndarray]:
        """Frames at which a chunk can start, and those of them just after a change of clause."""
        at = np.arange(len(self))
        fits = at[at + chunk <= self.end]
        before = np.maximum(fits - NEAR_CHANGE_FRAMES, self.first[fits])
        changed = self.clause[before] != self.clause[fits]
        changed |= fits - self.first[fits] < NEAR_CHANGE_FRAMES
        return fits, fits[changed]

    def sampling_cdf(self, at: np.ndarray) -> np.ndarray:
        """Cumulative probability (A,) of drawing each of the frames ``at``, ending at 1.

        An action is drawn in proportion to the square root of its number of frames: four gaits make
        up more than half of them, and a dance would hardly be drawn.
        """
        action = self.action[at]
        weight = 1.0 / np.sqrt(np.maximum(np.bincount(action), 1))
        total = np.cumsum(weight[action])
        return total / total[-1:]

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Concatenate corpora and merge their texts. Raises ValueError if there are none."""
        if not parts:
            raise ValueError("corpus: no episodes to learn from; expected at least one dataset")
        texts = list(dict.fromkeys(["", *(text for part in parts for text in part.texts)]))
        row = {text: k for k, text in enumerate(texts)}
        vectors = np.zeros((len(texts), parts[0].vectors.shape[1]), np.float32)
        columns: dict[str, list[np.ndarray]] = {}
        offset = 0
        for part in parts:
            new_row = np.array([row[text] for text in part.texts], np.int32)
            vectors[new_row] = part.vectors
            for name in ("state", "heading", "contact", "action", "intensity", "root_valid"):
                columns.setdefault(name, []).append(getattr(part, name))
            for name in ("clause", "caption", "style"):
                columns.setdefault(name, []).append(new_row[getattr(part, name)])
            for name in ("first", "end"):
                columns.setdefault(name, []).append(getattr(part, name) + offset)
            offset += len(part)
        whole = {name: np.concatenate(column) for name, column in columns.items()}
        return cls(**whole, texts=texts, vectors=vectors)


@dataclass(slots=True, eq=False)
class Windows:
    """B windows of L frames before a chunk and its C frames, in metres, not normalised."""

    state: np.ndarray  # (B, L + C, 22) float32
    offset: np.ndarray  # (B, L + C) rad, heading relative to that of the chunk's first frame
    velocity: np.ndarray  # (B, L + C, 2) m/s, the target, relative to the same heading
    contact: np.ndarray  # (B, C, 2) float32
    text: np.ndarray  # (B, E) float32, the clause in force at the chunk's start, or the caption
    style: np.ndarray  # (B, E) float32
    valid: np.ndarray  # (B, C) float32, 0 from where another clause is in force on
    root_valid: np.ndarray  # (B, 1) float32

    @property
    def asked(self) -> np.ndarray:
        """(B, L + C, 3) the target velocity and heading, as in ``MotionModel.plan``."""
        return np.concatenate([self.velocity, self.offset[:, :, None]], axis=2)


def read_corpus(
    path: str | Path, split: str, *, to_measure: bool = False, damage: list[str] | None = None
) -> Corpus:
    """The corpus of a dataset's split (see ``EpisodeDataset.splits``).

    Raises ValueError if there is no dataset, nothing of the split in it, or it is damaged. damage:
    gets a line for each file that is, and the rest is taken.

    Quadrupeds and episodes that must not be learned from are left out; other bodies are retargeted
    to human proportions. Captured episodes of the split "train" are augmented. Texts are encoded by
    the default encoder. to_measure: take captured people only and, as nothing is learned from them,
    also those of uncertain origin.
    """
    dataset = open_dataset(path)
    if not len(dataset):
        raise ValueError(f"{path}: {EMPTY}")
    row_of = {index: row for row, index in enumerate(dataset.indices)}
    actor_types = [ActorType(name) for name in dataset.column("actor_type")]
    uses = [TrainingUse(name) for name in dataset.column("teaches")]
    styles = {  # of each scene's actors: word and intensity
        number: [(a.style or "", a.style_intensity) for a in record.scene.actors]
        for number, record in dataset.numbered_scenes(damage)
    }
    scene, actor = dataset.column("scene_index"), dataset.column("actor_index")
    fields = ["state", "heading", "contact", "action_id", "subtask_index", "task_index", "source"]
    rows = dataset.rows(fields, split, damage)
    texts: dict[str, int] = {"": 0}
    parts: dict[str, list[np.ndarray]] = {}
    n_frames = 0
    for k, index in enumerate(rows.episode.tolist()):
        row = row_of[index]
        if scene[row] not in styles:
            continue  # its scene is damaged, which has been said
        own = slice(int(rows.first[k]), int(rows.first[k + 1]))
        captured = rows.columns["source"][own.start] == SOURCES.index(Source.CAPTURED)
        if to_measure:
            use = TrainingUse.NOTHING
            if captured:
                try:
                    use = evaluation_use(dataset.about(index))
                except ValueError as error:
                    line = str(error) if isinstance(error, Damaged) else f"{path}: {error}"
                    if damage is None:
                        raise ValueError(line) from None
                    damage.append(line)
                    continue
        else:
            use = uses[row]
        if actor_types[row] in QUADRUPEDS or use is TrainingUse.NOTHING:
            continue
        of_scene = styles[scene[row]]
        style, intensity = of_scene[actor[row]] if actor[row] < len(of_scene) else ("", 0.0)
        subtask = rows.columns["subtask_index"][own]
        numbers, local = np.unique(subtask, return_inverse=True)
        clauses = [dataset.subtasks[number] for number in numbers.tolist()]
        caption = dataset.tasks[int(rows.columns["task_index"][own.start])]
        track = Track(
            on_human_bones(rows.columns["state"][own], actor_types[row]),
            rows.columns["heading"][own],
            rows.columns["contact"][own],
            rows.columns["action_id"][own],
            local,
            [*clauses, caption],
        )
        for one in augmented(track) if captured and split == "train" else [track]:
            n = len(one.state)
            place = np.array([texts.setdefault(text, len(texts)) for text in one.texts], np.int32)
            episode = {
                "state": one.state,
                "heading": one.heading,
                "contact": one.contact,
                "action": one.action,
                "clause": place[one.clause],
                "caption": np.full(n, place[-1]),
                "style": np.full(n, texts.setdefault(style, len(texts)), np.int32),
                "intensity": np.full(n, intensity if style else 0.0, np.float32),
                "root_valid": np.full(n, use is TrainingUse.ALL),
                "first": np.full(n, n_frames, np.int64),
                "end": np.full(n, n_frames + n, np.int64),
            }
            n_frames += n
            for name, column in episode.items():
                parts.setdefault(name, []).append(column)
    if not parts:
        if damage:
            raise ValueError(damage[0])
        raise ValueError(f"{path}: no episode of split {split!r} to learn from")
    vectors = open_encoder(cache=default_cache()).encode(list(texts))
    vectors[0] = 0.0
    whole = {name: np.concatenate(column) for name, column in parts.items()}
    return Corpus(**whole, texts=list(texts), vectors=vectors)


def single_clause_starts(corpus: Corpus, length: int) -> np.ndarray:
    """Frames where ``length`` frames begin with one clause in force and a root to be learned."""
    fits, _ = corpus.chunk_starts(length)
    changes = np.flatnonzero(np.diff(corpus.clause, prepend=-1) != 0)
    next_change = np.append(changes, len(corpus))[np.searchsorted(changes, fits, side="right")]
    return fits[(next_change >= fits + length) & corpus.root_valid[fits]]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """An episode of T frames, before it becomes part of a corpus."""

    state: np.ndarray  # (T, 22) float32
    heading: np.ndarray  # (T,) rad
    contact: np.ndarray  # (T, 2) bool
    action: np.ndarray  # (T,)
    clause: np.ndarray  # (T,) index in texts
    texts: list[str]  # the clauses, and the caption last


def augmented(track: Track) -> list[Track]:
    """A captured episode at each of RATES, as it is and mirrored, each with another of PEOPLE."""
    copies = []
    for rate in RATES:
        for flip in (False, True):
            person = PEOPLE[len(copies) % len(PEOPLE)]
            texts = [re.sub(r"\ba person\b", person, text) for text in track.texts]
            copy = time_scaled(replace(track, texts=texts), rate)
            copies.append(mirrored(copy) if flip else copy)
    return copies


def time_scaled(track: Track, rate: float) -> Track:
    """The same motion ``rate`` times as fast, over the same path."""
    if rate == 1.0:
        return track
    last = len(track.state) - 1
    at = rate * np.arange(int(last / rate) + 1)
    low = np.minimum(at.astype(np.int64), last - 1)
    fraction = (at - low).astype(np.float32)[:, None]
    state = track.state[low] * (1.0 - fraction) + track.state[low + 1] * fraction
    state[:, -2:] *= rate
    heading = np.interp(at, np.arange(len(track.heading)), track.heading).astype(np.float32)
    nearest = np.rint(at).astype(np.int64)
    columns = track.contact, track.action, track.clause
    contact, action, clause = (column[nearest] for column in columns)
    return Track(state, heading, contact, action, clause, track.texts)


def mirrored(track: Track) -> Track:
    """The same episode with left and right exchanged, in motion and texts."""
    pose = track.state[:, :N_POSE].reshape(-1, N_JOINTS, 2)[:, MIRRORED_JOINTS]
    step = track.state[:, -2:] * np.array([1.0, -1.0], np.float32)
    state = np.concatenate([pose.reshape(len(step), -1), step], axis=1)
    other = {"left": "right", "right": "left"}
    texts = [
        re.sub(r"\b(left|right)\b", lambda match: other[match[0]], text) for text in track.texts
    ]
    contact = track.contact[:, ::-1]
    return Track(state, -track.heading, contact, track.action, track.clause, texts)


def on_human_bones(state: np.ndarray, actor_type: ActorType) -> np.ndarray:
    """State (T, 22) of a two-legged body with human bones, scaled by the length of the legs."""
    if actor_type is ActorType.HUMAN:
        return state.astype(np.float32)
    human, own = np.array(BONE_LENGTHS[ActorType.HUMAN]), np.array(BONE_LENGTHS[actor_type])
    ratio = (own[THIGH] + own[SHANK]) / (human[THIGH] + human[SHANK])
    pose = state[:, :N_POSE].reshape(-1, N_JOINTS, 2)
    made = np.zeros_like(pose)
    made[:, PELVIS] = pose[:, PELVIS] / ratio
    for joint in range(1, N_JOINTS):
        parent, bone = PARENTS[joint], BONE_OF_JOINT[joint]
        direction = (pose[:, joint] - pose[:, parent]) / own[bone]
        made[:, joint] = made[:, parent] + human[bone] * direction
    return np.concatenate([made.reshape(len(state), -1), state[:, -2:] / ratio], axis=1).astype(
        np.float32
    )


def cut_windows(
    corpus: Corpus,
    at: np.ndarray,
    before: int,
    chunk: int,
    rng: np.random.Generator,
    caption_share: float = 0.0,
    smoothing_s: tuple[float, ...] = SMOOTHING_S,
) -> Windows:
    """The windows whose chunks of ``chunk`` frames start at frames ``at`` (B,).

    before: L, frames before the chunk; before an episode's first frame, that frame is repeated.
    caption_share: of windows whose text is the caption. smoothing_s: of the target velocity, one
    is drawn for each window. rng: of both.
    """
    first = corpus.first[at][:, None]
    rows = np.maximum(at[:, None] + np.arange(-before, chunk), first)  # (B, L + C)
    state = corpus.state[rows]
    heading = corpus.heading[rows]
    offset = heading - heading[:, before : before + 1]
    pick = rng.integers(len(smoothing_s), size=len(at))
    # Smoothed relative to each frame's own heading, so that turns stay as fast as they were.
    own = np.empty((*offset.shape, 2), np.float32)
    for k, sigma_s in enumerate(smoothing_s):
        own[pick == k] = _smoothed(MOTION_FPS * state[pick == k, :, -2:], sigma_s * MOTION_FPS)
    velocity = body_to_world(own, offset)
    clause = corpus.clause[rows[:, before:]]
    by_caption = rng.random(len(at)) < caption_share
    text = np.where(by_caption, corpus.caption[at], clause[:, 0])
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
        root_valid=corpus.root_valid[at].astype(np.float32)[:, None],
    )


def _smoothed(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean of (B, T, K) along time, sigma in frames; at the ends over existing frames."""
    if sigma <= 0.0 or len(values) == 0:
        return values
    t = np.arange(values.shape[1])
    weight = np.exp(-0.5 * ((t[:, None] - t) / sigma) ** 2)
    weight /= weight.sum(axis=1, keepdims=True)
    return np.einsum("ts,bsk->btk", weight.astype(values.dtype), values)
