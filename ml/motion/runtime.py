"""Motion at run time: an exported model and the streams of motion it generates, without torch.

One call of the model serves all bodies that need a new chunk. A stream plays the frames of its
chunk until the next one is planned from the last frames shown. The offset of a new chunk from where
the old one was going fades within a few frames (Bollo, "Inertialization", GDC 2018).
"""

import hashlib
import logging
import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.errors import UserError
from entities.files import parse_json, read_bytes
from entities.skeleton import (
    JOINTS,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    NECK,
    PELVIS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
)
from entities.units import DT, TICKS_PER_MOTION_FRAME
from ml.capture.refit import with_human_bones
from ml.episodes.features import N_FEATURES, N_POSE
from ml.measure.metrics import MOTION_FPS
from ml.motion.onnx_file import read_properties
from ml.motion.trial import Claims, misshapen, open_session, reason, refusal
from ml.text.encoders import DEFAULT, MINILM_DIM
from ml.text.shipped import MODELS, is_shipped

log = logging.getLogger(__name__)

COMPATIBILITY = {
    "format_version": "1",
    "joints": ",".join(JOINTS),
    "tick_s": repr(DT),
    "ticks_per_frame": str(TICKS_PER_MOTION_FRAME),
}
"""Metadata that a model file must have to be used here; ``ml.motion.weights`` writes it."""
MAX_MODEL_BYTES = 256 << 20
"""The largest model file: that which is shipped has 12 MB, and those that may be have 30."""
CONFIG_RANGES = {"history": (2, 600), "chunk": (36, 600), "text": (MINILM_DIM, MINILM_DIM)}
"""Least and most of what the runtime reads of a model's config: frames, and numbers of a text. A
chunk has to last until the next one is there, which is up to 36 frames later."""
SANE_M = 100.0
"""Numbers of a chunk beyond this are no motion, whatever was asked."""
MAX_BATCH = 64
"""Bodies per call: more are not cheaper each, and take longer than a tick."""
SMALL_HALF_LIFE_S, LARGE_HALF_LIFE_S, LARGE_OFFSET_M = 0.035, 0.15, 0.3
"""Critically damped springs take up the offset of a new chunk: its half-life is about the first of
these if it is tiny, the second if it is LARGE_OFFSET_M or more."""
SMOOTHING_KERNEL = (-3 / 64, 12 / 64, 46 / 64, 12 / 64, -3 / 64)
"""See ``smooth_poses``."""


def default_model() -> Path:
    """The path of the model that comes with the package."""
    return MODELS / "motion.onnx"


class MotionModel:
    """An exported model that was checked to fit this program.

    actions: those it is to be used for; empty for all that models are used for.
    """

    def __init__(self, path: Path) -> None:
        """Raises ValueError, in one line, for a file that is missing, broken or incompatible.

        A file that did not come with the package is tried out, in a process of its own.
        """
        try:
            content = read_bytes(path, MAX_MODEL_BYTES)
        except OSError as error:
            raise ValueError(f"{path}: no motion model ({error.strerror})") from None
        try:
            self.about = read_properties(content)
        except ValueError as error:
            raise ValueError(f"{path}: not a model file ({error})") from None
        check_compatible(path, self.about)
        config = _read_config(path, self.about)
        self.path = path
        self.history, self.chunk, self.text = (config[name] for name in CONFIG_RANGES)
        self.encoder = self.about.get("encoder", "not given")
        if self.encoder != DEFAULT:
            raise ValueError(f"{path}: encoder is {self.encoder[:40]}; expected {DEFAULT}")
        names = self.about.get("actions")
        if names is None or set(names.split(",")) - {"", *ACTIONS}:
            given = "not given" if names is None else names[:200]
            raise ValueError(f"{path}: actions are {given}; expected names of actions or none")
        self.actions = frozenset(ActionType(name) for name in names.split(",") if name)
        self._claims = Claims(self.history, self.chunk, self.text, _standing())
        digest = hashlib.sha256(content).hexdigest()
        if not is_shipped(digest) and (why := refusal(content, self._claims)):
            raise ValueError(f"{path}: {why}")
        try:
            self._session = open_session(content)
        except Exception as error:  # onnxruntime's own classes share no other base
            raise ValueError(f"{path}: not a model file ({reason(error)})") from None
        self.hash = digest[:16]

    def plan(
        self,
        history: np.ndarray,
        text: np.ndarray,
        style: np.ndarray,
        asked: np.ndarray,
        given: np.ndarray,
        noise: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The next chunk (B, C, 22) and its contacts (B, C, 2) 0..1, canonical metres.

        history (B, H, 22). text, style (B, E). asked (B, C, 3): target velocity, m/s, and heading,
        rad, relative to the heading at the chunk's first frame. given (B, 1): 1 if ``asked``
        counts, else 0. noise (B, C, 22): normal, of about unit variance; it selects the sample.
        Raises UserError if the model fails, or makes what is no motion.
        """
        feed = {
            "history": history,
            "text": text,
            "style": style,
            "asked": asked,
            "given": given,
            "noise": noise,
        }
        feed = {name: np.ascontiguousarray(value, np.float32) for name, value in feed.items()}
        try:
            chunk, contact = self._session.run(["chunk", "contact"], feed)
        except Exception as error:  # onnxruntime's own classes share no other base
            raise UserError(f"{self.path}: the model fails ({reason(error)})") from error
        if wrong := misshapen(chunk, contact, self._claims, len(history)):
            raise UserError(f"{self.path}: {wrong}")
        # What is not finite is not smaller than anything.
        if not (np.abs(chunk) < SANE_M).all() or not (np.abs(contact) < SANE_M).all():
            raise UserError(f"{self.path}: the model makes numbers beyond {SANE_M:g} m of motion")
        return chunk, contact


def check_compatible(path: Path, about: dict[str, str]) -> None:
    """Raises UserError, naming file and field, for metadata of a model that cannot be used."""
    for name, value in COMPATIBILITY.items():
        if about.get(name) != value:
            given = about.get(name, "not given")[:120]
            raise UserError(f"{path}: {name} is {given}; expected {value}")


def _read_config(path: Path, about: dict[str, str]) -> dict[str, int]:
    """The numbers of CONFIG_RANGES in a model's metadata. Raises ValueError for any other."""
    if "config" not in about:
        raise ValueError(f"{path}: config is not given; expected {', '.join(CONFIG_RANGES)}")
    config = parse_json(about["config"], f"{path}: config")
    if not isinstance(config, dict):
        raise ValueError(f"{path}: config is no object; expected {', '.join(CONFIG_RANGES)}")
    for name, (least, most) in CONFIG_RANGES.items():
        value = config.get(name, "not given")
        if type(value) is not int or not least <= value <= most:
            allowed = f"{least} to {most}" if least < most else f"{least}"
            raise ValueError(f"{path}: config: {name} is {str(value)[:40]}; expected {allowed}")
    return config


@cache
def _standing() -> tuple[float, ...]:
    """A frame (22,) of somebody who stands, with which models are tried."""
    state = np.zeros((1, N_FEATURES))
    pose = state[0, :N_POSE].reshape(-1, 2)
    pose[PELVIS], pose[NECK] = (0.0, 0.95), (0.0, 1.45)
    pose[[L_ELBOW, R_ELBOW]], pose[[L_HAND, R_HAND]] = (-0.02, 1.15), (0.05, 0.9)
    pose[[L_KNEE, R_KNEE]], pose[[L_FOOT, R_FOOT]] = (0.02, 0.5), (0.0, 0.08)
    return tuple(with_human_bones(state)[0].tolist())


def open_model(path: Path | None = None) -> MotionModel:
    """The model in a file, the default one's by default; kept open. Raises as MotionModel."""
    path = default_model() if path is None else path
    try:
        modified_ns = path.stat().st_mtime_ns
    except OSError as error:
        raise ValueError(f"{path}: no motion model ({error.strerror})") from None
    return _open(path, modified_ns)


def choose_motion(
    motion: str | None, model: Path | MotionModel | None = None
) -> MotionModel | None:
    """The model that moves people, None for procedural motion.

    motion: "learned", "procedural" or None, which prefers learned and logs once why it is not
    available. model: a model or its file, None for the default one. Raises ValueError for any other
    ``motion``, and if a model that was asked for cannot be used.
    """
    if motion not in (None, "learned", "procedural"):
        raise ValueError(f"motion: unknown {motion!r}; expected learned or procedural")
    if motion == "procedural":
        if model is not None:
            raise ValueError(f"model: {model} is of no use to procedural motion; expected learned")
        return None
    if isinstance(model, MotionModel):
        return model
    if motion == "learned" or model is not None:
        return _with_its_encoder(open_model(model))
    try:
        return _with_its_encoder(open_model())
    except ValueError as error:
        _log_once(f"{error}; people move procedurally", expected=default_model().exists())
        return None


def _with_its_encoder(model: MotionModel) -> MotionModel:
    """A model whose text encoder works: if it fails it is here, not in the middle of a run."""
    open_text_vectors(model.encoder)["stands"]
    return model


@lru_cache
def _log_once(notice: str, expected: bool) -> None:
    """Log a notice the first time. expected: whether the model should be there: a warning then."""
    log.log(logging.WARNING if expected else logging.INFO, notice)


@lru_cache(maxsize=2)
def _open(path: Path, modified_ns: int) -> MotionModel:
    """A model, opened again if its file was modified."""
    return MotionModel(path)


class Streams:
    """The motion of N bodies, canonical, at 30 Hz: their present frames and the next ones."""

    def __init__(self, model: MotionModel, n: int, seed: int) -> None:
        self.model = model
        self.rng = np.random.default_rng((seed, 0x5712DE))
        self.now = np.zeros((n, N_FEATURES))  # (N, 22)
        self.contact = np.zeros((n, 2))  # (N, 2) 0..1
        self.at = np.zeros(n, np.int64)  # the next frame's index in its chunk
        self._history = np.zeros((n, model.history, N_FEATURES))
        self._chunk = np.zeros((n, model.chunk, N_FEATURES))
        self._contact = np.zeros((n, model.chunk, 2))
        self._offset = np.zeros((n, N_POSE))  # m, of the pose shown from the chunk's
        self._offset_rate = np.zeros((n, N_POSE))  # m/frame
        self._spring = np.ones((n, N_POSE))  # 1/frame, natural frequency of the offset's spring
        self._planned = np.zeros(n, bool)  # whether there is a chunk
        self._executor: ThreadPoolExecutor | None = None
        self._pending: tuple[np.ndarray, Future] | None = None  # rows, and their chunks

    def add_rows(self, n: int) -> None:
        """Take in ``n`` more bodies, without chunks."""
        self.finish_plan()
        more = vars(Streams(self.model, n, 0))
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray):
                setattr(self, name, np.concatenate([column, more[name]]))

    def begin(self, rows: np.ndarray, past: np.ndarray) -> None:
        """Start ``rows`` from their past frames (R, K, 22), the present one last; K <= H."""
        missing = self.model.history - past.shape[1]
        first = np.repeat(past[:, :1], missing, axis=1)
        self._history[rows] = np.concatenate([first, past], axis=1)
        self.now[rows] = past[:, -1]
        self._offset[rows] = self._offset_rate[rows] = 0.0
        self._planned[rows] = False

    def plan(
        self,
        rows: np.ndarray,
        text: np.ndarray,
        style: np.ndarray,
        asked: np.ndarray,
        given: np.ndarray | None = None,
        *,
        noise_scale: np.ndarray | float = 1.0,
        in_background: bool = False,
    ) -> None:
        """Plan new chunks for ``rows`` (R,), which begin after the present frame.

        text, style, asked, given: see ``MotionModel.plan``; by default ``asked`` counts.
        noise_scale: of all rows or of each, (R,): how far samples may be from the mean.
        in_background: plan in a thread until ``finish_plan``, ``advance`` or the next ``plan``.
        """
        self.finish_plan()
        given = np.ones((len(rows), 1)) if given is None else given
        noise = self.rng.standard_normal((len(rows), self.model.chunk, N_FEATURES))
        noise *= np.reshape(noise_scale, (-1, 1, 1))
        inputs = self._history[rows], text, style, asked, given, noise
        if in_background:
            self._executor = self._executor or ThreadPoolExecutor(1)
            self._pending = rows, self._executor.submit(self._run_model, *inputs)
        else:
            self._start_chunks(rows, *self._run_model(*inputs))

    def finish_plan(self) -> None:
        """Wait for chunks planned in the background and start them."""
        if self._pending is not None:
            (rows, future), self._pending = self._pending, None
            self._start_chunks(rows, *future.result())

    def _run_model(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``MotionModel.plan`` in batches of at most MAX_BATCH."""
        starts = range(0, len(inputs[0]), MAX_BATCH)
        parts = [self.model.plan(*(part[k : k + MAX_BATCH] for part in inputs)) for k in starts]
        chunk, contact = zip(*parts, strict=True)
        return np.concatenate(chunk), np.concatenate(contact)

    def _start_chunks(self, rows: np.ndarray, chunk: np.ndarray, contact: np.ndarray) -> None:
        """Switch to chunks (R, C, 22) from the present frame on, keeping the speed of ``rows``.

        So the new motion shows in the next frame; joined at that frame, it showed one later.
        """
        expected = self._expected_pose(rows)
        chunk = smooth_poses(self._history[rows, -2:], chunk.astype(np.float64))
        self._chunk[rows] = with_human_bones(chunk)
        self._contact[rows] = contact
        offset = expected - self._chunk[rows, 0, :N_POSE]
        share = np.minimum(np.abs(offset) / LARGE_OFFSET_M, 1.0)
        half_life = SMALL_HALF_LIFE_S + (LARGE_HALF_LIFE_S - SMALL_HALF_LIFE_S) * share
        self._spring[rows] = 2.0 * math.log(2.0) / (half_life * MOTION_FPS)
        self._offset[rows], self._offset_rate[rows] = 0.0, offset
        self._decay_offset(rows)
        self.at[rows], self._planned[rows] = 0, True

    def _decay_offset(self, rows: np.ndarray | slice) -> None:
        """Move the offsets of ``rows`` on by a frame, as a critically damped spring does."""
        offset, rate, spring = self._offset[rows], self._offset_rate[rows], self._spring[rows]
        pull, decay = rate + spring * offset, np.exp(-spring)
        self._offset[rows], self._offset_rate[rows] = (
            decay * (offset + pull),
            decay * (rate - spring * pull),
        )

    def _expected_pose(self, rows: np.ndarray) -> np.ndarray:
        """The pose (R, 20) that would have come next; extrapolated for rows without a chunk."""
        last, before = self._history[rows, -1, :N_POSE], self._history[rows, -2, :N_POSE]
        at = np.minimum(self.at[rows], self.model.chunk - 1)
        planned = self._chunk[rows, at, :N_POSE] + self._offset[rows]
        return np.where(self._planned[rows, None], planned, last + last - before)

    def next_frame(self) -> tuple[np.ndarray, np.ndarray]:
        """The frames (N, 22) after the present ones, by the chunks started so far, and contacts."""
        at = np.minimum(self.at, self.model.chunk - 1)
        rows = np.arange(len(at))
        frame = self._chunk[rows, at]
        frame[:, :N_POSE] += self._offset
        return frame, self._contact[rows, at]

    def advance(self) -> None:
        """Go on to the next frame."""
        self.finish_plan()
        frame, self.contact = self.next_frame()
        self.now, self.at = frame, self.at + 1
        self._decay_offset(slice(None))
        self._history[:, :-1] = self._history[:, 1:]
        self._history[:, -1] = frame


def smooth_poses(before: np.ndarray, chunk: np.ndarray) -> np.ndarray:
    """Chunk (B, C, 22) with its poses smoothed against trembling; the root's steps are unchanged.

    before: (B, 2, 22), the frames before it. A weighted mean over five frames, after Savitzky &
    Golay, passes frequencies below 5 Hz to within 5 % and a quarter at 15 Hz: three parts of the
    weights of 4-point interpolation and one of the frame itself. Smoothed fully, motion has less
    jerk than people's.
    """
    track = np.concatenate([before, chunk], axis=1)[..., :N_POSE]
    n = chunk.shape[1] - 2
    made = chunk.copy()
    made[:, :n, :N_POSE] = sum(w * track[:, k : k + n] for k, w in enumerate(SMOOTHING_KERNEL))
    return made


class TextVectors:
    """The vectors of texts by an encoder, each computed once."""

    def __init__(self, encoder: str) -> None:
        from ml.text.encoders import open_encoder

        self._encoder = open_encoder(encoder)
        self._known: dict[str, np.ndarray] = {"": np.zeros(self._encoder.dim, np.float32)}

    def __getitem__(self, text: str) -> np.ndarray:
        """(E,) float32, zeros for an empty text."""
        if text not in self._known:
            self._known[text] = self._encoder.encode([text])[0]
        return self._known[text]


@lru_cache
def open_text_vectors(encoder: str) -> TextVectors:
    """The vectors of an encoder, kept open."""
    return TextVectors(encoder)
