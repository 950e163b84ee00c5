"""Motion at run time: an exported model and the streams of motion it makes, without torch.

All bodies that need a new chunk at a moment are served by one call. A stream's frames are those
of a chunk until another is planned, from the last frames shown; what the new chunk starts off
from where the old one would have gone fades within a few frames (Bollo, "Inertialization",
GDC 2018).
"""

import hashlib
import json
import logging
import math
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from entities.actions import ACTIONS, ActionType
from entities.skeleton import (
    BONE_OF_JOINT,
    JOINTS,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    N_JOINTS,
    NECK,
    PARENTS,
    PELVIS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
    SHANK,
    THIGH,
)
from entities.units import DT, TICKS_PER_MOTION_FRAME
from ml.features import N_FEATURES
from ml.metrics import MAX_FLEXION, MOTION_FPS, knee_flexion
from ml.refit import BONES, leg

log = logging.getLogger(__name__)

FITS = {
    "format_version": "1",
    "joints": ",".join(JOINTS),
    "tick_s": repr(DT),
    "ticks_per_frame": str(TICKS_PER_MOTION_FRAME),
}
"""What a file has to say of itself to be used here; ``ml.weights`` writes it into them."""
MOST_AT_ONCE = 64
"""Bodies a call serves: more do not get cheaper, and take longer than a tick has."""
SOON_S, LATE_S, FAR_M = 0.025, 0.1, 0.15
"""The critically damped springs that take up what a new chunk is off: half of it is gone in about
SOON_S if it is next to nothing, in LATE_S if it is FAR_M or more."""
CALM = (-3 / 64, 12 / 64, 46 / 64, 12 / 64, -3 / 64)
SURE = 0.7
"""A bone that is at least this share of its length is turned as the model has it."""
AROUND = 1.0 - np.abs(np.arange(-6, 7)) / 7
"""What frames count for the one in their middle."""
OVERBENT = 0.3
"""rad before a knee's limit from which on its leg is led by the thigh."""
TRUNK = [NECK, L_ELBOW, L_HAND, R_ELBOW, R_HAND]
TRUNK_FROM = [PARENTS[joint] for joint in TRUNK]
TRUNK_M = np.array([BONES[BONE_OF_JOINT[joint]] for joint in TRUNK])
"""Bones that hang on each other, in that order: their ends, where they begin, their lengths."""
N_POSE = 2 * N_JOINTS
STIFF_KNEE = 0.15
"""m/rad, how much a knee that is bent otherwise than the model's counts beside a foot that is
elsewhere; see ``within_legs``."""


def default_model() -> Path:
    """Where the model that comes with the package is."""
    return Path(str(resources.files("assets"))) / "models" / "motion.onnx"


class MotionModel:
    """An exported model, checked: it fits this program, or it is not opened.

    actions: what it is good at; empty for all that models can do.
    """

    def __init__(self, path: Path) -> None:
        """Raises ValueError, in one line, for a file that is missing, broken or of another kind."""
        import onnxruntime

        try:
            content = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: no motion model ({error.strerror})") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        providers = ["CPUExecutionProvider"]
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers)
        except Exception as error:  # its own classes share no other base
            reason = str(error).splitlines()[0][:120]
            raise ValueError(f"{path}: not a model file ({reason})") from None
        about = self._session.get_modelmeta().custom_metadata_map
        check_fit(path, about)
        config = json.loads(about["config"])
        self.path, self.about = path, about
        self.history: int = config["history"]
        self.chunk: int = config["chunk"]
        self.text: int = config["text"]
        self.encoder: str = about["encoder"]
        names = about.get("actions", "")
        if set(names.split(",")) - {"", *ACTIONS}:
            raise ValueError(f"{path}: actions are {names}; expected names of actions or none")
        self.actions = frozenset(ActionType(name) for name in names.split(",") if name)
        self.hash = hashlib.sha256(content).hexdigest()[:16]

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

        history (B, H, 22). text, style (B, E). asked (B, C, 3): velocity m/s and heading, seen
        from the heading at the chunk's first frame. given (B, 1): whether it counts.
        noise (B, C, 22): normal, of size 1 or so; other noise, another take.
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
        chunk, contact = self._session.run(["chunk", "contact"], feed)
        return chunk, contact


def check_fit(path: Path, about: dict[str, str]) -> None:
    """Raises ValueError, naming file and field, for a model this program cannot use."""
    for name, value in FITS.items():
        if about.get(name) != value:
            raise ValueError(f"{path}: {name} is {about.get(name, 'not given')}; expected {value}")


def open_model(path: Path | None = None) -> MotionModel:
    """The model in a file, kept open for the next who asks. Raises ValueError as MotionModel."""
    path = default_model() if path is None else path
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise ValueError(f"{path}: no motion model ({error.strerror})") from None
    return _open(path, stamp)


def choose_motion(
    motion: str | None, model: Path | MotionModel | None = None
) -> MotionModel | None:
    """The model to move people by, None for procedural motion.

    motion: "learned", "procedural" or None, which prefers learned and says once, in the log, why
    it cannot be. model: one to be used, or its file. Raises ValueError for anything else, and if a
    model that is asked for cannot be used.
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
        return open_model(model)
    try:
        return open_model()
    except ValueError as error:
        _say_once(f"{error}; people move procedurally", expected=default_model().exists())
        return None


@lru_cache
def _say_once(notice: str, expected: bool) -> None:
    log.log(logging.WARNING if expected else logging.INFO, notice)


@lru_cache(maxsize=2)
def _open(path: Path, stamp: int) -> MotionModel:
    return MotionModel(path)


class Streams:
    """The motion of N bodies, canonical, at 30 Hz: the frame that is now, and what follows it."""

    def __init__(self, model: MotionModel, n: int, seed: int) -> None:
        self.model = model
        self.rng = np.random.default_rng((seed, 0x5712DE))
        self.now = np.zeros((n, N_FEATURES))  # (N, 22)
        self.contact = np.zeros((n, 2))  # (N, 2) 0..1
        self.at = np.zeros(n, np.int64)  # the next frame's place in its chunk
        self._history = np.zeros((n, model.history, N_FEATURES))
        self._chunk = np.zeros((n, model.chunk, N_FEATURES))
        self._contact = np.zeros((n, model.chunk, 2))
        self._offset = np.zeros((n, N_POSE))  # m, what is shown off the chunk
        self._drift = np.zeros((n, N_POSE))  # m a frame, how fast that changes
        self._spring = np.ones((n, N_POSE))  # 1/frame, how stiffly it is taken up
        self._planned = np.zeros(n, bool)
        self._workers: ThreadPoolExecutor | None = None
        self._due: tuple[np.ndarray, Future] | None = None  # rows, and what is made for them

    def begin(self, rows: np.ndarray, past: np.ndarray) -> None:
        """Start ``rows`` from frames they have shown, the present one last: (R, K, 22), K <= H."""
        missing = self.model.history - past.shape[1]
        first = np.repeat(past[:, :1], missing, axis=1)
        self._history[rows] = np.concatenate([first, past], axis=1)
        self.now[rows] = past[:, -1]
        self._offset[rows] = self._drift[rows] = 0.0
        self._planned[rows] = False

    def plan(
        self,
        rows: np.ndarray,
        text: np.ndarray,
        style: np.ndarray,
        asked: np.ndarray,
        given: np.ndarray | None = None,
        *,
        daring: np.ndarray | float = 1.0,
        beside: bool = False,
    ) -> None:
        """New chunks for ``rows`` (R,), whose first frame comes after the present one.

        daring: size of the noise, one or one for each row: how far takes may be from the mean.
        beside: they are made in a thread, beside what else is done until ``settle``, ``advance`` or
        the next ``plan``.
        """
        self.settle()
        given = np.ones((len(rows), 1)) if given is None else given
        noise = self.rng.standard_normal((len(rows), self.model.chunk, N_FEATURES))
        noise *= np.reshape(daring, (-1, 1, 1))
        inputs = self._history[rows], text, style, asked, given, noise
        if beside:
            self._workers = self._workers or ThreadPoolExecutor(1)
            self._due = rows, self._workers.submit(self._made, *inputs)
        else:
            self._follow(rows, *self._made(*inputs))

    def settle(self) -> None:
        """Put in force what is made beside."""
        if self._due is not None:
            (rows, made), self._due = self._due, None
            self._follow(rows, *made.result())

    def _made(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``MotionModel.plan``, so many at a time."""
        starts = range(0, len(inputs[0]), MOST_AT_ONCE)
        parts = [self.model.plan(*(part[k : k + MOST_AT_ONCE] for part in inputs)) for k in starts]
        chunk, contact = zip(*parts, strict=True)
        return np.concatenate(chunk), np.concatenate(contact)

    def _follow(self, rows: np.ndarray, chunk: np.ndarray, contact: np.ndarray) -> None:
        """Go over to chunks (R, C, 22) at the place and the speed at which ``rows`` go on."""
        expected, pace = self._expected(rows)
        chunk = calmed(self._history[rows, -2:], chunk.astype(np.float64))
        self._chunk[rows] = with_human_bones(chunk)
        self._contact[rows] = contact
        first, second = self._chunk[rows, 0, :N_POSE], self._chunk[rows, 1, :N_POSE]
        offset = expected - first
        self._offset[rows], self._drift[rows] = offset, pace - (second - first)
        half = SOON_S + (LATE_S - SOON_S) * np.minimum(np.abs(offset) / FAR_M, 1.0)
        self._spring[rows] = 2.0 * math.log(2.0) / (half * MOTION_FPS)
        self.at[rows], self._planned[rows] = 0, True

    def _expected(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pose (R, 20) that would have come next, and how fast it would have gone on.

        Who has no chunk goes on as he moved.
        """
        last, before = self._history[rows, -1, :N_POSE], self._history[rows, -2, :N_POSE]
        end = self.model.chunk - 1
        at, then = np.minimum(self.at[rows], end), np.minimum(self.at[rows] + 1, end)
        now, ahead = self._chunk[rows, at, :N_POSE], self._chunk[rows, then, :N_POSE]
        planned, pace = self._planned[rows, None], last - before
        return (
            np.where(planned, now + self._offset[rows], last + pace),
            np.where(planned, ahead - now + self._drift[rows], pace),
        )

    def following(self) -> tuple[np.ndarray, np.ndarray]:
        """The frames (N, 22) after the present ones, as far as is settled, and their contacts."""
        at = np.minimum(self.at, self.model.chunk - 1)
        each = np.arange(len(at))
        frame = self._chunk[each, at]
        frame[:, :N_POSE] += self._offset
        return frame, self._contact[each, at]

    def advance(self) -> None:
        """Go on by a frame."""
        self.settle()
        frame, self.contact = self.following()
        self.now, self.at = frame, self.at + 1
        pull, left = self._drift + self._spring * self._offset, np.exp(-self._spring)
        self._offset = left * (self._offset + pull)
        self._drift = left * (self._drift - self._spring * pull)
        self._history[:, :-1] = self._history[:, 1:]
        self._history[:, -1] = frame


def calmed(before: np.ndarray, chunk: np.ndarray) -> np.ndarray:
    """Chunk (B, C, 22) whose poses tremble no more from frame to frame; steps are left alone.

    before: (B, 2, 22). The mean over five frames lets pass what is below 5 Hz, to within 5 %, and a
    quarter at 15 Hz: Savitzky & Golay's idea, with the weights of the 4-point interpolation for
    three quarters. Calmed entirely, motion has less jerk than what people did.
    """
    track = np.concatenate([before, chunk], axis=1)[..., :N_POSE]
    n = chunk.shape[1] - 2
    made = chunk.copy()
    made[:, :n, :N_POSE] = sum(w * track[:, k : k + n] for k, w in enumerate(CALM))
    return made


def with_human_bones(state: np.ndarray) -> np.ndarray:
    """State (..., C, 22) of C frames with bones of a human's lengths: turned as they are, or
    nearly so, see ``turning``, and feet where they are, or nearly so, see ``within_legs``."""
    pose = state[..., :N_POSE].reshape(*state.shape[:-1], N_JOINTS, 2)
    made = pose.copy()
    made[..., PELVIS, 0] = 0.0
    way = pose[..., TRUNK, :] - pose[..., TRUNK_FROM, :]
    bones = TRUNK_M[:, None] * turning(np.moveaxis(way[..., 0] + 1j * way[..., 1], -1, -2))
    for k, (joint, parent) in enumerate(zip(TRUNK, TRUNK_FROM, strict=True)):
        made[..., joint, 0] = made[..., parent, 0] + bones[..., k, :].real
        made[..., joint, 1] = made[..., parent, 1] + bones[..., k, :].imag
    # An angle just beyond half a turn reads as one just short of it the other way.
    bends = np.mod(knee_flexion(pose) + 1.0, 2.0 * math.pi) - 1.0
    for side, (knee, foot) in enumerate(((L_KNEE, L_FOOT), (R_KNEE, R_FOOT))):
        hip = pose[..., PELVIS, :]
        ball = within_legs(hip, pose[..., knee, :], pose[..., foot, :], bends[..., side])
        made[..., knee, :], made[..., foot, :] = leg(made[..., PELVIS, :], ball)
    return np.concatenate([made.reshape(*state.shape[:-1], N_POSE), state[..., N_POSE:]], axis=-1)


def turning(way: np.ndarray) -> np.ndarray:
    """Directions (..., 5, C), complex of size 1, of the bones TRUNK over C frames that are to go
    ``way`` (..., 5, C), complex m, forward and up.

    Where a model is in doubt it makes a bone short, as the mean of the ways it may go is, and one
    that shrinks to nothing and comes out on the other side would whip round. So where it is short
    its angle is the mean of those around.
    """
    size = np.abs(way)
    doubt = 1.0 - np.minimum(size / (SURE * TRUNK_M[:, None]), 1.0) ** 2
    if doubt.max() == 0.0:
        return way / size
    wide = [(0, 0)] * (way.ndim - 1) + [(len(AROUND) // 2,) * 2]

    def around(values: np.ndarray) -> np.ndarray:
        return AROUND * sliding_window_view(np.pad(values, wide, "edge"), len(AROUND), axis=-1)

    angle = np.unwrap(np.angle(way), axis=-1)
    mean = around(angle).sum(axis=-1) / AROUND.sum()
    return np.exp(1j * (angle + around(doubt).max(axis=-1) * (mean - angle)))


def within_legs(
    hip: np.ndarray, knee: np.ndarray, foot: np.ndarray, bend: np.ndarray
) -> np.ndarray:
    """Feet (..., 2) where legs of a human's bones have them, bent by about ``bend`` (...) rad.

    A leg that is all but straight has to bend by 10 degrees to be a centimetre shorter: fitted to
    the foot alone, a bone that a model makes 2 % too long throws the knee. How far the knee is bent
    and where the foot is are both met as well as they can be, by damped least squares (Wampler,
    "Manipulator inverse kinematic solutions", IEEE SMC 16, 1986) along the line from hip to foot;
    for a knee bent further than knees go, along the line that thigh and bend make: there the foot
    comes too near the hip for a line.
    """
    upper, lower = BONES[THIGH], BONES[SHANK]

    def reach(bend: np.ndarray) -> np.ndarray:
        return np.sqrt(upper**2 + lower**2 + 2.0 * upper * lower * np.cos(bend))

    way = foot - hip
    far = np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-6)
    over = np.clip((bend - MAX_FLEXION) / OVERBENT + 1.0, 0.0, 1.0)
    bend = np.clip(bend, 0.0, MAX_FLEXION)
    if over.max() > 0.0:
        thigh = knee - hip
        turn = np.arctan2(thigh[..., 1], thigh[..., 0])
        folded = upper * np.exp(1j * turn) + lower * np.exp(1j * (turn - bend))
        folded = np.stack([folded.real, folded.imag], axis=-1)
        way = way + over[..., None] * (folded - way)
    size = np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-6)
    own = reach(bend)
    per_rad = -upper * lower * np.sin(bend) / own
    more = per_rad * (far - own) / (per_rad * per_rad + STIFF_KNEE * STIFF_KNEE)
    own = reach(np.clip(bend + more, 0.0, MAX_FLEXION))
    return hip + way * (own / size)[..., None]


class Words:
    """Texts as the vectors a model was taught with, each worked out once."""

    def __init__(self, encoder: str) -> None:
        from ml.text import open_encoder

        self._encoder = open_encoder(encoder)
        self._known: dict[str, np.ndarray] = {"": np.zeros(self._encoder.dim, np.float32)}

    def __getitem__(self, text: str) -> np.ndarray:
        """(E,) float32, zeros for no text."""
        if text not in self._known:
            self._known[text] = self._encoder.encode([text])[0]
        return self._known[text]


@lru_cache
def open_words(encoder: str) -> Words:
    """Words of an encoder, kept for the next who asks."""
    return Words(encoder)
