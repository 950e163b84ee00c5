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

from entities.actions import ACTIONS, ActionType
from entities.skeleton import JOINTS
from entities.units import DT, TICKS_PER_MOTION_FRAME
from ml.capture.refit import with_human_bones
from ml.episodes.features import N_FEATURES, N_POSE
from ml.measure.metrics import MOTION_FPS

log = logging.getLogger(__name__)

FITS = {
    "format_version": "1",
    "joints": ",".join(JOINTS),
    "tick_s": repr(DT),
    "ticks_per_frame": str(TICKS_PER_MOTION_FRAME),
}
"""What a file has to say of itself to be used here; ``ml.motion.weights`` writes it into them."""
MOST_AT_ONCE = 64
"""Bodies a call serves: more do not get cheaper, and take longer than a tick has."""
SOON_S, LATE_S, FAR_M = 0.035, 0.15, 0.3
"""The critically damped springs that take up what a new chunk is off: half of it is gone in about
SOON_S if it is next to nothing, in LATE_S if it is FAR_M or more."""
CALM = (-3 / 64, 12 / 64, 46 / 64, 12 / 64, -3 / 64)


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
        """Go over to chunks (R, C, 22) from the present frame, at the speed ``rows`` go on at.

        So what is new shows in the next frame; joined there instead, it showed one later.
        """
        expected = self._expected(rows)
        chunk = calmed(self._history[rows, -2:], chunk.astype(np.float64))
        self._chunk[rows] = with_human_bones(chunk)
        self._contact[rows] = contact
        gap = expected - self._chunk[rows, 0, :N_POSE]
        half = SOON_S + (LATE_S - SOON_S) * np.minimum(np.abs(gap) / FAR_M, 1.0)
        self._spring[rows] = 2.0 * math.log(2.0) / (half * MOTION_FPS)
        self._offset[rows], self._drift[rows] = 0.0, gap
        self._take_up(rows)
        self.at[rows], self._planned[rows] = 0, True

    def _take_up(self, rows: np.ndarray | slice) -> None:
        """What ``rows`` are off their chunks, a frame on: a critically damped spring."""
        offset, drift, spring = self._offset[rows], self._drift[rows], self._spring[rows]
        pull, left = drift + spring * offset, np.exp(-spring)
        self._offset[rows], self._drift[rows] = (
            left * (offset + pull),
            left * (drift - spring * pull),
        )

    def _expected(self, rows: np.ndarray) -> np.ndarray:
        """The pose (R, 20) that would have come next. Who has no chunk goes on as he moved."""
        last, before = self._history[rows, -1, :N_POSE], self._history[rows, -2, :N_POSE]
        at = np.minimum(self.at[rows], self.model.chunk - 1)
        planned = self._chunk[rows, at, :N_POSE] + self._offset[rows]
        return np.where(self._planned[rows, None], planned, last + last - before)

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
        self._take_up(slice(None))
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


class Words:
    """Texts as the vectors a model was taught with, each worked out once."""

    def __init__(self, encoder: str) -> None:
        from ml.text.encoders import open_encoder

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
