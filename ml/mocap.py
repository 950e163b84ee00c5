"""BVH of any common skeleton -> a ``Motion`` in the contract's joints, lengths and ground.

Only the sagittal plane is kept: each bone's angle in it, on the contract's lengths, with the feet
that stood planted again. What a body does across that plane stays in ``lateral`` as overlay, and a
clip that does much across it is flagged, so that nobody learns from its shadow.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from entities.skeleton import (
    BONE_LENGTHS,
    FOREARM,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    N_JOINTS,
    NECK,
    PELVIS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
    SHANK,
    THIGH,
    TRUNK,
    UPPER_ARM,
    ActorType,
)
from ml.bvh import Bvh, joint_positions, read_bvh, rest_positions
from ml.metrics import MAX_FLEXION, MOTION_FPS, STANCE_PERCENTILE, Motion, runs, upright_world
from ml.rigs import SIDES, Rig, match_joints

LEG_BONES_M = 0.817
"""Hip to knee to ankle of a 1.70 m adult; a source's own sets its scale."""
BALL_OF_TOE = 0.75
"""Where the ball of the foot is from ankle to tip of the toes, for want of a toe joint."""
HEADING_SIGMA_S = 0.25
"""Hips swing about 5 degrees in a stride; facing is what is left when that is smoothed away."""
OUT_OF_PLANE = 0.3
"""A bone seen shorter than this share of its length says nothing of its angle in the plane."""
FLAG_SHARE = 0.10
CONTACT_M, CONTACT_MPS = 0.03, 1.0
"""A ball of the foot this low and this slow stands."""
EASE_FRAMES = 4
"""A foot goes over from its planted spot to its free path within this many frames."""
STRAIGHT = 0.985
"""No leg that stands is straighter than this share of its length: close to straight, a centimetre
turns the knee by ten degrees, and a knee would snap."""
LEAST_BEND = 0.15
"""rad, about where a knee or elbow that would bend back stops instead."""
PELVIS_SIGMA_S, STANCE_SIGMA_S = 1.00, 0.05
"""How evenly the pelvis is lifted to fit the contract's legs: over strides, then within them."""
KNEES_SAY = 0.5
"""How far the pelvis gives way within a stride: at 0 it keeps its own bounce and knees bend up to
30 degrees more than they did, at 1 they bend as they did and a runner's bounce is halved."""

BONES = np.array(BONE_LENGTHS[ActorType.HUMAN])
_CHAINS = (  # child joint, parent joint, bone, and the source's two ends of it
    (NECK, PELVIS, TRUNK, ("hips", "neck")),
    (L_ELBOW, NECK, UPPER_ARM, ("left_upper_arm", "left_forearm")),
    (L_HAND, L_ELBOW, FOREARM, ("left_forearm", "left_hand")),
    (R_ELBOW, NECK, UPPER_ARM, ("right_upper_arm", "right_forearm")),
    (R_HAND, R_ELBOW, FOREARM, ("right_forearm", "right_hand")),
    (L_KNEE, PELVIS, THIGH, ("left_upper_leg", "left_lower_leg")),
    (L_FOOT, L_KNEE, SHANK, ("left_lower_leg", "left_ball")),
    (R_KNEE, PELVIS, THIGH, ("right_upper_leg", "right_lower_leg")),
    (R_FOOT, R_KNEE, SHANK, ("right_lower_leg", "right_ball")),
)
_RAW = dict(zip(range(N_JOINTS), ["hips", *(ends[1] for *_, ends in _CHAINS)], strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One imported file."""

    motion: Motion  # the contract's body
    raw: Motion  # the source's own joints, only scaled, levelled and turned to start at heading 0;
    # in contact from heel strike on, where motion's is the ball of the foot's alone
    rig: Rig  # which joint was taken for what
    unit_m: float  # canonical metres per unit of the file
    out_of_plane_share: float  # of frames in which some bone lies across the sagittal plane

    @property
    def out_of_plane(self) -> bool:
        """Whether the clip is too much across the plane to teach."""
        return self.out_of_plane_share > FLAG_SHARE


def import_file(path: str | Path, up: str | None = None) -> Clip:
    """A BVH file as a Clip. Raises ValueError naming the file and what is wrong with it."""
    bvh = read_bvh(path)
    try:
        return import_clip(bvh, up)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def import_clip(bvh: Bvh, up: str | None = None) -> Clip:
    """A BVH as a Clip at 30 frames a second, starting at the origin with heading 0.

    up: "y" or "z", the file's vertical; None finds it from the rest pose, or where that is no
    standing figure from the motion. Raises ValueError naming the joints that could not be found.
    """
    rig = match_joints(bvh)
    places, unit_m = _places(bvh, rig, up)
    places = {name: _at_motion_fps(track, bvh.frame_s) for name, track in places.items()}
    heading, root = _level(places)
    raw = _raw_motion(places, root, heading)
    angles, outside = _sagittal_angles(places, raw)
    balls = [places[f"{side}_ball"] for side in SIDES]
    return Clip(
        motion=_refit(raw, angles, _stands(np.stack(balls, axis=1))),
        raw=raw,
        rig=rig,
        unit_m=unit_m,
        out_of_plane_share=float(outside.any(axis=1).mean()),
    )


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


def _smooth(values: np.ndarray, sigma_s: float) -> np.ndarray:
    """Gaussian mean along the first axis; the ends weigh only what exists."""
    reach = int(np.ceil(3.0 * sigma_s * MOTION_FPS))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma_s * MOTION_FPS)) ** 2)
    inside = slice(reach, reach + len(values))
    weight = np.convolve(np.ones(len(values)), kernel)[inside]
    flat = values.reshape(len(values), -1)
    out = [np.convolve(column, kernel)[inside] / weight for column in flat.T]
    return np.stack(out, axis=1).reshape(values.shape)


def _level(places: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Turn all tracks so that the clip starts at the origin, facing +x; heading and root of it."""
    across = (places["left_upper_leg"] - places["right_upper_leg"])[:, :2]
    facing = _smooth(np.stack([across[:, 1], -across[:, 0]], axis=1), HEADING_SIGMA_S)
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
    low = points[..., 2] - _stance(points) < CONTACT_M
    if len(points) < 2:
        return low
    speed = np.linalg.norm(np.diff(points, axis=0), axis=2) * MOTION_FPS
    still = speed < CONTACT_MPS
    before, after = np.insert(still, 0, still[0], axis=0), np.append(still, still[-1:], axis=0)
    return low & (before | after)


def _sagittal_angles(places: dict[str, np.ndarray], raw: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Each bone's angle (T, 9) rad from the forward axis, and whether it is out of plane (T, 9)."""
    cos, sin = np.cos(raw.heading), np.sin(raw.heading)
    angles, outside = [], []
    for *_, (near, far) in _CHAINS:
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


def _refit(raw: Motion, angles: np.ndarray, contact: np.ndarray) -> Motion:
    """The contract's body at the source's angles; balls of feet in contact (T, 2) are planted."""
    pose = np.zeros_like(raw.pose)
    for (joint, parent, bone, _), angle in zip(_CHAINS, angles.T, strict=True):
        way = BONES[bone] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        pose[:, joint] = pose[:, parent] + way
    for elbow, hand in ((L_ELBOW, L_HAND), (R_ELBOW, R_HAND)):
        pose[:, elbow], pose[:, hand] = _arm(pose[:, NECK], pose[:, elbow], pose[:, hand])
    legs = (L_KNEE, L_FOOT), (R_KNEE, R_FOOT)
    balls = np.stack([_unlocked(pose[:, knee], pose[:, ball]) for knee, ball in legs], axis=1)
    reach = np.hypot(balls[..., 0], balls[..., 1])
    rise = _evenly(contact, -balls[..., 1] - raw.pose[:, PELVIS, 1:], PELVIS_SIGMA_S)
    height = raw.pose[:, PELVIS, 1] + rise
    balls[..., 1] += height[:, None]
    balls, lateral = _planted(raw, balls, contact)
    wanted = np.sqrt(np.maximum(reach**2 - balls[..., 0] ** 2, 0.0)) - height[:, None]
    height = height + KNEES_SAY * _evenly(contact, wanted, STANCE_SIGMA_S)
    limit = STRAIGHT * (BONES[THIGH] + BONES[SHANK])
    spare = np.sqrt(np.maximum(limit**2 - balls[..., 0] ** 2, 0.0)) + balls[..., 1]
    spare = np.where(contact, spare, np.inf).min(axis=1)
    height = height - _at_least(np.maximum(height - spare, 0.0))
    pose[..., 1] += height[:, None]
    for foot, (knee, ball) in enumerate(legs):
        pose[:, knee], pose[:, ball] = _leg(pose[:, PELVIS], balls[:, foot])
    return Motion(
        fps=raw.fps,
        root=raw.root,
        heading=raw.heading,
        pose=pose,
        lateral=lateral,
        world=upright_world(raw.root, raw.heading, pose, lateral),
        contact=contact,
        bones=BONES,
    )


def _unlocked(knee: np.ndarray, ball: np.ndarray) -> np.ndarray:
    """Balls of the feet (T, 2) about the hip, moved out where the knee would bend back.

    With a flat foot the line from knee to ball runs forward of a straight leg's; the contract's
    knees never do, so such a leg counts as all but straight, and gets there gently.
    """
    shank = ball - knee
    cross = knee[:, 0] * shank[:, 1] - knee[:, 1] * shank[:, 0]
    bend = np.arctan2(-cross, (knee * shank).sum(axis=1)) - LEAST_BEND
    bend = LEAST_BEND + 0.5 * (bend + np.sqrt(bend * bend + LEAST_BEND**2))
    upper, lower = BONES[THIGH], BONES[SHANK]
    length = np.sqrt(upper**2 + lower**2 + 2.0 * upper * lower * np.cos(bend))
    return ball * (length / np.hypot(*ball.T))[:, None]


def _evenly(contact: np.ndarray, wanted: np.ndarray, sigma_s: float) -> np.ndarray:
    """One smooth curve (T,) m through what each standing foot wants, (T, 2) m.

    A foot's say grows from its touch-down and fades before it lifts; in flight the curve goes on
    from one foot to the next. Zero where no foot ever stands.
    """
    say = np.zeros(contact.shape)
    for foot in (0, 1):
        for first, last in runs(contact[:, foot]):
            frames = np.arange(last - first)
            say[first:last, foot] = np.minimum(np.minimum(frames, frames[::-1]) + 1, EASE_FRAMES)
    total = say.sum(axis=1)
    at = np.flatnonzero(total)
    if len(at) == 0:
        return np.zeros(len(contact))
    mean = (say * wanted).sum(axis=1)[at] / total[at]
    return _smooth(np.interp(np.arange(len(contact)), at, mean), sigma_s)


def _planted(raw: Motion, balls: np.ndarray, contact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Balls (T, 2, 2) with every stance held to one spot of the ground, and lateral to match."""
    lateral = raw.lateral.copy()
    cos, sin = np.cos(raw.heading), np.sin(raw.heading)
    frames = np.arange(len(raw))
    for foot, joint in enumerate((L_FOOT, R_FOOT)):
        forward, side = balls[:, foot, 0].copy(), lateral[:, joint].copy()
        free = np.stack([forward * cos - side * sin, forward * sin + side * cos], axis=1)
        free += raw.root[:, :2]
        free = np.concatenate([free, balls[:, foot, 1:]], axis=1)
        rate = np.gradient(free, axis=0) if len(free) > 1 else np.zeros_like(free)
        swings = ~contact[:, foot]
        moved = np.zeros_like(free)
        for first, last in runs(contact[:, foot]):
            spot = free[first:last].mean(axis=0) * [1.0, 1.0, 0.0]
            moved[first:last] += spot - free[first:last]
            for edge, beyond in ((first, first - frames), (last - 1, frames - last + 1)):
                u = np.clip(beyond / EASE_FRAMES, 0.0, 1.0) + (beyond <= 0)
                out = (1.0 - u) ** 2 * swings * (beyond > 0)
                away = 1.0 if edge == last - 1 else -1.0
                slope = -away * EASE_FRAMES * rate[edge]
                moved += out[:, None] * ((1.0 + 2.0 * u)[:, None] * (spot - free[edge]))
                moved += (out * u)[:, None] * slope
        at = free + moved
        x, y = (at[:, :2] - raw.root[:, :2]).T
        balls[:, foot, 0] = x * cos + y * sin
        balls[:, foot, 1] = np.maximum(at[:, 2], 0.0)
        lateral[:, joint] = y * cos - x * sin
    return balls, lateral


def _at_least(drop: np.ndarray) -> np.ndarray:
    """A smooth curve (T,) nowhere below ``drop``."""
    reach = int(np.ceil(3.0 * PELVIS_SIGMA_S * MOTION_FPS))
    padded = np.pad(drop, reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    return _smooth(highest, PELVIS_SIGMA_S)


def _leg(hip: np.ndarray, ball: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ball (T, 2) of a leg whose ball should be at ``ball``; the knee bends forward."""
    way = ball - hip
    size = np.hypot(*way.T)
    upper, lower = BONES[THIGH], BONES[SHANK]
    reach = np.clip(size, abs(upper - lower) + 0.05, 0.999 * (upper + lower))
    way = way / np.maximum(size, 1e-9)[:, None]
    along = (upper**2 - lower**2 + reach**2) / (2.0 * reach)
    across = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    knee = hip + along[:, None] * way + across[:, None] * np.stack([-way[:, 1], way[:, 0]], axis=1)
    return knee, hip + reach[:, None] * way


def _arm(
    shoulder: np.ndarray, elbow: np.ndarray, hand: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Elbow and hand (T, 2) with the hand in its direction and the elbow never bent back.

    A forearm that seems to bend back is one seen from its other side: it is mirrored, gently.
    """
    upper, lower = elbow - shoulder, hand - elbow
    cross = upper[:, 0] * lower[:, 1] - upper[:, 1] * lower[:, 0]
    bend = np.arctan2(cross, (upper * lower).sum(axis=1))
    bend = np.minimum(np.sqrt(bend**2 + LEAST_BEND**2), MAX_FLEXION)
    way = np.unwrap(np.arctan2(*(hand - shoulder).T[::-1]))
    inner = np.arctan2(
        BONES[FOREARM] * np.sin(bend), BONES[UPPER_ARM] + BONES[FOREARM] * np.cos(bend)
    )
    first = way - inner
    elbow = shoulder + BONES[UPPER_ARM] * np.stack([np.cos(first), np.sin(first)], axis=1)
    second = first + bend
    return elbow, elbow + BONES[FOREARM] * np.stack([np.cos(second), np.sin(second)], axis=1)
