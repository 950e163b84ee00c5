"""Motion state -> Pose: a pure function, row by row, so one tick or many give the same bits.

A row is one actor at one tick. Within, lengths are canonical (divided by the body's size) and
arrays run over rows last: (N,) or (2, N) with left before right.
"""

import numpy as np

from entities.components import Pose
from entities.skeleton import (
    FOREARM,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    LATERAL,
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
)
from sim.animation import gait as g
from sim.animation import gestures as p
from sim.animation import style
from sim.animation.attention import LOUD, MOST_PITCH, MOST_YAW, SPEAKS
from sim.animation.climbing import CLIMB, climb, hold_rungs, rung_feet
from sim.animation.limb_ik import (
    keep_hands_above_ground,
    reach_with_feet,
    reach_with_hands,
)
from sim.animation.motion_state import MotionState
from sim.animation.quadruped import QUADRUPED, go_on_fours
from sim.animation.style import jerky, style_parameters

STEP_HEIGHT_M = 0.07
"""How high a foot is lifted when it steps on the spot."""
ANTICIPATION_S = 0.30
"""A body that speeds up steps as fast as it will need to this much later."""
MID_FLEXION = 0.9
"""rad, the middle of what a hip can do, from a leg stretched back to a knee at the chest."""
WIDEST = 3.4
"""rad between the furthest a leg goes back and forward."""
FOLDED_M = 0.25
"""No leg is folded shorter than this on its way from one place to another."""
ANIMAL_BOB = 0.35
"""How far an animal's hips rise and fall beside a person's: its back and four legs share it."""
COASTING = 9.0
"""1/s, how soon the old pose stops moving on at its last speed."""
KNEE_SHARE = 0.93
"""Cosine of the sharpest angle between thigh and shank: a knee bends by 2.76 rad."""
STRAIGHT = 0.9985
"""No leg is straighter than this share of its length."""
_GRAVITY = 9.81
_SIDES = np.array([[1.0], [-1.0]])


def parameters(rows: MotionState) -> np.ndarray:
    """Gesture parameters (D, N) in force, what is left of the last ones blended in."""
    table = p.gesture_table()
    gesture = table.form(rows.action, rows.seat, QUADRUPED[rows.kind])
    clock, phase = rows.clock, rows.phase
    styled = np.count_nonzero(rows.manner)
    if styled:
        manner = rows.manner.T
        clock = jerky(clock, manner[style.JERK], style.JERKS_PER_S)
        phase = jerky(phase, manner[style.JERK], style.JERKS_PER_STRIDE)
    values = table.evaluate(gesture, table.time_in(gesture, clock, phase))
    if styled:
        style_parameters(values, manner, rows.action, clock, (phase, rows.moving))
    climbs = rows.action == CLIMB
    if np.count_nonzero(climbs):
        climb(rows, values, climbs)
    if np.count_nonzero(rows.age < rows.spell):
        own_hip, loose = hip_reference(rows, values), values[p.LOOSE]
        left = fade(np.minimum(rows.age / rows.spell, 1.0)) * p.BLENDED
        coast = rows.age * np.exp(-COASTING * np.minimum(rows.age, rows.spell))
        away = rows.old.T + rows.rate.T * coast - values
        spins = table.spins[gesture]
        if np.count_nonzero(spins):
            begun = table.values[p.TURNING, :].take(gesture * table.n_keys, axis=1)
            away[p.TURNING] += np.where(spins, values[p.TURNING] - begun, 0.0)
        values = values + left * away
        values[p.RAISED] = loose * (hip_reference(rows, values) - own_hip)
    if np.count_nonzero(rows.stoop):
        values[p.LEAN] += rows.stoop[:, 0]
        values[p.DROP] += rows.stoop[:, 1]
    return values


def effective_pace(
    speed: np.ndarray, side: np.ndarray, acceleration: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """Canonical speed (N,) that picks the gait: the body's, and a little of what it will be."""
    coming = ANTICIPATION_S * np.maximum(acceleration, 0.0)
    return (np.sqrt(speed * speed + side * side) + coming) / size


def cadence_of(
    cadence: np.ndarray, action: np.ndarray, traits: np.ndarray, manner: np.ndarray
) -> np.ndarray:
    """Steps/min (N,) of a person doing an action whose speed's row says ``cadence``."""
    own = (1.0 + 0.06 * traits[:, 0]) * (1.0 + manner[:, style.CADENCE])
    return cadence * g.TEMPO[action] * own


def fade(u: np.ndarray) -> np.ndarray:
    """1 at u = 0, 0 at u = 1, level at both."""
    return (1.0 - u) * (1.0 - u) * (1.0 + 2.0 * u)


def foot_bases(
    rows: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where feet in the air belong: forward, left, up of the root, (2, N) canonical each."""
    u = rows.swing.T
    duty, size = gait[g.DUTY], rows.size
    stride_s = 120.0 / cadence
    stance, swing = duty * stride_s, (1.0 - duty) * stride_s
    ahead, up = g.swing_path(u, stance, swing, gait)
    forward = rows.speed / size * ahead - p.gesture_table().trail[rows.action]
    bump = 16.0 * u * u * (1.0 - u) * (1.0 - u)
    up = up * np.clip(1.15 - 2.0 * values[p.DROP], 0.2, 1.0)
    up = up + values[p.HIGH] * (1.0 - 0.5 * rows.run) * bump
    width = _SIDES * (LATERAL[L_FOOT] + rows.manner[:, style.WIDTH])
    left = width + rows.side / size * ahead
    walks = rows.moving * (1.0 - values[p.L_OWNED : p.R_OWNED + 1])
    keyed = values[p.L_FWD : p.R_FWD + 1]
    forward = keyed + walks * (forward - keyed)
    keyed = values[p.L_UP : p.R_UP + 1] + values[p.RAISED] + 4.0 * STEP_HEIGHT_M * u * (1.0 - u)
    up = keyed + walks * (up - keyed)
    forward, up = rung_feet(rows, hip_reference(rows, values), forward, up)
    keyed = width + _SIDES * values[p.L_SIDE : p.R_SIDE + 1]
    left = keyed + walks * (left - keyed)
    return forward, left, up


def air_feet(
    rows: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where feet in the air are, (2, N) each: on their way from where they were to their base.

    What is left of the way is turned and lengthened about the hip, so that no leg folds through
    its own hip.
    """
    forward, left, up = foot_bases(rows, values, gait, cadence)
    keep = fade(rows.swing.T)
    hip = hip_reference(rows, values)
    down = up - hip
    length = np.sqrt(forward * forward + down * down)
    folded = np.maximum(length + keep * rows.lift[:, :, 2].T, np.minimum(length, FOLDED_M))
    longer = folded / np.maximum(length, 1e-6)
    angle = keep * rows.lift[:, :, 0].T
    cos, sin = np.cos(angle) * longer, np.sin(angle) * longer
    return (
        cos * forward - sin * down,
        left + keep * rows.lift[:, :, 1].T,
        hip + sin * forward + cos * down,
    )


def hip_reference(rows: MotionState, values: np.ndarray) -> np.ndarray:
    """Height (N,) of the hip without the gait's rise and fall: what feet in the air turn about."""
    hip = rows.stand / rows.size - values[p.DROP]
    seat = rows.seat / rows.size + p.SEAT_TO_PELVIS_M
    return hip + np.minimum(np.maximum(values[p.SEAT], 0.0), 1.0) * (seat - hip)


def way_round(
    rows: MotionState, values: np.ndarray, here: np.ndarray, there: np.ndarray
) -> np.ndarray:
    """How feet get from ``there`` to ``here`` about the hip: (N, 2, 4) rad forward, m left, m out.

    The last column is for the leg's slack, 0 here. here, there: (N, 2, 3) canonical forward, left,
    up. The angle goes by way of where a leg can go: in front of the trunk, not behind it.
    """
    hip, lean = hip_reference(rows, values)[:, None], values[p.LEAN][:, None]
    places = np.array((here, there))
    x, y = places[..., 0], hip - places[..., 2]
    flexion = np.arctan2(x, y) + (lean - MID_FLEXION)
    flexion -= 2.0 * np.pi * np.rint(flexion / (2.0 * np.pi))
    length = np.sqrt(x * x + y * y)
    turn = flexion[0] - flexion[1]
    # Beyond what a hip can do there is no telling which way round: the shorter one.
    turn -= 2.0 * np.pi * np.sign(turn) * (np.abs(turn) > WIDEST)
    way = np.zeros((*here.shape[:-1], 4))
    way[..., 0], way[..., 1] = turn, here[..., 1] - there[..., 1]
    way[..., 2] = length[0] - length[1]
    return way


def _feet(
    rows: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forward, left, up (2, N) of both feet, on the ground or in the air."""
    forward, left, up = air_feet(rows, values, gait, cadence)
    up = np.maximum(up, 0.0)
    if np.count_nonzero(rows.grip[:, 2:]):
        forward, left, up = reach_with_feet(rows, forward, left, up)
    planted = rows.planted.T
    cos, sin = np.cos(rows.heading) / rows.size, np.sin(rows.heading) / rows.size
    away = rows.plant - rows.position[:, None, :]
    x, y = away[:, :, 0].T, away[:, :, 1].T
    return (
        np.where(planted, x * cos + y * sin, forward),
        np.where(planted, y * cos - x * sin, left),
        np.where(planted, 0.0, up),
    )


def evaluate_poses(rows: MotionState) -> Pose:
    """The pose of each row, in scaled metres. Bones are exact, knees bend forward."""
    values = parameters(rows)
    gait = g.gait_rows(
        effective_pace(rows.speed, rows.side, rows.acceleration[:, 0], rows.size), rows.run
    )
    cadence = cadence_of(gait[g.CADENCE], rows.action, rows.traits, rows.manner)
    foot_x, foot_left, foot_y = _feet(rows, values, gait, cadence)
    bones = rows.bones.T / rows.size
    leg = bones[THIGH] + bones[SHANK]
    hip = _pelvis_height(rows, values, gait, cadence, foot_x, foot_y, bones)
    pulled = g.within_reach(
        foot_x, foot_y - hip, STRAIGHT + 1e-9, KNEE_SHARE, bones[THIGH], bones[SHANK]
    )
    # A leg that swings never quite straightens: its knee would snap.
    u = rows.swing.T
    mid = np.where(rows.planted.T, 0.0, 16.0 * u * u * (1.0 - u) * (1.0 - u))
    pulled = pulled * (
        1.0 + mid * (g.softened(foot_x * pulled, (foot_y - hip) * pulled, leg) - 1.0)
    )
    foot_x, foot_y = foot_x * pulled, hip + (foot_y - hip) * pulled
    zero = np.zeros_like(foot_x)
    knee_x, knee_y = g.solve_joint(zero, zero + hip, foot_x, foot_y, bones[THIGH], bones[SHANK])
    pose = Pose.rest(len(rows))
    joints = np.zeros((N_JOINTS, 2, len(rows)))
    joints[PELVIS, 1] = hip
    joints[L_KNEE], joints[R_KNEE] = (knee_x[0], knee_y[0]), (knee_x[1], knee_y[1])
    joints[L_FOOT], joints[R_FOOT] = (foot_x[0], foot_y[0]), (foot_x[1], foot_y[1])
    lean = trunk_lean(rows, values, gait)
    _upper_body(rows, values, gait, bones, hip, lean, joints)
    out = values[p.L_OUT : p.R_OUT + 1] * _SIDES
    size = rows.size
    lateral = (pose.lateral + values[p.ASIDE][:, None]) * size[:, None]
    lateral[:, L_HAND] += out[0] * size
    lateral[:, R_HAND] += out[1] * size
    lateral[:, L_ELBOW] += 0.5 * out[0] * size
    lateral[:, R_ELBOW] += 0.5 * out[1] * size
    lateral[:, L_FOOT], lateral[:, R_FOOT] = foot_left[0] * size, foot_left[1] * size
    lateral[:, L_KNEE] = 0.5 * (lateral[:, L_KNEE] + lateral[:, L_FOOT])
    lateral[:, R_KNEE] = 0.5 * (lateral[:, R_KNEE] + lateral[:, R_FOOT])
    banking = np.clip(rows.acceleration[:, 1] / _GRAVITY, -0.45, 0.45)
    pose.roll = values[p.ROLL] - 0.8 * banking
    if float(joints[L_HAND : R_HAND + 1, 1].min(initial=0.0)) < 0.0:
        keep_hands_above_ground(bones, joints)
    if np.count_nonzero(QUADRUPED[rows.kind]) or np.count_nonzero(values[p.FOURS]):
        go_on_fours(rows, values, gait, cadence, bones, hip, joints, lateral)
    if np.count_nonzero(values[p.RUNGS]):
        hold_rungs(rows, values, bones, joints)
    if np.count_nonzero(rows.grip[:, :2]):
        reach_with_hands(rows, bones, pose.roll, joints, lateral)
    pose.joints[:] = (joints * rows.size).transpose(2, 0, 1)
    pose.lateral = lateral
    _show_head(rows, values, pose)
    pose.contact = rows.planted & (pulled.T == 1.0)
    return pose


def _show_head(rows: MotionState, values: np.ndarray, pose: Pose) -> None:
    """Gaze, face and mouth: the gesture's, and what one looks at and says."""
    yaw, pitch, heeds = rows.aim.T
    turning = 0.15 * np.clip(rows.turn, -3.0, 3.0)
    own = values[p.YAW] + turning
    pose.gaze[:, 0] = np.clip(own + heeds * (yaw - own), -MOST_YAW, MOST_YAW)
    pose.gaze[:, 1] = np.clip(values[p.PITCH] + heeds * pitch, -2.0 * MOST_PITCH, MOST_PITCH)
    face = p.gesture_table().face[rows.action]
    pose.face = np.where((face == 0) & (rows.face >= 0), rows.face, face)
    mimed = np.where(SPEAKS[rows.action] & (rows.voice >= 0.0), 0.0, values[p.MOUTH])
    pose.mouth = np.clip(np.maximum(mimed, rows.voice * LOUD[rows.action]), 0.0, 1.0)


def _pelvis_height(
    rows: MotionState,
    values: np.ndarray,
    gait: np.ndarray,
    cadence: np.ndarray,
    foot_x: np.ndarray,
    foot_y: np.ndarray,
    bones: np.ndarray,
) -> np.ndarray:
    """Height of the pelvis (N,): the gait's, the gesture's, and no higher than planted legs let."""
    hip = rows.stand / rows.size - values[p.DROP] + gait_rise(rows, values, gait, cadence)
    leg = bones[THIGH] + bones[SHANK]
    seat = rows.seat / rows.size + p.SEAT_TO_PELVIS_M
    hip = hip + np.clip(values[p.SEAT], 0.0, 1.0) * (seat - hip)
    reach = STRAIGHT * leg
    slack = np.where(rows.planted.T, 0.0, leg_slack(rows, values))
    span = np.maximum(reach * reach - foot_x * foot_x, 0.04)
    highest = foot_y + np.sqrt(span) + slack
    return g.softly_below(g.softly_below(hip, highest[0]), highest[1])


def leg_slack(rows: MotionState, values: np.ndarray) -> np.ndarray:
    """By how much (2, N) m a foot in the air lets the pelvis be higher than its leg is long.

    Nothing as it leaves the ground and as it comes down; what is left of ``lift`` is what it let
    when this swing began in the air.
    """
    u = rows.swing.T
    loose = np.clip(values[p.LOOSE], 0.0, 1.0) * (1.0 - fade(u))
    return 3.0 * u * u * (1.0 - u) + loose + fade(u) * rows.lift[:, :, 3].T


def gait_rise(
    rows: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> np.ndarray:
    """How far (N,) the gait has the pelvis above where it is standing; mostly below, that is."""
    rise = g.pelvis_offset(rows.phase, rows.run, cadence, gait)
    if np.count_nonzero(QUADRUPED[rows.kind]):
        rise = rise * np.where(QUADRUPED[rows.kind], ANIMAL_BOB, 1.0)
    step = g.walking_beat(rows.phase, gait[g.DUTY]) * (1.0 - 2.0 * rows.run)
    pace = np.sqrt(rows.speed * rows.speed + rows.side * rows.side) / rows.size
    stance = g.stance_seconds(cadence, gait[g.DUTY])
    stand = rows.stand / rows.size
    leg = (rows.bones[:, THIGH] + rows.bones[:, SHANK]) / rows.size
    drop = g.pelvis_drop(pace, rows.run, stance, stand, leg, gait)
    drop = drop * np.clip(2.0 - 2.5 * values[p.DROP], 0.0, 1.0)
    rise = rise * (1.0 + rows.manner[:, style.BOUNCE])
    return rows.moving * (rise - drop + values[p.BOUNCE] * step)


def trunk_lean(rows: MotionState, values: np.ndarray, gait: np.ndarray) -> np.ndarray:
    """Trunk angle (N,) forward of the vertical, leaning into what it accelerates to."""
    push = np.clip(0.55 * rows.acceleration[:, 0] / _GRAVITY, -0.22, 0.42)
    pace = np.sqrt(rows.speed * rows.speed + rows.side * rows.side)
    back = rows.speed / np.maximum(pace, 0.3 * rows.size)
    return rows.moving * (gait[g.LEAN] * back + push) + values[p.LEAN] + 0.025 * rows.traits[:, 2]


def _upper_body(
    rows: MotionState,
    values: np.ndarray,
    gait: np.ndarray,
    bones: np.ndarray,
    hip: np.ndarray,
    lean: np.ndarray,
    joints: np.ndarray,
) -> None:
    """Neck, elbows and hands into ``joints`` (10, 2, N)."""
    neck_x, neck_y = bones[TRUNK] * np.sin(lean), hip + bones[TRUNK] * np.cos(lean)
    joints[NECK] = neck_x, neck_y
    arms, bends = arm_angles(rows, values, gait, lean)
    for side, elbow, hand in ((0, L_ELBOW, L_HAND), (1, R_ELBOW, R_HAND)):
        bend = np.clip(bends[side], 0.03, 2.6)
        upper, lower = arms[side] - lean, arms[side] - lean + bend
        elbow_x = neck_x + bones[UPPER_ARM] * np.sin(upper)
        elbow_y = neck_y - bones[UPPER_ARM] * np.cos(upper)
        joints[elbow] = elbow_x, elbow_y
        joints[hand] = (
            elbow_x + bones[FOREARM] * np.sin(lower),
            elbow_y - bones[FOREARM] * np.cos(lower),
        )


def arm_angles(
    rows: MotionState, values: np.ndarray, gait: np.ndarray, lean: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shoulder and elbow angles (2, N) rad: the gait's swing, and the gesture as far as it has
    the arm."""
    hang = np.clip(lean, -0.6, 0.6)
    phase = jerky(rows.phase, rows.manner[:, style.JERK], style.JERKS_PER_STRIDE)
    ahead = np.clip(rows.speed / (0.7 * rows.size), -1.0, 1.0)
    swing, flex, both = g.arm_swing(phase, ahead, gait)
    amplitude = (1.0 + 0.15 * rows.traits[:, 1]) * np.maximum(1.0 + values[p.ARMS], 0.0)
    swing = -_SIDES * (amplitude * rows.moving * swing)
    carriage = 0.06 * rows.traits[:, 3]
    resting = 0.22 + rows.moving * (gait[g.ELBOW] - 0.22)
    resting = resting + rows.manner[:, style.BEND] * np.maximum(
        0.3 + 0.7 * rows.moving, rows.manner[:, style.JERK]
    )
    arm = hang + carriage + rows.manner[:, style.CARRY] + rows.moving * gait[g.ARM_MEAN] + swing
    bend = resting + carriage + rows.moving * (both - _SIDES * flex)
    own = values[p.L_OWN : p.R_OWN + 1]
    arm = arm + own * (values[p.L_ARM : p.R_ARM + 1] - arm)
    return arm, bend + own * (values[p.L_ELBOW : p.R_ELBOW + 1] - bend)
