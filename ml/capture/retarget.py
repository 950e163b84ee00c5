"""Retargets BVH motion of any common skeleton to this project's ten joints and bone lengths.

Only the sagittal plane is kept: each bone's angle in it, on our bone lengths, with the standing
feet planted again. Offsets across that plane stay in ``lateral`` as overlay. A clip with much
motion across it is flagged, so that no model learns from its projection.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from entities.skeleton import L_FOOT, N_JOINTS, R_FOOT
from ml.capture.bvh import Bvh, joint_positions, read_bvh, rest_positions
from ml.capture.refit import refit, smooth
from ml.capture.rigs import SIDES, Rig, match_joints
from ml.measure.metrics import MOTION_FPS, Motion, joint_speed, stance_height, world_to_body

LEG_BONES_M = 0.817
"""m, hip to knee to ankle of a 1.70 m adult; a source is scaled to have it."""
BALL_OF_TOE = 0.75
"""Where the ball is on the way from ankle to tip of the toes, if there is no toe joint."""
HEADING_SIGMA_S = 0.25
"""s; smooths the hips' swing of about 5 degrees in a stride out of the heading."""
OUT_OF_PLANE = 0.3
"""A bone whose projection is shorter than this share of its length has no usable angle."""
FLAG_SHARE = 0.10
"""A clip with such a bone in more than this share of its frames counts as out of plane."""
OVERSPEED_MPS, OVERSPEED_FACTOR, MAX_OVERSPEED = 3.0, 1.5, 2.0
"""A joint may be as fast as this, m/s, or by this factor faster than the source's fastest; more
than MAX_OVERSPEED times that comes from a bone that turned where its projection is short."""
REST_DEG = 5.0
"""A joint turns by less than this from one recorded frame to the next."""
CONTACT_M, CONTACT_MPS = 0.03, 1.0
"""A ball of the foot this close to its stance height, m, and this slow, m/s, stands."""

# The source's ends of the bone above each joint, in the order of JOINTS without the pelvis.
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
_ROLES = ("hips", *(far for _, far in _BONE_ENDS))


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One retargeted file."""

    motion: Motion  # on our skeleton
    raw: Motion  # the source's own joints, only scaled, levelled and turned to start at heading 0;
    # its contacts begin at heel strike, those of ``motion`` are the ball's alone
    rig: Rig
    unit_m: float  # canonical metres per unit of the file
    out_of_plane_share: float  # share of frames in which a bone lies across the sagittal plane
    overspeed: float  # speed of the fastest joint over the allowed speed, at the worst moment

    @property
    def out_of_plane(self) -> bool:
        """Whether too much of the clip is across the plane to learn from it."""
        return self.out_of_plane_share > FLAG_SHARE

    @property
    def too_fast(self) -> bool:
        """Whether a limb swings in the plane as it did not in space."""
        return self.overspeed > MAX_OVERSPEED


def retarget_file(path: str | Path, up: str | None = None, travels: bool = True) -> Clip:
    """Read and retarget a file. Raises ValueError naming it and what is wrong with it."""
    bvh = read_bvh(path)
    try:
        return retarget_clip(bvh, up, travels)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def retarget_clip(bvh: Bvh, up: str | None = None, travels: bool = True) -> Clip:
    """Retarget a BVH to a clip at 30 frames a second that starts at the origin with heading 0.

    up: "y" or "z", the file's vertical axis; None finds it from the rest pose, or from the motion
    if the rest pose does not stand. travels: False for a walk on the spot, whose feet slide by
    design: they are kept on the ground but not in place. Raises ValueError naming the joints that
    could not be found.
    """
    rig = match_joints(bvh)
    bvh = _without_rest_frame(bvh)
    tracks, unit_m = _tracks(bvh, rig, up)
    tracks = {role: _resampled(track, bvh.frame_s) for role, track in tracks.items()}
    heading, root = _align(tracks)
    raw = _raw_motion(tracks, root, heading)
    angles, hidden = _sagittal_angles(tracks, raw)
    balls = np.stack([tracks[f"{side}_ball"] for side in SIDES], axis=1)
    contact = _in_contact(balls) if travels else _is_low(balls)
    motion = refit(raw, angles, contact, travels)
    return Clip(
        motion=motion,
        raw=raw,
        rig=rig,
        unit_m=unit_m,
        out_of_plane_share=float(hidden.any(axis=1).mean()),
        overspeed=_overspeed(raw, motion),
    )


def _overspeed(raw: Motion, motion: Motion) -> float:
    """See ``Clip.overspeed``; the source's speed is the highest of three adjacent frames."""
    own = joint_speed(raw)
    if len(own) == 0:
        return 0.0
    padded = np.pad(own, 1, mode="edge")
    own = np.maximum(np.maximum(padded[:-2], own), padded[2:])
    return float((joint_speed(motion) / np.maximum(OVERSPEED_FACTOR * own, OVERSPEED_MPS)).max())


def _without_rest_frame(bvh: Bvh) -> Bvh:
    """The file without a first frame that is only its rest pose, as cgspeed's CMU files have."""
    names = [name for joint in bvh.channels for name in joint]
    turns = bvh.motion[:2, [name.lower().endswith("rotation") for name in names]]
    if len(bvh.motion) < 3 or turns[0].any() or np.abs(turns[1]).max(initial=0.0) < REST_DEG:
        return bvh
    return replace(bvh, motion=bvh.motion[1:])


def _tracks(bvh: Bvh, rig: Rig, up: str | None) -> tuple[dict[str, np.ndarray], float]:
    """Positions (T, 3) of the rig's roles in canonical metres, z up, and metres per unit."""
    joints, ends = joint_positions(bvh)
    tracks = {role: joints[:, at] for role, at in rig.joints.items()}
    for side in SIDES:
        foot = rig.joints[f"{side}_foot"]
        if f"{side}_toe" in rig.joints:
            ball = tracks[f"{side}_toe"]
        else:
            ball = tracks[f"{side}_foot"]
            ball = ball + BALL_OF_TOE * (ends[foot] - ball)
        tracks[f"{side}_ball"] = ball
    legs = [
        np.linalg.norm(tracks[f"{side}_{a}"] - tracks[f"{side}_{b}"], axis=1).mean()
        for side in SIDES
        for a, b in (("upper_leg", "lower_leg"), ("lower_leg", "foot"))
    ]
    if min(legs) <= 0.0:
        raise ValueError("skeleton: a leg has no length; expected hip, knee and ankle apart")
    unit_m = LEG_BONES_M / (sum(legs) / 2.0)
    axis = {"x": 0, "y": 1, "z": 2}[up] if up else _vertical(bvh, rig, tracks)
    order = [(axis + 1) % 3, (axis + 2) % 3, axis]  # a rotation, not a reflection
    tracks = {role: track[:, order] * unit_m for role, track in tracks.items()}
    everything = np.stack(list(tracks.values()), axis=1)
    floor = np.percentile(everything[:, :, 2].min(axis=1), 1.0)
    return {role: track - [0.0, 0.0, floor] for role, track in tracks.items()}, unit_m


def _vertical(bvh: Bvh, rig: Rig, tracks: dict[str, np.ndarray]) -> int:
    """The file's vertical axis, y (1) or z (2): whichever runs more along the body."""
    rest = rest_positions(bvh)
    feet = [rig.joints[f"{side}_foot"] for side in SIDES]
    leg = rest[rig.joints["hips"]] - rest[feet].mean(axis=0)
    trunk = rest[rig.joints["neck"]] - rest[rig.joints["hips"]]
    if leg @ trunk < 0.7 * np.linalg.norm(leg) * np.linalg.norm(trunk):
        ankles = (tracks["left_foot"] + tracks["right_foot"]) / 2.0
        leg = (tracks["neck"] - ankles).mean(axis=0)  # an arbitrary zero pose: use the motion
    return 1 if abs(leg[1]) >= abs(leg[2]) else 2


def _resampled(track: np.ndarray, frame_s: float) -> np.ndarray:
    """A track (T, 3) at MOTION_FPS, by linear interpolation. frame_s: its seconds per frame."""
    length_s = (len(track) - 1) * frame_s
    count = int(length_s * MOTION_FPS + 0.01) + 1  # files round 1/30 s to 0.0333333
    at = np.minimum(np.arange(count) / MOTION_FPS, length_s)
    times = np.arange(len(track)) * frame_s
    return np.stack([np.interp(at, times, column) for column in track.T], axis=1)


def _align(tracks: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Move and turn all tracks, in place, to start at the origin facing +x; gives heading, root."""
    across = (tracks["left_upper_leg"] - tracks["right_upper_leg"])[:, :2]
    facing = smooth(np.stack([across[:, 1], -across[:, 0]], axis=1), HEADING_SIGMA_S)
    heading = np.unwrap(np.arctan2(facing[:, 1], facing[:, 0]))
    start = tracks["hips"][0, :2].copy()
    for role, track in tracks.items():
        ground = world_to_body(track[:, :2] - start, heading[0])
        tracks[role] = np.concatenate([ground, track[:, 2:]], axis=1)
    root = tracks["hips"] * [1.0, 1.0, 0.0]
    return heading - heading[0], root


def _raw_motion(tracks: dict[str, np.ndarray], root: np.ndarray, heading: np.ndarray) -> Motion:
    """The source's own joints, see ``Clip.raw``."""
    world = np.stack([tracks[_ROLES[joint]] for joint in range(N_JOINTS)], axis=1)
    balls = world[:, [L_FOOT, R_FOOT]].copy()
    world[:, [L_FOOT, R_FOOT], 2] -= stance_height(balls)  # the marker is this far above the sole
    offset = world - root[:, None]
    ground = world_to_body(offset[..., :2], heading[:, None])
    pose = np.stack([ground[..., 0], offset[..., 2]], axis=2)
    lateral = ground[..., 1]
    ankles = np.stack([tracks[f"{side}_foot"] for side in SIDES], axis=1)
    contact = _in_contact(balls) | _in_contact(ankles)
    return Motion(MOTION_FPS, root, heading, pose, lateral, world, contact)


def _in_contact(points: np.ndarray) -> np.ndarray:
    """(T, 2) bool: whether a point of each foot, (T, 2, 3) m, is on the ground and at rest."""
    low = _is_low(points)
    if len(points) < 2:
        return low
    speed = np.linalg.norm(np.diff(points, axis=0), axis=2) * MOTION_FPS
    still = speed < CONTACT_MPS
    before, after = np.insert(still, 0, still[0], axis=0), np.append(still, still[-1:], axis=0)
    return low & (before | after)


def _is_low(points: np.ndarray) -> np.ndarray:
    """(T, 2) bool: whether a point of each foot, (T, 2, 3) m, is near its stance height."""
    return points[..., 2] - stance_height(points) < CONTACT_M


def _sagittal_angles(tracks: dict[str, np.ndarray], raw: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Each bone's angle (T, 9) rad from the forward axis, and whether it is out of plane (T, 9)."""
    cos, sin = np.cos(raw.heading), np.sin(raw.heading)
    angles, out_of_plane = [], []
    for near, far in _BONE_ENDS:
        bone = tracks[far] - tracks[near]
        forward = bone[:, 0] * cos + bone[:, 1] * sin
        projected = np.hypot(forward, bone[:, 2])
        hidden = projected < OUT_OF_PLANE * np.linalg.norm(bone, axis=1)
        angle = np.arctan2(bone[:, 2], forward)
        angles.append(_interpolated(angle, ~hidden))
        out_of_plane.append(hidden)
    return np.stack(angles, axis=1), np.stack(out_of_plane, axis=1)


def _interpolated(angle: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Angles (T,) rad, unwrapped, and interpolated linearly where they are not known (T,)."""
    if not known.any():
        return np.full_like(angle, -0.5 * np.pi)
    at = np.flatnonzero(known)
    return np.interp(np.arange(len(angle)), at, np.unwrap(angle[at]))
