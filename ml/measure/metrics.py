"""Measures of realism: one ``Motion`` in, figures out; SI units throughout.

A simulated run, a recorded episode and a mocap clip all become a ``Motion``, so that the same code
measures them. Every figure that depends on the frame rate is computed at a stated rate.
"""

from collections.abc import Callable, Sequence
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
"""m, a ball of the foot less than this above its stance height counts as standing."""
SKATE_MPS = 0.50
SKATE_WINDOW = 5
"""Speed threshold, m/s, and averaging window, in frames, of OmniControl (Xie et al., ICLR 2024)."""
OMNICONTROL_HEIGHT_M, OMNICONTROL_FPS = 0.05, 20.0
"""Height limit and frame rate of OmniControl's own ratio."""
STANCE_PERCENTILE = 5.0
"""% of frames in which the lower foot is at stance height or below: robust to one bad frame."""
SHORTEST_CONTACT_S = 0.04
"""s; contacts and gaps no longer than this are flicker of the detector, not steps."""
LIMIT_SLACK = 0.02
"""rad by which a straight knee or elbow may appear bent backwards from rounding."""
MAX_FLEXION = 2.80
"""rad, 160 degrees: more than a knee or an elbow can flex (choice)."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """T frames of one body, from any source. ``pose`` and ``world`` are scaled metres."""

    fps: float
    root: np.ndarray  # (T, 3) m, under the pelvis
    heading: np.ndarray  # (T,) rad, continuous
    pose: np.ndarray  # (T, 10, 2) m, forward and up from the root
    lateral: np.ndarray  # (T, 10) m, left of the sagittal plane
    world: np.ndarray  # (T, 10, 3) m, the joints in the world
    contact: np.ndarray  # (T, 2) bool, by the source: left and right foot on the ground
    scale: float = 1.0
    bones: np.ndarray | None = None  # (5,) m at scale 1; None if they are the source's own
    target_speed: float | None = None  # m/s that were asked for

    def __len__(self) -> int:
        return len(self.heading)

    @property
    def feet(self) -> np.ndarray:
        """(T, 2, 3) m, both balls of the feet in the world."""
        return self.world[:, FEET]

    @property
    def local(self) -> np.ndarray:
        """(T, 10, 3) m, the joints forward, left and up of the root."""
        offset = self.world - self.root[:, None]
        ground = world_to_body(offset[..., :2], self.heading[:, None])
        return np.concatenate([ground, offset[..., 2:]], axis=2)

    def between(self, start_s: float, end_s: float) -> "Motion":
        """The frames from ``start_s`` to ``end_s``, both included."""
        rows = slice(round(start_s * self.fps), round(end_s * self.fps) + 1)
        return self._map(lambda column: column[rows])

    def at_fps(self, fps: float) -> "Motion":
        """The same motion at another rate: by every n-th frame if that fits, else interpolated."""
        step = self.fps / fps
        if abs(step - round(step)) < 1e-6:
            return replace(self._map(lambda column: column[:: round(step)]), fps=fps)
        at = np.arange(int((len(self) - 1) / step + 1e-3) + 1) * step
        low = np.minimum(at.astype(int), len(self) - 1)
        high = np.minimum(low + 1, len(self) - 1)
        fraction = at - low

        def interpolate(column: np.ndarray) -> np.ndarray:
            if column.dtype == bool:
                return column[np.where(fraction < 0.5, low, high)]
            weight = fraction.reshape(-1, *[1] * (column.ndim - 1))
            return column[low] + weight * (column[high] - column[low])

        return replace(self._map(interpolate), fps=fps)

    def _map(self, change: Callable[[np.ndarray], np.ndarray]) -> "Motion":
        """The motion with ``change`` applied to each column."""
        columns = ("root", "heading", "pose", "lateral", "world", "contact")
        return replace(self, **{name: change(getattr(self, name)) for name in columns})


def world_to_body(vector: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Ground vectors (..., 2) of the world as (forward, left) of a body's heading (...,) rad."""
    cos, sin = np.cos(heading), np.sin(heading)
    x, y = vector[..., 0], vector[..., 1]
    return np.stack([x * cos + y * sin, y * cos - x * sin], axis=-1)


def body_to_world(vector: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Vectors (..., 2), forward and left of a body's heading (...,) rad, on the world's ground."""
    cos, sin = np.cos(heading), np.sin(heading)
    forward, left = vector[..., 0], vector[..., 1]
    return np.stack([forward * cos - left * sin, forward * sin + left * cos], axis=-1)


def mean_speed(motion: Motion) -> float:
    """Length of the root's path on the ground, sampled at 30 Hz, over its duration, m/s."""
    motion = motion.at_fps(MOTION_FPS)
    step = np.diff(motion.root[:, :2], axis=0)
    return float(np.hypot(step[:, 0], step[:, 1]).sum() * MOTION_FPS / max(len(step), 1))


def speed_error(motion: Motion) -> float:
    """Relative error of the mean speed. Raises ValueError without a target speed above 0."""
    if not motion.target_speed:
        raise ValueError(f"speed_error: target speed is {motion.target_speed}; expected above 0")
    return abs(mean_speed(motion) / motion.target_speed - 1.0)


def stance_height(points: np.ndarray) -> float:
    """Height in m of a point of the foot, (T, 2, 3) m left and right, when that foot stands.

    Sources differ in how far above the sole they have a foot's joints.
    """
    return float(np.percentile(points[:, :, 2].min(axis=1), STANCE_PERCENTILE))


def foot_speed(motion: Motion) -> np.ndarray:
    """Horizontal speed of both balls of the feet, (T-1, 2) m/s, from frame to frame."""
    step = np.diff(motion.feet[:, :, :2], axis=0)
    return np.hypot(step[..., 0], step[..., 1]) * motion.fps


def low_feet(motion: Motion, height_m: float = SKATE_HEIGHT_M) -> np.ndarray:
    """(T-1, 2) bool: less than ``height_m`` above stance height in two adjacent frames."""
    low = motion.feet[:, :, 2] - stance_height(motion.feet) < height_m
    return low[1:] & low[:-1]


def skating_ratio(
    motion: Motion, height_m: float = SKATE_HEIGHT_M, fps: float = MOTION_FPS
) -> float:
    """Share of frames in which either foot skates.

    A foot skates while it is low (see ``low_feet``), moves faster than 0.50 m/s and also does so
    on average over five frames. This is ``calculate_skating_ratio`` of OmniControl
    (Xie et al., ICLR 2024, https://arxiv.org/abs/2310.08580) with two changes: heights are above
    the source's own stance instead of a floor shared by all clips, and the height limit is lower,
    because at its 5 cm the ball of a real foot is still "on the ground" when the leg already
    swings. ``omnicontrol_skating`` has the original limits.
    """
    motion = motion.at_fps(fps)
    speed = foot_speed(motion)
    if len(speed) == 0:
        return 0.0
    weights = np.ones(SKATE_WINDOW) / SKATE_WINDOW
    half = SKATE_WINDOW // 2  # outside the clip the speed counts as 0, as in the original
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
    """Largest relative error of a bone's length in any frame.

    Raises ValueError for a motion with its source's own bone lengths.
    """
    if motion.bones is None:
        raise ValueError("bone_deviation: this motion keeps its source's own lengths")
    wanted = motion.bones[list(BONE_OF_JOINT[1:])] * motion.scale
    return float(np.abs(bone_lengths(motion.pose) / wanted - 1.0).max())


def debounced_contact(motion: Motion) -> np.ndarray:
    """Contact (T, 2) without gaps and contacts of up to SHORTEST_CONTACT_S."""
    longest = max(int(SHORTEST_CONTACT_S * motion.fps), 1)
    contact = motion.contact.copy()
    for foot in (0, 1):
        for value in (False, True):  # gaps first: a stance in pieces would be removed
            for first, last in runs(contact[:, foot] == value):
                inside = first > 0 and last < len(contact)
                if inside and last - first <= longest:
                    contact[first:last, foot] = not value
    return contact


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """First index and one past the last of every unbroken run of True in (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def touch_downs(contact: np.ndarray, foot: int) -> np.ndarray:
    """First frames of a foot's contacts (0 left, 1 right), without one at the motion's start."""
    return np.flatnonzero(contact[1:, foot] & ~contact[:-1, foot]) + 1


@dataclass(frozen=True, slots=True)
class GaitFigures:
    """Gait parameters; nan where a motion has too few steps."""

    cadence: float  # steps/min
    duty: float  # share of the stride a foot is on the ground
    double_support: float  # share of frames with both feet on the ground
    flight: float  # share of frames with neither
    step_length: float  # m from a touch-down to the next
    pelvis_range: float  # m, height of the pelvis, highest minus lowest within a stride
    pelvis_mid_stance: float  # m, its height at mid-stance over its mean: > 0 walking, < 0 running


def gait_figures(motion: Motion) -> GaitFigures:
    """The gait parameters over whole strides, by the source's own contacts."""
    contact = debounced_contact(motion)
    downs = [touch_downs(contact, foot) for foot in (0, 1)]
    both = np.sort(np.concatenate(downs))
    nan = float("nan")
    if len(both) < 3 or min(map(len, downs)) == 0:
        return GaitFigures(nan, nan, nan, nan, nan, nan, nan)
    whole = slice(int(both[0]), int(both[-1]))
    seconds = (both[-1] - both[0]) / motion.fps
    steps = len(both) - 1
    moved = np.diff(motion.root[both, :2], axis=0)
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
        step_length=float(np.hypot(moved[:, 0], moved[:, 1]).mean()),
        pelvis_range=float(np.mean(ranges)) if ranges else nan,
        pelvis_mid_stance=float((height[middles] - height[whole].mean()).mean())
        if middles
        else nan,
    )


def jerk(motion: Motion) -> np.ndarray:
    """(T - 3,) m/s³, the highest jerk of any joint in the world, frame by frame at 30 Hz.

    It is the third difference of positions, so three frames fewer than the motion has at 30 Hz.
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
    """(..., 2) rad, left and right: how far the shank is turned back from the line of the thigh.

    pose: (..., 10, 2).
    """
    return -_joint_angle(pose, (PELVIS, PELVIS), (L_KNEE, R_KNEE), FEET)


def elbow_flexion(pose: np.ndarray) -> np.ndarray:
    """(T, 2) rad, left and right: how far the forearm is turned forward from the upper arm."""
    return _joint_angle(pose, (NECK, NECK), (L_ELBOW, R_ELBOW), (L_HAND, R_HAND))


def hip_flexion(pose: np.ndarray) -> np.ndarray:
    """(T, 2) rad, left and right: how far the thigh is forward of the line of the trunk."""
    return _joint_angle(pose, (NECK, NECK), (PELVIS, PELVIS), (L_KNEE, R_KNEE))


def _joint_angle(
    pose: np.ndarray, first: Sequence[int], middle: Sequence[int], last: Sequence[int]
) -> np.ndarray:
    """Angles (..., n) rad from the bones first-middle to the bones middle-last, n joints each."""
    upper = pose[..., middle, :] - pose[..., first, :]
    lower = pose[..., last, :] - pose[..., middle, :]
    return signed_angle(upper, lower)


def signed_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle (...) rad from vectors (..., 2) to vectors (..., 2), positive counter-clockwise."""
    cross = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    return np.arctan2(cross, (first * second).sum(axis=-1))


def limit_violations(motion: Motion) -> tuple[float, float]:
    """Share of frames with a knee or an elbow past its limits, and the largest excess, rad.

    The limits are straight (0) and MAX_FLEXION. The shank runs to the ball of the foot, as the
    skeleton has no ankle.
    """
    bends = np.concatenate([knee_flexion(motion.pose), elbow_flexion(motion.pose)], axis=1)
    past = np.maximum(np.maximum(-bends, bends - MAX_FLEXION), 0.0)
    return float((past > LIMIT_SLACK).any(axis=1).mean()), float(past.max())


def joint_speed(motion: Motion) -> np.ndarray:
    """Speed of the fastest joint relative to the root, in the body's own axes, (T-1,) m/s.

    Travel and turning are not in it, so that a pose that pops from one frame to the next shows.
    """
    return np.linalg.norm(np.diff(motion.local, axis=0), axis=2).max(axis=1) * motion.fps


def pop_score(motion: Motion, at_s: float, own_mps: float, window_s: float = 0.5) -> float:
    """Highest joint speed around a change of action over the allowed speed; above 1 it pops.

    at_s: when the action changes. own_mps: the larger of the two actions' own highest joint
    speeds. Allowed is 1.5 times that, but at least 3 m/s. window_s: how long to look after it.
    """
    near = motion.between(at_s - 2.0 / motion.fps, at_s + window_s)
    return float(joint_speed(near).max() / max(1.5 * own_mps, 3.0))
