"""BVH of any common skeleton -> a ``Motion`` in the contract's joints, lengths and ground.

Only the sagittal plane is kept: each bone's angle in it, on the contract's lengths, with the feet
that stood planted again. What a body does across that plane stays in ``lateral`` as overlay, and a
clip that does much across it is flagged, so that nobody learns from its shadow.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from entities.skeleton import L_FOOT, N_JOINTS, R_FOOT
from ml.capture.bvh import Bvh, joint_positions, read_bvh, rest_positions
from ml.capture.refit import refit, smooth
from ml.capture.rigs import SIDES, Rig, match_joints
from ml.measure.metrics import MOTION_FPS, STANCE_PERCENTILE, Motion, joint_speed

LEG_BONES_M = 0.817
"""Hip to knee to ankle of a 1.70 m adult; a source's own sets its scale."""
BALL_OF_TOE = 0.75
"""Where the ball of the foot is from ankle to tip of the toes, for want of a toe joint."""
HEADING_SIGMA_S = 0.25
"""Hips swing about 5 degrees in a stride; facing is what is left when that is smoothed away."""
OUT_OF_PLANE = 0.3
"""A bone seen shorter than this share of its length says nothing of its angle in the plane."""
FLAG_SHARE = 0.10
WHIP_MPS, WHIP_FACTOR, MOST_WHIP = 3.0, 1.5, 2.0
"""A joint may go as fast as this, or so much faster than the source's own; more than MOST_WHIP
times that comes of a bone that swung round where the plane hardly shows it."""
REST_DEG = 5.0
"""Nobody leaves a rest pose by so much in a frame."""
CONTACT_M, CONTACT_MPS = 0.03, 1.0
"""A ball of the foot this low and this slow stands."""

# The source's two ends of the bone above each joint but the pelvis, in the order of JOINTS.
_BONE_ENDS = (
    ("hips", "neck"),
    ("left_upper_arm", "left_forearm"),
    ("left_forearm", "left_hand"),
    ("right_upper_arm", "right_forearm"),
    ("right_forearm", "right_hand"),
    ("left_upper_leg", "left_lower_leg"),
    ("left_lower_leg", "left_ball"),
    ("right_upper_leg", "right_lower_leg"),
    ("right_lower_leg", "right_ball"),
)
_RAW = ("hips", *(far for _, far in _BONE_ENDS))


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One imported file."""

    motion: Motion  # the contract's body
    raw: Motion  # the source's own joints, only scaled, levelled and turned to start at heading 0;
    # in contact from heel strike on, where motion's is the ball of the foot's alone
    rig: Rig  # which joint was taken for what
    unit_m: float  # canonical metres per unit of the file
    out_of_plane_share: float  # of frames in which some bone lies across the sagittal plane
    whip: float  # fastest joint over what is allowed, at the worst moment

    @property
    def out_of_plane(self) -> bool:
        """Whether the clip is too much across the plane to teach."""
        return self.out_of_plane_share > FLAG_SHARE

    @property
    def whips(self) -> bool:
        """Whether a limb is thrown about in the plane as it never was in space."""
        return self.whip > MOST_WHIP


def import_file(path: str | Path, up: str | None = None, travels: bool = True) -> Clip:
    """A BVH file as a Clip. Raises ValueError naming the file and what is wrong with it."""
    bvh = read_bvh(path)
    try:
        return import_clip(bvh, up, travels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def import_clip(bvh: Bvh, up: str | None = None, travels: bool = True) -> Clip:
    """A BVH as a Clip at 30 frames a second, starting at the origin with heading 0.

    up: "y" or "z", the file's vertical; None finds it from the rest pose, or where that is no
    standing figure from the motion. travels: False for a walk on the spot, whose feet slide over
    the ground by design: they are only kept on it. Raises ValueError naming the joints that could
    not be found.
    """
    rig = match_joints(bvh)
    bvh = _without_rest_frame(bvh)
    places, unit_m = _places(bvh, rig, up)
    places = {name: _at_motion_fps(track, bvh.frame_s) for name, track in places.items()}
    heading, root = _level(places)
    raw = _raw_motion(places, root, heading)
    angles, outside = _sagittal_angles(places, raw)
    balls = np.stack([places[f"{side}_ball"] for side in SIDES], axis=1)
    contact = _stands(balls) if travels else _is_low(balls)
    motion = refit(raw, angles, contact, travels)
    return Clip(
        motion=motion,
        raw=raw,
        rig=rig,
        unit_m=unit_m,
        out_of_plane_share=float(outside.any(axis=1).mean()),
        whip=_whip(raw, motion),
    )


def _whip(raw: Motion, motion: Motion) -> float:
    own = joint_speed(raw)
    if len(own) == 0:
        return 0.0
    around = np.pad(own, 1, mode="edge")
    own = np.maximum(np.maximum(around[:-2], own), around[2:])
    return float((joint_speed(motion) / np.maximum(WHIP_FACTOR * own, WHIP_MPS)).max())


def _without_rest_frame(bvh: Bvh) -> Bvh:
    """The file without a first frame that only shows its rest pose, as cgspeed's CMU files have."""
    names = [name for joint in bvh.channels for name in joint]
    turns = bvh.motion[:2, [name.lower().endswith("rotation") for name in names]]
    if len(bvh.motion) < 3 or turns[0].any() or np.abs(turns[1]).max(initial=0.0) < REST_DEG:
        return bvh
    return replace(bvh, motion=bvh.motion[1:])


def _places(bvh: Bvh, rig: Rig, up: str | None) -> tuple[dict[str, np.ndarray], float]:
    """Tracks (T, 3) of the rig's roles in canonical metres, z up, and metres per unit."""
    joints, ends = joint_positions(bvh)
    places = {role: joints[:, at] for role, at in rig.joints.items()}
    for side in SIDES:
        foot = rig.joints[f"{side}_foot"]
        if f"{side}_toe" in rig.joints:
            ball = places[f"{side}_toe"]
        else:
            ball = places[f"{side}_foot"]
            ball = ball + BALL_OF_TOE * (ends[foot] - ball)
        places[f"{side}_ball"] = ball
    legs = [
        np.linalg.norm(places[f"{side}_{a}"] - places[f"{side}_{b}"], axis=1).mean()
        for side in SIDES
        for a, b in (("upper_leg", "lower_leg"), ("lower_leg", "foot"))
    ]
    if min(legs) <= 0.0:
        raise ValueError("skeleton: a leg has no length; expected hip, knee and ankle apart")
    unit_m = LEG_BONES_M / (sum(legs) / 2.0)
    axis = {"x": 0, "y": 1, "z": 2}[up] if up else _vertical(bvh, rig, places)
    order = [(axis + 1) % 3, (axis + 2) % 3, axis]  # a turn, not a mirror
    places = {name: track[:, order] * unit_m for name, track in places.items()}
    everything = np.stack(list(places.values()), axis=1)
    floor = np.percentile(everything[:, :, 2].min(axis=1), 1.0)
    return {name: track - [0.0, 0.0, floor] for name, track in places.items()}, unit_m


def _vertical(bvh: Bvh, rig: Rig, places: dict[str, np.ndarray]) -> int:
    """The file's vertical axis: y or z, whichever runs up the body."""
    rest = rest_positions(bvh)
    feet = [rig.joints[f"{side}_foot"] for side in SIDES]
    leg = rest[rig.joints["hips"]] - rest[feet].mean(axis=0)
    trunk = rest[rig.joints["neck"]] - rest[rig.joints["hips"]]
    if leg @ trunk < 0.7 * np.linalg.norm(leg) * np.linalg.norm(trunk):
        ankles = (places["left_foot"] + places["right_foot"]) / 2.0
        leg = (places["neck"] - ankles).mean(axis=0)  # an arbitrary zero pose: ask the motion
    return 1 if abs(leg[1]) >= abs(leg[2]) else 2


def _at_motion_fps(track: np.ndarray, frame_s: float) -> np.ndarray:
    length_s = (len(track) - 1) * frame_s
    count = int(length_s * MOTION_FPS + 0.01) + 1  # files round 1/30 s to 0.0333333
    at = np.minimum(np.arange(count) / MOTION_FPS, length_s)
    times = np.arange(len(track)) * frame_s
    return np.stack([np.interp(at, times, column) for column in track.T], axis=1)


def _level(places: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Turn all tracks so that the clip starts at the origin, facing +x; heading and root of it."""
    across = (places["left_upper_leg"] - places["right_upper_leg"])[:, :2]
    facing = smooth(np.stack([across[:, 1], -across[:, 0]], axis=1), HEADING_SIGMA_S)
    heading = np.unwrap(np.arctan2(facing[:, 1], facing[:, 0]))
    cos, sin = np.cos(heading[0]), np.sin(heading[0])
    start = places["hips"][0, :2].copy()
    for name, track in places.items():
        x, y = (track[:, :2] - start).T
        places[name] = np.stack([x * cos + y * sin, y * cos - x * sin, track[:, 2]], axis=1)
    root = places["hips"] * [1.0, 1.0, 0.0]
    return heading - heading[0], root


def _raw_motion(places: dict[str, np.ndarray], root: np.ndarray, heading: np.ndarray) -> Motion:
    world = np.stack([places[_RAW[joint]] for joint in range(N_JOINTS)], axis=1)
    balls = world[:, [L_FOOT, R_FOOT]].copy()
    world[:, [L_FOOT, R_FOOT], 2] -= _stance(balls)  # the marker sits this high over the sole
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    away = world - root[:, None]
    pose = np.stack([away[..., 0] * cos + away[..., 1] * sin, away[..., 2]], axis=2)
    lateral = away[..., 1] * cos - away[..., 0] * sin
    ankles = np.stack([places[f"{side}_foot"] for side in SIDES], axis=1)
    contact = _stands(balls) | _stands(ankles)
    return Motion(MOTION_FPS, root, heading, pose, lateral, world, contact)


def _stance(points: np.ndarray) -> float:
    """Height of the lower of two feet's points (T, 2, 3) when it stands, m."""
    return float(np.percentile(points[:, :, 2].min(axis=1), STANCE_PERCENTILE))


def _stands(points: np.ndarray) -> np.ndarray:
    """(T, 2) bool: whether a point of each foot, (T, 2, 3) m, is on the ground and at rest."""
    low = _is_low(points)
    if len(points) < 2:
        return low
    speed = np.linalg.norm(np.diff(points, axis=0), axis=2) * MOTION_FPS
    still = speed < CONTACT_MPS
    before, after = np.insert(still, 0, still[0], axis=0), np.append(still, still[-1:], axis=0)
    return low & (before | after)


def _is_low(points: np.ndarray) -> np.ndarray:
    return points[..., 2] - _stance(points) < CONTACT_M


def _sagittal_angles(places: dict[str, np.ndarray], raw: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Each bone's angle (T, 9) rad from the forward axis, and whether it is out of plane (T, 9)."""
    cos, sin = np.cos(raw.heading), np.sin(raw.heading)
    angles, outside = [], []
    for near, far in _BONE_ENDS:
        bone = places[far] - places[near]
        forward = bone[:, 0] * cos + bone[:, 1] * sin
        seen = np.hypot(forward, bone[:, 2])
        hidden = seen < OUT_OF_PLANE * np.linalg.norm(bone, axis=1)
        angle = np.arctan2(bone[:, 2], forward)
        angles.append(_held(angle, ~hidden))
        outside.append(hidden)
    return np.stack(angles, axis=1), np.stack(outside, axis=1)


def _held(angle: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Angles (T,), unwrapped; where unknown they go evenly from the last known to the next."""
    if not known.any():
        return np.full_like(angle, -0.5 * np.pi)
    at = np.flatnonzero(known)
    return np.interp(np.arange(len(angle)), at, np.unwrap(angle[at]))
