"""What realism means, in numbers: one motion in, figures out; SI units throughout.

A run of the simulation, a recorded episode and a mocap clip all become a ``Motion``, so the same
ruler measures them. Every figure that depends on the frame rate is taken at a stated rate.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from entities.skeleton import (
    BONE_OF_JOINT,
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
    bone_lengths,
)
from entities.units import DT, TICKS_PER_MOTION_FRAME

MOTION_FPS = 1.0 / (DT * TICKS_PER_MOTION_FRAME)
FEET = (L_FOOT, R_FOOT)
SKATE_HEIGHT_M = 0.02
"""A ball of the foot this close to its stance height counts as standing."""
SKATE_MPS = 0.50
SKATE_WINDOW = 5
"""Speed threshold and averaging window, in frames, of OmniControl (Xie et al., ICLR 2024)."""
OMNICONTROL_HEIGHT_M, OMNICONTROL_FPS = 0.05, 20.0
STANCE_PERCENTILE = 5.0
"""The lower foot is at stance height or below in this share of frames: robust to one bad frame."""
SHORTEST_CONTACT_S = 0.04
"""Contacts and gaps no longer than this are a detector's flicker, not a step."""
LIMIT_SLACK = 0.02
"""rad a straight knee or elbow may seem bent backwards by rounding."""
MAX_FLEXION = 2.80
"""rad, choice: 160 degrees, past what a knee or an elbow folds to."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """T frames of one body, wherever they come from. ``pose`` and ``world`` are scaled metres."""

    fps: float
    root: np.ndarray  # (T, 3) m, under the pelvis
    heading: np.ndarray  # (T,) rad, continuous
    pose: np.ndarray  # (T, 10, 2) m, forward and up from the root
    lateral: np.ndarray  # (T, 10) m, left of the sagittal plane
    world: np.ndarray  # (T, 10, 3) m, the joints in the world
    contact: np.ndarray  # (T, 2) bool, as the source says: left and right foot on the ground
    scale: float = 1.0
    bones: np.ndarray | None = None  # (5,) m at scale 1; None where lengths are not the contract's
    target_speed: float | None = None  # m/s, what was asked for

    def __len__(self) -> int:
        return len(self.heading)

    @property
    def feet(self) -> np.ndarray:
        """(T, 2, 3) m, both balls of the feet in the world."""
        return self.world[:, FEET]

    def between(self, start_s: float, end_s: float) -> "Motion":
        """The frames from ``start_s`` up to ``end_s``."""
        rows = slice(round(start_s * self.fps), round(end_s * self.fps) + 1)
        return self._each(lambda column: column[rows])

    def at_fps(self, fps: float) -> "Motion":
        """The same motion at another rate: frames picked where they exist, else mixed linearly."""
        step = self.fps / fps
        if abs(step - round(step)) < 1e-6:
            return replace(self._each(lambda column: column[:: round(step)]), fps=fps)
        at = np.arange(int((len(self) - 1) / step + 1e-3) + 1) * step
        low = np.minimum(at.astype(int), len(self) - 1)
        high = np.minimum(low + 1, len(self) - 1)
        part = at - low

        def mix(column: np.ndarray) -> np.ndarray:
            if column.dtype == bool:
                return column[np.where(part < 0.5, low, high)]
            weight = part.reshape(-1, *[1] * (column.ndim - 1))
            return column[low] + weight * (column[high] - column[low])

        return replace(self._each(mix), fps=fps)

    def _each(self, change) -> "Motion":
        columns = ("root", "heading", "pose", "lateral", "world", "contact")
        return replace(self, **{name: change(getattr(self, name)) for name in columns})


def upright_world(
    root: np.ndarray, heading: np.ndarray, pose: np.ndarray, lateral: np.ndarray
) -> np.ndarray:
    """World joints (T, 10, 3) of a body without roll. See Motion for the arguments."""
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    forward, up = pose[..., 0], pose[..., 1]
    x = root[:, :1] + forward * cos - lateral * sin
    y = root[:, 1:2] + forward * sin + lateral * cos
    return np.stack([x, y, root[:, 2:3] + up], axis=2)


def mean_speed(motion: Motion) -> float:
    """Length of the root's way over the ground, at 30 Hz, over the time it took, m/s."""
    motion = motion.at_fps(MOTION_FPS)
    step = np.diff(motion.root[:, :2], axis=0)
    return float(np.hypot(step[:, 0], step[:, 1]).sum() * MOTION_FPS / max(len(step), 1))


def speed_error(motion: Motion) -> float:
    """Share by which the mean speed misses the target. Raises ValueError without a target."""
    if not motion.target_speed:
        raise ValueError(f"speed_error: target speed is {motion.target_speed}; expected above 0")
    return abs(mean_speed(motion) / motion.target_speed - 1.0)


def stance_height(motion: Motion) -> float:
    """Height of the ball of a standing foot, m: what this source calls being on the ground."""
    return float(np.percentile(motion.feet[:, :, 2].min(axis=1), STANCE_PERCENTILE))


def foot_speed(motion: Motion) -> np.ndarray:
    """Horizontal speed of both balls of the feet, (T-1, 2) m/s, from frame to frame."""
    step = np.diff(motion.feet[:, :, :2], axis=0)
    return np.hypot(step[..., 0], step[..., 1]) * motion.fps


def low_feet(motion: Motion, height_m: float = SKATE_HEIGHT_M) -> np.ndarray:
    """(T-1, 2) bool: less than ``height_m`` above stance height in two adjacent frames."""
    low = motion.feet[:, :, 2] - stance_height(motion) < height_m
    return low[1:] & low[:-1]


def skating_ratio(
    motion: Motion, height_m: float = SKATE_HEIGHT_M, fps: float = MOTION_FPS
) -> float:
    """Share of frames in which either foot skates.

    A foot skates while it is low (see ``low_feet``), moves faster than 0.50 m/s and has done so
    on average over five frames. This is ``calculate_skating_ratio`` of OmniControl
    (Xie et al., ICLR 2024, https://arxiv.org/abs/2310.08580) with heights from the source's own
    stance instead of a floor all clips share, and a lower limit: at its 5 cm the ball of a real
    foot is still "on the ground" when the leg already swings. ``omnicontrol_skating`` has the
    original limits.
    """
    motion = motion.at_fps(fps)
    speed = foot_speed(motion)
    if len(speed) == 0:
        return 0.0
    weights = np.ones(SKATE_WINDOW) / SKATE_WINDOW
    half = SKATE_WINDOW // 2  # outside the clip a foot counts as still, as in the original
    padded = np.pad(speed, ((half, half), (0, 0)))
    mean = np.stack([np.convolve(padded[:, foot], weights, "valid") for foot in (0, 1)], axis=1)
    skates = low_feet(motion, height_m) & (speed > SKATE_MPS) & (mean > SKATE_MPS)
    return float(skates.any(axis=1).mean())


def omnicontrol_skating(motion: Motion) -> float:
    """``skating_ratio`` at the original's 5 cm and 20 frames a second."""
    return skating_ratio(motion, OMNICONTROL_HEIGHT_M, OMNICONTROL_FPS)


def support_speed(motion: Motion) -> tuple[float, float]:
    """Median and 90th percentile of the support foot's horizontal speed, m/s, at 30 Hz.

    The support foot is the slower of the feet that are low; frames without one (flight) do not
    count. (nan, nan) if no foot is ever low.
    """
    motion = motion.at_fps(MOTION_FPS)
    speed = np.where(low_feet(motion), foot_speed(motion), np.inf).min(axis=1, initial=np.inf)
    speed = speed[np.isfinite(speed)]
    if len(speed) == 0:
        return float("nan"), float("nan")
    return float(np.median(speed)), float(np.percentile(speed, 90))


def foot_penetration(motion: Motion) -> tuple[float, float]:
    """Deepest and mean depth of the balls of the feet below the floor (height 0), m."""
    depth = np.maximum(-motion.feet[:, :, 2], 0.0)
    return float(depth.max()), float(depth.mean())


def bone_deviation(motion: Motion) -> float:
    """Largest share by which any bone misses its length in any frame.

    Raises ValueError for a motion whose lengths are not the contract's.
    """
    if motion.bones is None:
        raise ValueError("bone_deviation: this motion keeps its source's own lengths")
    wanted = motion.bones[list(BONE_OF_JOINT[1:])] * motion.scale
    return float(np.abs(bone_lengths(motion.pose) / wanted - 1.0).max())


def settled_contact(motion: Motion) -> np.ndarray:
    """Contact (T, 2) without gaps and contacts too short to be real."""
    longest = max(int(SHORTEST_CONTACT_S * motion.fps), 1)
    contact = motion.contact.copy()
    for foot in (0, 1):
        for value in (False, True):  # close the gaps first, so that no stance is lost in pieces
            for first, last in runs(contact[:, foot] == value):
                inside = first > 0 and last < len(contact)
                if inside and last - first <= longest:
                    contact[first:last, foot] = not value
    return contact


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last index of every unbroken run of True in (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def touch_downs(contact: np.ndarray, foot: int) -> np.ndarray:
    """Frames in which a foot (0 left, 1 right) comes down; one it starts on does not count."""
    return np.flatnonzero(contact[1:, foot] & ~contact[:-1, foot]) + 1


@dataclass(frozen=True, slots=True)
class GaitFigures:
    """Steps in figures; nan where a motion has too few of them."""

    cadence: float  # steps/min
    duty: float  # share of the stride a foot is on the ground
    double_support: float  # share of frames with both feet on the ground
    flight: float  # share of frames with neither
    step_length: float  # m from a touch-down to the next
    pelvis_range: float  # m, height of the pelvis, highest minus lowest within a stride
    pelvis_mid_stance: float  # m, its height at mid-stance over its mean: > 0 walking, < 0 running


def gait_figures(motion: Motion) -> GaitFigures:
    """Cadence, duty factor and the rest, over whole strides of the source's own contacts."""
    contact = settled_contact(motion)
    downs = [touch_downs(contact, foot) for foot in (0, 1)]
    both = np.sort(np.concatenate(downs))
    nan = float("nan")
    if len(both) < 3 or min(map(len, downs)) == 0:
        return GaitFigures(nan, nan, nan, nan, nan, nan, nan)
    whole = slice(int(both[0]), int(both[-1]))
    seconds = (both[-1] - both[0]) / motion.fps
    steps = len(both) - 1
    gone = np.diff(motion.root[both, :2], axis=0)
    standing = sum(int(contact[d[0] : d[-1], foot].sum()) for foot, d in enumerate(downs))
    striding = sum(int(d[-1] - d[0]) for d in downs)
    on_ground = contact[whole].sum(axis=1)
    height = motion.world[:, PELVIS, 2]
    ranges = [np.ptp(height[first:last]) for d in downs for first, last in pairwise(d)]
    middles = [
        (first + last - 1) // 2
        for foot in (0, 1)
        for first, last in runs(contact[:, foot])
        if both[0] <= first and last <= both[-1]
    ]
    return GaitFigures(
        cadence=float(60.0 * steps / seconds),
        duty=standing / striding if striding else nan,
        double_support=float((on_ground == 2).mean()),
        flight=float((on_ground == 0).mean()),
        step_length=float(np.hypot(gone[:, 0], gone[:, 1]).mean()),
        pelvis_range=float(np.mean(ranges)) if ranges else nan,
        pelvis_mid_stance=float((height[middles] - height[whole].mean()).mean())
        if middles
        else nan,
    )


def jerk(motion: Motion) -> np.ndarray:
    """(T,) m/s³, the highest of any joint in the world from frame to frame, at 30 Hz.

    The third difference of positions, so three frames fewer than there are.
    """
    third = np.diff(motion.at_fps(MOTION_FPS).world, n=3, axis=0) * MOTION_FPS**3
    return np.linalg.norm(third, axis=2).max(axis=1)


def peak_jerk(motion: Motion) -> float:
    """Highest jerk of any joint in the world within a second, m/s³: the median over seconds.

    See ``jerk``. The maximum over joints and time is the peak jerk of FlowMDM (Barquero et al.,
    CVPR 2024); taking it second by second makes clips of different lengths comparable. nan for
    fewer than four frames.
    """
    highest = jerk(motion)
    if len(highest) == 0:
        return float("nan")
    window = min(round(MOTION_FPS), len(highest))
    whole = len(highest) // window * window
    return float(np.median(highest[:whole].reshape(-1, window).max(axis=1)))


def knee_flexion(pose: np.ndarray) -> np.ndarray:
    """(..., 2) rad, left and right: how far the shank is turned back from the thigh's line.

    pose: (..., 10, 2).
    """
    return -_bend(pose, (PELVIS, PELVIS), (L_KNEE, R_KNEE), FEET)


def elbow_flexion(pose: np.ndarray) -> np.ndarray:
    """(T, 2) rad, left and right: how far the forearm is turned forward from the upper arm."""
    return _bend(pose, (NECK, NECK), (L_ELBOW, R_ELBOW), (L_HAND, R_HAND))


def hip_flexion(pose: np.ndarray) -> np.ndarray:
    """(T, 2) rad, left and right: how far the thigh is forward of the trunk's line."""
    return _bend(pose, (NECK, NECK), (PELVIS, PELVIS), (L_KNEE, R_KNEE))


def _bend(pose: np.ndarray, first, middle, last) -> np.ndarray:
    upper = pose[..., middle, :] - pose[..., first, :]
    lower = pose[..., last, :] - pose[..., middle, :]
    cross = upper[..., 0] * lower[..., 1] - upper[..., 1] * lower[..., 0]
    return np.arctan2(cross, (upper * lower).sum(axis=-1))


def limit_violations(motion: Motion) -> tuple[float, float]:
    """Share of frames in which a knee or an elbow is past its limits, and by how much, rad.

    Limits are straight (0) and MAX_FLEXION. The angle of the knee is that of the contract's
    bones: the shank runs to the ball of the foot.
    """
    bends = np.concatenate([knee_flexion(motion.pose), elbow_flexion(motion.pose)], axis=1)
    past = np.maximum(np.maximum(-bends, bends - MAX_FLEXION), 0.0)
    return float((past > LIMIT_SLACK).any(axis=1).mean()), float(past.max())


def joint_speed(motion: Motion) -> np.ndarray:
    """Fastest joint relative to the root, in the body's own axes, (T-1,) m/s: travel is not in it.

    A pose that pops from one frame to the next shows here, whichever way the body faces.
    """
    away = motion.world - motion.root[:, None]
    cos, sin = np.cos(motion.heading)[:, None], np.sin(motion.heading)[:, None]
    local = np.stack(
        [
            away[..., 0] * cos + away[..., 1] * sin,
            away[..., 1] * cos - away[..., 0] * sin,
            away[..., 2],
        ],
        axis=2,
    )
    return np.linalg.norm(np.diff(local, axis=0), axis=2).max(axis=1) * motion.fps


def pop_score(motion: Motion, at_s: float, own_mps: float, window_s: float = 0.5) -> float:
    """Joint speed just after a change of action over what is allowed; above 1 it pops.

    at_s: when the action changes. own_mps: the larger of the two actions' own highest joint
    speeds. Allowed is 1.5 times that, and 3 m/s in any case.
    """
    near = motion.between(at_s - 2.0 / motion.fps, at_s + window_s)
    return float(joint_speed(near).max() / max(1.5 * own_mps, 3.0))
