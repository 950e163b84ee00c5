"""The contract's body put to a source's angles, or to what a model makes: its bones, its feet."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from entities.skeleton import (
    BONE_LENGTHS,
    BONE_OF_JOINT,
    FOREARM,
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
    UPPER_ARM,
    ActorType,
)
from ml.episodes.features import N_POSE
from ml.measure.metrics import MAX_FLEXION, MOTION_FPS, Motion, knee_flexion, runs, upright_world

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
STIFF_KNEE = 0.15
"""m/rad, how much a knee that is bent otherwise than the model's counts beside a foot that is
elsewhere; see ``within_legs``."""


def smooth(values: np.ndarray, sigma_s: float) -> np.ndarray:
    """Gaussian mean along the first axis; the ends weigh only what exists."""
    reach = int(np.ceil(3.0 * sigma_s * MOTION_FPS))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (sigma_s * MOTION_FPS)) ** 2)
    inside = slice(reach, reach + len(values))
    weight = np.convolve(np.ones(len(values)), kernel)[inside]
    flat = values.reshape(len(values), -1)
    out = [np.convolve(column, kernel)[inside] / weight for column in flat.T]
    return np.stack(out, axis=1).reshape(values.shape)


def refit(raw: Motion, angles: np.ndarray, contact: np.ndarray, travels: bool) -> Motion:
    """The contract's body at a source's angles, the balls of its standing feet planted.

    raw: the source's own joints. angles: (T, 9) rad, of the bone above each joint but the pelvis,
    from the forward axis. contact: (T, 2) bool. travels: see ``import_clip``.
    """
    pose = np.zeros_like(raw.pose)
    for joint, angle in enumerate(angles.T, start=1):
        way = BONES[BONE_OF_JOINT[joint]] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        pose[:, joint] = pose[:, PARENTS[joint]] + way
    for elbow, hand in ((L_ELBOW, L_HAND), (R_ELBOW, R_HAND)):
        pose[:, elbow], pose[:, hand] = _arm(pose[:, NECK], pose[:, elbow], pose[:, hand])
    legs = (L_KNEE, L_FOOT), (R_KNEE, R_FOOT)
    balls = np.stack([_unlocked(pose[:, knee], pose[:, ball]) for knee, ball in legs], axis=1)
    reach = np.hypot(balls[..., 0], balls[..., 1])
    rise = _evenly(contact, -balls[..., 1] - raw.pose[:, PELVIS, 1:], PELVIS_SIGMA_S)
    height = raw.pose[:, PELVIS, 1] + rise
    balls[..., 1] += height[:, None]
    balls, lateral = _planted(raw, balls, contact, travels)
    wanted = np.sqrt(np.maximum(reach**2 - balls[..., 0] ** 2, 0.0)) - height[:, None]
    height = height + KNEES_SAY * _evenly(contact, wanted, STANCE_SIGMA_S)
    limit = STRAIGHT * (BONES[THIGH] + BONES[SHANK])
    spare = np.sqrt(np.maximum(limit**2 - balls[..., 0] ** 2, 0.0)) + balls[..., 1]
    spare = np.where(contact, spare, np.inf).min(axis=1)
    height = height - _at_least(np.maximum(height - spare, 0.0))
    pose[..., 1] += height[:, None]
    for foot, (knee, ball) in enumerate(legs):
        pose[:, knee], pose[:, ball] = leg(pose[:, PELVIS], balls[:, foot])
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
    return smooth(np.interp(np.arange(len(contact)), at, mean), sigma_s)


def _planted(
    raw: Motion, balls: np.ndarray, contact: np.ndarray, travels: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Balls (T, 2, 2) with every stance held to one spot of the ground, and lateral to match.

    Where the body does not travel they are held to the ground only.
    """
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
        lifted = swings.astype(float)  # 0 on the ground, 1 from EASE_FRAMES away from it on
        moved = np.zeros_like(free)
        for first, last in runs(contact[:, foot]):
            spot = free[first:last].mean(axis=0) * [1.0, 1.0, 0.0]
            moved[first:last] += spot - free[first:last]
            for edge, beyond in ((first, first - frames), (last - 1, frames - last + 1)):
                u = np.clip(beyond / EASE_FRAMES, 0.0, 1.0) + (beyond <= 0)
                out = (1.0 - u) ** 2 * swings * (beyond > 0)
                away = 1.0 if edge == last - 1 else -1.0
                slope = -away * EASE_FRAMES * rate[edge]
                lifted = np.minimum(lifted, np.where(beyond > 0, u, 1.0))
                moved += out[:, None] * ((1.0 + 2.0 * u)[:, None] * (spot - free[edge]))
                moved += (out * u)[:, None] * slope
        at = free + moved * [travels, travels, 1.0]
        clear = np.maximum(raw.pose[:, joint, 1] - at[:, 2], 0.0)  # its own height, or it drags
        at[:, 2] += lifted * clear
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
    return smooth(highest, PELVIS_SIGMA_S)


def leg(hip: np.ndarray, ball: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ball (..., 2) of a leg whose ball should be at ``ball``; the knee bends forward."""
    way = ball - hip
    size = np.hypot(way[..., 0], way[..., 1])
    upper, lower = BONES[THIGH], BONES[SHANK]
    reach = np.clip(size, abs(upper - lower) + 0.05, 0.999 * (upper + lower))[..., None]
    way = way / np.maximum(size, 1e-9)[..., None]
    along = (upper**2 - lower**2 + reach**2) / (2.0 * reach)
    across = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    knee = hip + along * way + across * np.stack([-way[..., 1], way[..., 0]], axis=-1)
    return knee, hip + reach * way


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
