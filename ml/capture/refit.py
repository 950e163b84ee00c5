"""Fits our skeleton to a source's bone angles or to a model's output."""

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
    joints_world,
)
from ml.episodes.features import N_POSE
from ml.measure.metrics import (
    MAX_FLEXION,
    MOTION_FPS,
    Motion,
    body_to_world,
    knee_flexion,
    runs,
    signed_angle,
    world_to_body,
)

EASE_FRAMES = 4
"""A foot blends from its planted spot to its free path within this many frames."""
STRAIGHT = 0.985
"""A standing leg is at most this share of its length long: close to straight, a centimetre turns
the knee by ten degrees, so that it would snap."""
MIN_BEND = 0.15
"""rad, roughly the flexion of a knee or elbow that would bend back."""
PELVIS_SIGMA_S, STANCE_SIGMA_S = 1.00, 0.05
"""s; smoothing of the pelvis' lift to fit our legs: over strides, then within them."""
KNEE_WEIGHT = 0.5
"""How far the pelvis follows the knees within a stride: at 0 it keeps its own bounce, and knees
bend up to 30 degrees more than the source's; at 1 they bend as the source's, and a runner's bounce
is halved."""

BONES = np.array(BONE_LENGTHS[ActorType.HUMAN])
CERTAIN_SHARE = 0.7
"""A bone that a model makes at least this share of its length keeps the model's direction."""
NEIGHBOUR_WEIGHTS = 1.0 - np.abs(np.arange(-6, 7)) / 7
"""Weights of the frames around the one in their middle."""
OVERBENT = 0.3
"""rad before a knee's limit at which its leg starts to follow the thigh."""
TRUNK = [NECK, L_ELBOW, L_HAND, R_ELBOW, R_HAND]
TRUNK_PARENTS = [PARENTS[joint] for joint in TRUNK]
TRUNK_LENGTHS = np.array([BONES[BONE_OF_JOINT[joint]] for joint in TRUNK])
"""The bones above the legs, parents first: their far joints, their near joints, lengths in m."""
KNEE_STIFFNESS = 0.15
"""m/rad, the weight of an error of the knee's flexion beside one of the foot's position; see
``reachable_feet``."""


def smooth(values: np.ndarray, sigma_s: float) -> np.ndarray:
    """Gaussian mean along the first axis, at MOTION_FPS; at the ends only over existing frames."""
    radius = int(np.ceil(3.0 * sigma_s * MOTION_FPS))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / (sigma_s * MOTION_FPS)) ** 2)
    inside = slice(radius, radius + len(values))
    weight = np.convolve(np.ones(len(values)), kernel)[inside]
    flat = values.reshape(len(values), -1)
    out = [np.convolve(column, kernel)[inside] / weight for column in flat.T]
    return np.stack(out, axis=1).reshape(values.shape)


def refit(raw: Motion, angles: np.ndarray, contact: np.ndarray, travels: bool) -> Motion:
    """Our skeleton at a source's bone angles, with the balls of its standing feet planted.

    raw: the source's own joints. angles: (T, 9) rad, of the bone above each joint but the pelvis,
    from the forward axis. contact: (T, 2) bool. travels: see ``retarget_clip``.
    """
    pose = np.zeros_like(raw.pose)
    for joint, angle in enumerate(angles.T, start=1):
        bone = BONES[BONE_OF_JOINT[joint]] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        pose[:, joint] = pose[:, PARENTS[joint]] + bone
    for elbow, hand in ((L_ELBOW, L_HAND), (R_ELBOW, R_HAND)):
        pose[:, elbow], pose[:, hand] = _unlocked_arm(pose[:, NECK], pose[:, elbow], pose[:, hand])
    legs = (L_KNEE, L_FOOT), (R_KNEE, R_FOOT)
    balls = np.stack([_unlocked_ball(pose[:, knee], pose[:, ball]) for knee, ball in legs], axis=1)
    reach = np.hypot(balls[..., 0], balls[..., 1])
    rise = _smooth_over_stances(contact, -balls[..., 1] - raw.pose[:, PELVIS, 1:], PELVIS_SIGMA_S)
    height = raw.pose[:, PELVIS, 1] + rise
    balls[..., 1] += height[:, None]
    balls, lateral = _plant_feet(raw, balls, contact, travels)
    wanted = np.sqrt(np.maximum(reach**2 - balls[..., 0] ** 2, 0.0)) - height[:, None]
    height = height + KNEE_WEIGHT * _smooth_over_stances(contact, wanted, STANCE_SIGMA_S)
    limit = STRAIGHT * (BONES[THIGH] + BONES[SHANK])
    spare = np.sqrt(np.maximum(limit**2 - balls[..., 0] ** 2, 0.0)) + balls[..., 1]
    spare = np.where(contact, spare, np.inf).min(axis=1)
    height = height - _smooth_upper_bound(np.maximum(height - spare, 0.0))
    pose[..., 1] += height[:, None]
    for foot, (knee, ball) in enumerate(legs):
        pose[:, knee], pose[:, ball] = leg_ik(pose[:, PELVIS], balls[:, foot])
    return Motion(
        fps=raw.fps,
        root=raw.root,
        heading=raw.heading,
        pose=pose,
        lateral=lateral,
        world=joints_world(raw.root, raw.heading, pose, lateral),
        contact=contact,
        bones=BONES,
    )


def _unlocked_ball(knee: np.ndarray, ball: np.ndarray) -> np.ndarray:
    """Balls of the feet (T, 2) m from the hip, moved outwards where the knee would bend back.

    knee: (T, 2) m from the hip. With a flat foot the line from knee to ball runs forward of that
    of a straight leg. Our knees never bend back, so such a leg becomes almost straight, with a
    smooth transition.
    """
    bend = -signed_angle(knee, ball - knee) - MIN_BEND
    bend = MIN_BEND + 0.5 * (bend + np.sqrt(bend * bend + MIN_BEND**2))
    upper, lower = BONES[THIGH], BONES[SHANK]
    length = np.sqrt(upper**2 + lower**2 + 2.0 * upper * lower * np.cos(bend))
    return ball * (length / np.hypot(*ball.T))[:, None]


def _smooth_over_stances(contact: np.ndarray, wanted: np.ndarray, sigma_s: float) -> np.ndarray:
    """A smooth curve (T,) m through the values that each standing foot wants, (T, 2) m.

    A foot's weight grows from its touch-down on and fades before it lifts; in flight the curve is
    interpolated from one foot to the next. Zero if no foot ever stands.
    """
    weight = np.zeros(contact.shape)
    for foot in (0, 1):
        for first, last in runs(contact[:, foot]):
            frames = np.arange(last - first)
            weight[first:last, foot] = np.minimum(np.minimum(frames, frames[::-1]) + 1, EASE_FRAMES)
    total = weight.sum(axis=1)
    at = np.flatnonzero(total)
    if len(at) == 0:
        return np.zeros(len(contact))
    mean = (weight * wanted).sum(axis=1)[at] / total[at]
    return smooth(np.interp(np.arange(len(contact)), at, mean), sigma_s)


def _plant_feet(
    raw: Motion, balls: np.ndarray, contact: np.ndarray, travels: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Balls (T, 2, 2) with every stance held to one spot of the ground, and lateral to match.

    If the body does not travel, they are only held to the ground.
    """
    lateral = raw.lateral.copy()
    frames = np.arange(len(raw))
    for foot, joint in enumerate((L_FOOT, R_FOOT)):
        offset = np.stack([balls[:, foot, 0], lateral[:, joint]], axis=1)
        free = body_to_world(offset, raw.heading)
        free += raw.root[:, :2]
        free = np.concatenate([free, balls[:, foot, 1:]], axis=1)
        rate = np.gradient(free, axis=0) if len(free) > 1 else np.zeros_like(free)
        swings = ~contact[:, foot]
        lifted = swings.astype(float)  # 0 on the ground, 1 from EASE_FRAMES away from it on
        moved = np.zeros_like(free)
        for first, last in runs(contact[:, foot]):
            spot = free[first:last].mean(axis=0) * [1.0, 1.0, 0.0]
            moved[first:last] += spot - free[first:last]
            before = slice(max(0, first - EASE_FRAMES), first)
            after = slice(last, last + EASE_FRAMES)
            for edge, near in ((first, before), (last - 1, after)):
                u = np.abs(frames[near] - edge) / EASE_FRAMES
                # A cubic Hermite blend: from the spot at rest to the free path at its own rate.
                fade = (1.0 - u) ** 2 * swings[near]
                direction = 1.0 if edge == last - 1 else -1.0
                slope = -direction * EASE_FRAMES * rate[edge]
                lifted[near] = np.minimum(lifted[near], u)
                moved[near] += fade[:, None] * ((1.0 + 2.0 * u)[:, None] * (spot - free[edge]))
                moved[near] += (fade * u)[:, None] * slope
        at = free + moved * [travels, travels, 1.0]
        clear = np.maximum(raw.pose[:, joint, 1] - at[:, 2], 0.0)  # else it would drag
        at[:, 2] += lifted * clear
        offset = world_to_body(at[:, :2] - raw.root[:, :2], raw.heading)
        balls[:, foot, 0] = offset[:, 0]
        balls[:, foot, 1] = np.maximum(at[:, 2], 0.0)
        lateral[:, joint] = offset[:, 1]
    return balls, lateral


def _smooth_upper_bound(drop: np.ndarray) -> np.ndarray:
    """A smooth curve (T,) nowhere below ``drop``."""
    radius = int(np.ceil(3.0 * PELVIS_SIGMA_S * MOTION_FPS))
    padded = np.pad(drop, radius, mode="edge")
    highest = sliding_window_view(padded, 2 * radius + 1).max(axis=1)
    return smooth(highest, PELVIS_SIGMA_S)


def leg_ik(hip: np.ndarray, ball: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ball (..., 2) of a leg of human bones from ``hip`` to ``ball``, the knee forward.

    Two-bone IK; a ball out of reach is moved along the line from the hip.
    """
    direction = ball - hip
    distance = np.hypot(direction[..., 0], direction[..., 1])
    upper, lower = BONES[THIGH], BONES[SHANK]
    reach = np.clip(distance, abs(upper - lower) + 0.05, 0.999 * (upper + lower))[..., None]
    direction = direction / np.maximum(distance, 1e-9)[..., None]
    along = (upper**2 - lower**2 + reach**2) / (2.0 * reach)
    across = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    normal = np.stack([-direction[..., 1], direction[..., 0]], axis=-1)
    knee = hip + along * direction + across * normal
    return knee, hip + reach * direction


def _unlocked_arm(
    shoulder: np.ndarray, elbow: np.ndarray, hand: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Elbow and hand (T, 2) with the hand in its direction and the elbow never bent back.

    A forearm that appears to bend back is seen from its other side, so it is mirrored, with a
    smooth transition.
    """
    bend = signed_angle(elbow - shoulder, hand - elbow)
    bend = np.minimum(np.sqrt(bend**2 + MIN_BEND**2), MAX_FLEXION)
    direction = np.unwrap(np.arctan2(*(hand - shoulder).T[::-1]))
    inner = np.arctan2(
        BONES[FOREARM] * np.sin(bend), BONES[UPPER_ARM] + BONES[FOREARM] * np.cos(bend)
    )
    first = direction - inner
    elbow = shoulder + BONES[UPPER_ARM] * np.stack([np.cos(first), np.sin(first)], axis=1)
    second = first + bend
    return elbow, elbow + BONES[FOREARM] * np.stack([np.cos(second), np.sin(second)], axis=1)


def with_human_bones(state: np.ndarray) -> np.ndarray:
    """A model's state (..., C, 22) of C frames with human bone lengths.

    Bones keep their directions and feet their positions, except as ``bone_directions`` and
    ``reachable_feet`` say.
    """
    pose = state[..., :N_POSE].reshape(*state.shape[:-1], N_JOINTS, 2)
    made = pose.copy()
    made[..., PELVIS, 0] = 0.0
    way = pose[..., TRUNK, :] - pose[..., TRUNK_PARENTS, :]
    way = np.moveaxis(way[..., 0] + 1j * way[..., 1], -1, -2)
    bones = TRUNK_LENGTHS[:, None] * bone_directions(way)
    for k, (joint, parent) in enumerate(zip(TRUNK, TRUNK_PARENTS, strict=True)):
        made[..., joint, 0] = made[..., parent, 0] + bones[..., k, :].real
        made[..., joint, 1] = made[..., parent, 1] + bones[..., k, :].imag
    # A flexion just above half a turn comes as a negative angle; keep it large instead.
    bends = np.mod(knee_flexion(pose) + 1.0, 2.0 * math.pi) - 1.0
    for side, (knee, foot) in enumerate(((L_KNEE, L_FOOT), (R_KNEE, R_FOOT))):
        hip = pose[..., PELVIS, :]
        ball = reachable_feet(hip, pose[..., knee, :], pose[..., foot, :], bends[..., side])
        made[..., knee, :], made[..., foot, :] = leg_ik(made[..., PELVIS, :], ball)
    return np.concatenate([made.reshape(*state.shape[:-1], N_POSE), state[..., N_POSE:]], axis=-1)


def bone_directions(bones: np.ndarray) -> np.ndarray:
    """Unit directions (..., 5, C), complex, of a model's TRUNK bones over C frames.

    bones: (..., 5, C) m, complex: forward + 1j * up. Where a model is uncertain it makes a bone
    short, as the mean of possible directions is, and a bone that shrinks to nothing and grows in
    the opposite direction would whip round. So the angle of a short bone is averaged over the
    frames around it.
    """
    length = np.abs(bones)
    doubt = 1.0 - np.minimum(length / (CERTAIN_SHARE * TRUNK_LENGTHS[:, None]), 1.0) ** 2
    if doubt.max() == 0.0:
        return bones / length
    n = len(NEIGHBOUR_WEIGHTS)
    padding = [(0, 0)] * (bones.ndim - 1) + [(n // 2,) * 2]

    def weighted(values: np.ndarray) -> np.ndarray:
        """(..., 5, C, n), the weighted values of the frames around each frame."""
        return NEIGHBOUR_WEIGHTS * sliding_window_view(np.pad(values, padding, "edge"), n, axis=-1)

    angle = np.unwrap(np.angle(bones), axis=-1)
    mean = weighted(angle).sum(axis=-1) / NEIGHBOUR_WEIGHTS.sum()
    return np.exp(1j * (angle + weighted(doubt).max(axis=-1) * (mean - angle)))


def reachable_feet(
    hip: np.ndarray, knee: np.ndarray, foot: np.ndarray, bend: np.ndarray
) -> np.ndarray:
    """Feet (..., 2) m that human legs reach from ``hip`` with a flexion near ``bend`` (...) rad.

    hip, knee, foot: (..., 2) m as a model has them. An almost straight leg has to bend by 10
    degrees to be a centimetre shorter: if only the foot were met, a bone that a model makes 2 % too
    long would throw the knee. So the errors of flexion and foot are minimised together, by damped
    least squares (Wampler, "Manipulator inverse kinematic solutions", IEEE SMC 16, 1986) along the
    line from hip to foot. For a knee bent past its limit it is the line that thigh and flexion
    give, as such a foot is too close to the hip to define one.
    """
    upper, lower = BONES[THIGH], BONES[SHANK]

    def reach(bend: np.ndarray) -> np.ndarray:
        """Distance in m from hip to ball at a flexion."""
        return np.sqrt(upper**2 + lower**2 + 2.0 * upper * lower * np.cos(bend))

    way = foot - hip
    distance = np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-6)
    overbent = np.clip((bend - MAX_FLEXION) / OVERBENT + 1.0, 0.0, 1.0)
    bend = np.clip(bend, 0.0, MAX_FLEXION)
    if overbent.max() > 0.0:
        thigh = knee - hip
        angle = np.arctan2(thigh[..., 1], thigh[..., 0])
        folded = upper * np.exp(1j * angle) + lower * np.exp(1j * (angle - bend))
        folded = np.stack([folded.real, folded.imag], axis=-1)
        way = way + overbent[..., None] * (folded - way)
    size = np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-6)
    own = reach(bend)
    per_rad = -upper * lower * np.sin(bend) / own
    correction = per_rad * (distance - own)
    correction /= per_rad * per_rad + KNEE_STIFFNESS * KNEE_STIFFNESS
    own = reach(np.clip(bend + correction, 0.0, MAX_FLEXION))
    return hip + way * (own / size)[..., None]
