"""Motion state -> Pose: a pure function, row by row, so one tick or many give the same bits.

A row is one actor at one tick. Lengths are canonical (divided by the size of the body) and arrays
have the rows last: (N,) or (2, N) with left before right.
"""

import numpy as np

from entities.components import Gait, Pose
from entities.skeleton import (
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
)
from entities.units import EARTH_GRAVITY
from sim.animation import gait as g
from sim.animation import gestures as p
from sim.animation import style
from sim.animation.attention import LOUD, MOST_PITCH, MOST_YAW, SPEAKS
from sim.animation.climbing import CLIMB, hold_rungs, rung_feet, set_climbing_arms
from sim.animation.geometry import SIDES, fade, mid_swing, solve_joint, to_local, wrapped
from sim.animation.limb_ik import (
    arm_joints,
    keep_hands_above_ground,
    reach_with_feet,
    reach_with_hands,
)
from sim.animation.motion_state import MotionState
from sim.animation.quadruped import QUADRUPED, go_on_fours
from sim.animation.style import jerky, style_parameters

STEP_HEIGHT_M = 0.07
"""Height to which a foot is lifted in a step on the spot."""
ANTICIPATION_S = 0.30
"""A body that speeds up steps as fast as it will need to this much later."""
MID_FLEXION = 0.9
"""rad, the middle of the range of a hip, from a leg stretched back to a knee at the chest."""
WIDEST = 3.4
"""rad between the furthest positions of a leg back and forward."""
FOLDED_M = 0.25
"""Least length of a leg on its way from one place to another."""
ANIMAL_BOB = 0.35
"""Rise and fall of the hips of an animal, as a share of a person's: its back and four legs share
it."""
COASTING = 9.0
"""1/s, rate at which the movement of the old pose decays in a blend."""
KNEE_SHARE = 0.93
"""Cosine of the smallest angle between thigh and shank: a knee bends by up to 2.76 rad."""
STRAIGHT = 0.9985
"""Largest share of its length that a leg may have."""


def parameters(state: MotionState) -> np.ndarray:
    """Gesture parameters (D, N) in force, with styles, climbing, blends and stooping applied."""
    table = p.gesture_table()
    gesture = table.form(state.action, state.seat, QUADRUPED[state.kind])
    clock, phase = state.clock, state.phase
    styled = np.count_nonzero(state.style)
    if styled:
        styles = state.style.T
        clock = jerky(clock, styles[style.JERK], style.JERKS_PER_S)
        phase = jerky(phase, styles[style.JERK], style.JERKS_PER_STRIDE)
    values = table.evaluate(gesture, table.time_in(gesture, clock, phase))
    if styled:
        style_parameters(values, styles, state.action, clock, (phase, state.moving))
    climbs = state.action == CLIMB
    if np.count_nonzero(climbs):
        set_climbing_arms(state, values, climbs)
    if np.count_nonzero(state.blend_age < state.blend_duration):
        own_hip, loose = hip_reference(state, values), values[p.LOOSE]
        remaining = fade(np.minimum(state.blend_age / state.blend_duration, 1.0)) * p.BLENDED
        coast = state.blend_age * np.exp(
            -COASTING * np.minimum(state.blend_age, state.blend_duration)
        )
        away = state.blend_pose.T + state.blend_rate.T * coast - values
        spins = table.spins[gesture]
        if np.count_nonzero(spins):
            begun = table.values[p.TURNING, :].take(gesture * table.n_keys, axis=1)
            away[p.TURNING] += np.where(spins, values[p.TURNING] - begun, 0.0)
        values = values + remaining * away
        values[p.RAISED] = loose * (hip_reference(state, values) - own_hip)
    if np.count_nonzero(state.stoop):
        values[p.LEAN] += state.stoop[:, 0]
        values[p.DROP] += state.stoop[:, 1]
    return values


def effective_pace(state: MotionState | Gait) -> np.ndarray:
    """Canonical speed (N,) that selects the gait: the present one, and a part of what is coming."""
    coming = ANTICIPATION_S * np.maximum(state.acceleration[:, 0], 0.0)
    return (_ground_speed(state) + coming) / state.size


def _ground_speed(state: MotionState | Gait) -> np.ndarray:
    """(N,) m/s over the ground."""
    return np.sqrt(state.speed * state.speed + state.side * state.side)


def gait_and_cadence(state: MotionState) -> tuple[np.ndarray, np.ndarray]:
    """The gait table at the pace of each body (C, N), and its cadence (N,) in steps/min."""
    gait = g.gait_rows(effective_pace(state), state.run)
    return gait, cadence_of(gait[g.CADENCE], state.action, state.traits, state.style)


def cadence_of(
    cadence: np.ndarray, action: np.ndarray, traits: np.ndarray, styles: np.ndarray
) -> np.ndarray:
    """Cadence (N,) in steps/min of actors in their actions, from that of the gait table.

    traits: (N, 6) of Person. styles: (N, C) of StyleState.
    """
    own = (1.0 + 0.06 * traits[:, 0]) * (1.0 + styles[:, style.CADENCE])
    return cadence * g.CADENCE_SHARE[action] * own


def foot_bases(
    state: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where feet in the air belong: forward, left and up of the root, (2, N) canonical each."""
    u = state.swing.T
    duty, size = gait[g.DUTY], state.size
    stride_s = 120.0 / cadence
    stance, swing = duty * stride_s, (1.0 - duty) * stride_s
    ahead, up = g.swing_path(u, stance, swing, gait)
    forward = state.speed / size * ahead - p.gesture_table().trail[state.action]
    up = up * np.clip(1.15 - 2.0 * values[p.DROP], 0.2, 1.0)
    up = up + values[p.HIGH] * (1.0 - 0.5 * state.run) * mid_swing(u)
    width = SIDES * (LATERAL[L_FOOT] + state.style[:, style.WIDTH])
    left = width + state.side / size * ahead
    walks = state.moving * (1.0 - values[p.L_OWNED : p.R_OWNED + 1])
    keyed = values[p.L_FWD : p.R_FWD + 1]
    forward = keyed + walks * (forward - keyed)
    keyed = values[p.L_UP : p.R_UP + 1] + values[p.RAISED] + 4.0 * STEP_HEIGHT_M * u * (1.0 - u)
    up = keyed + walks * (up - keyed)
    forward, up = rung_feet(state, hip_reference(state, values), forward, up)
    keyed = width + SIDES * values[p.L_SIDE : p.R_SIDE + 1]
    left = keyed + walks * (left - keyed)
    return forward, left, up


def air_feet(
    state: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where feet in the air are, (2, N) canonical each: on their way to their bases.

    What is left of the offset at the start of the swing (``lift``) turns and lengthens the leg
    about the hip, so that no leg passes through its own hip.
    """
    forward, left, up = foot_bases(state, values, gait, cadence)
    keep = fade(state.swing.T)
    hip = hip_reference(state, values)
    down = up - hip
    length = np.sqrt(forward * forward + down * down)
    folded = np.maximum(length + keep * state.lift[:, :, 2].T, np.minimum(length, FOLDED_M))
    longer = folded / np.maximum(length, 1e-6)
    angle = keep * state.lift[:, :, 0].T
    cos, sin = np.cos(angle) * longer, np.sin(angle) * longer
    return (
        cos * forward - sin * down,
        left + keep * state.lift[:, :, 1].T,
        hip + sin * forward + cos * down,
    )


def hip_reference(state: MotionState, values: np.ndarray) -> np.ndarray:
    """Height (N,) canonical of the hip without the gait's bob; feet in the air turn about it."""
    return _onto_seat(state, values, state.stand / state.size - values[p.DROP])


def _onto_seat(state: MotionState, values: np.ndarray, hip: np.ndarray) -> np.ndarray:
    """Height (N,) of the hip, moved to the seat as far as the gesture sits on it."""
    seat = state.seat / state.size + p.SEAT_TO_PELVIS_M
    return hip + np.minimum(np.maximum(values[p.SEAT], 0.0), 1.0) * (seat - hip)


def way_round(
    state: MotionState, values: np.ndarray, here: np.ndarray, there: np.ndarray
) -> np.ndarray:
    """How feet get from ``there`` to ``here`` about the hip, as ``Gait.lift``: (N, 2, 4).

    The columns are rad forward, m left, m away from the hip, and the slack of the leg, 0 here.
    here, there: (N, 2, 3) canonical forward, left and up. The angle is measured by way of where a
    leg can go: in front of the trunk, not behind it.
    """
    hip, lean = hip_reference(state, values)[:, None], values[p.LEAN][:, None]
    places = np.array((here, there))
    x, y = places[..., 0], hip - places[..., 2]
    flexion = np.arctan2(x, y) + (lean - MID_FLEXION)
    flexion = wrapped(flexion)
    length = np.sqrt(x * x + y * y)
    turn = flexion[0] - flexion[1]
    # An angle beyond the range of a hip does not tell the direction: the shorter way is taken.
    turn -= 2.0 * np.pi * np.sign(turn) * (np.abs(turn) > WIDEST)
    way = np.zeros((*here.shape[:-1], 4))
    way[..., 0], way[..., 1] = turn, here[..., 1] - there[..., 1]
    way[..., 2] = length[0] - length[1]
    return way


def _feet(
    state: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forward, left and up (2, N) canonical of both feet, on the ground or in the air."""
    forward, left, up = air_feet(state, values, gait, cadence)
    up = np.maximum(up, 0.0)
    if np.count_nonzero(state.grip[:, 2:]):
        forward, left, up = reach_with_feet(state, forward, left, up)
    planted = state.planted.T
    cos, sin = np.cos(state.heading) / state.size, np.sin(state.heading) / state.size
    away = state.plant - state.position[:, None, :]
    planted_forward, planted_left = to_local(away[:, :, 0].T, away[:, :, 1].T, cos, sin)
    return (
        np.where(planted, planted_forward, forward),
        np.where(planted, planted_left, left),
        np.where(planted, 0.0, up),
    )


def evaluate_poses(state: MotionState) -> Pose:
    """The pose of each row, in scaled metres. Bones keep their length, knees bend forward."""
    values = parameters(state)
    gait, cadence = gait_and_cadence(state)
    foot_x, foot_left, foot_y = _feet(state, values, gait, cadence)
    bones = state.bones.T / state.size
    leg = bones[THIGH] + bones[SHANK]
    hip = _pelvis_height(state, values, gait, cadence, foot_x, foot_y, bones)
    pulled = g.within_reach(
        foot_x, foot_y - hip, STRAIGHT + 1e-9, KNEE_SHARE, bones[THIGH], bones[SHANK]
    )
    # A swinging leg does not straighten completely: its knee would snap.
    u = state.swing.T
    mid = np.where(state.planted.T, 0.0, mid_swing(u))
    pulled = pulled * (
        1.0 + mid * (g.softened(foot_x * pulled, (foot_y - hip) * pulled, leg) - 1.0)
    )
    foot_x, foot_y = foot_x * pulled, hip + (foot_y - hip) * pulled
    zero = np.zeros_like(foot_x)
    knee_x, knee_y = solve_joint(zero, zero + hip, foot_x, foot_y, bones[THIGH], bones[SHANK])
    pose = Pose.rest(len(state))
    joints = np.zeros((N_JOINTS, 2, len(state)))
    joints[PELVIS, 1] = hip
    joints[L_KNEE], joints[R_KNEE] = (knee_x[0], knee_y[0]), (knee_x[1], knee_y[1])
    joints[L_FOOT], joints[R_FOOT] = (foot_x[0], foot_y[0]), (foot_x[1], foot_y[1])
    lean = trunk_lean(state, values, gait)
    _upper_body(state, values, gait, bones, hip, lean, joints)
    out = values[p.L_OUT : p.R_OUT + 1] * SIDES
    size = state.size
    lateral = (pose.lateral + values[p.ASIDE][:, None]) * size[:, None]
    lateral[:, L_HAND] += out[0] * size
    lateral[:, R_HAND] += out[1] * size
    lateral[:, L_ELBOW] += 0.5 * out[0] * size
    lateral[:, R_ELBOW] += 0.5 * out[1] * size
    lateral[:, L_FOOT], lateral[:, R_FOOT] = foot_left[0] * size, foot_left[1] * size
    lateral[:, L_KNEE] = 0.5 * (lateral[:, L_KNEE] + lateral[:, L_FOOT])
    lateral[:, R_KNEE] = 0.5 * (lateral[:, R_KNEE] + lateral[:, R_FOOT])
    banking = np.clip(state.acceleration[:, 1] / EARTH_GRAVITY, -0.45, 0.45)
    pose.roll = values[p.ROLL] - 0.8 * banking
    if float(joints[L_HAND : R_HAND + 1, 1].min(initial=0.0)) < 0.0:
        keep_hands_above_ground(bones, joints)
    if np.count_nonzero(QUADRUPED[state.kind]) or np.count_nonzero(values[p.FOURS]):
        go_on_fours(state, values, gait, cadence, bones, hip, joints, lateral)
    if np.count_nonzero(values[p.RUNGS]):
        hold_rungs(state, values, bones, joints)
    if np.count_nonzero(state.grip[:, :2]):
        reach_with_hands(state, bones, pose.roll, joints, lateral)
    pose.joints[:] = (joints * state.size).transpose(2, 0, 1)
    pose.lateral = lateral
    _set_head(state, values, pose)
    pose.contact = state.planted & (pulled.T == 1.0)
    return pose


def _set_head(state: MotionState, values: np.ndarray, pose: Pose) -> None:
    """Gaze, face and mouth: those of the gesture, and of what the actor looks at and says."""
    yaw, pitch, weight = state.aim.T
    turning = 0.15 * np.clip(state.turn, -3.0, 3.0)
    own = values[p.YAW] + turning
    pose.gaze[:, 0] = np.clip(own + weight * (yaw - own), -MOST_YAW, MOST_YAW)
    pose.gaze[:, 1] = np.clip(values[p.PITCH] + weight * pitch, -2.0 * MOST_PITCH, MOST_PITCH)
    face = p.gesture_table().face[state.action]
    pose.face = np.where((face == 0) & (state.face >= 0), state.face, face)
    silent = np.where(SPEAKS[state.action] & (state.voice >= 0.0), 0.0, values[p.MOUTH])
    pose.mouth = np.clip(np.maximum(silent, state.voice * LOUD[state.action]), 0.0, 1.0)


def _pelvis_height(
    state: MotionState,
    values: np.ndarray,
    gait: np.ndarray,
    cadence: np.ndarray,
    foot_x: np.ndarray,
    foot_y: np.ndarray,
    bones: np.ndarray,
) -> np.ndarray:
    """Height (N,) of the pelvis: of gait and gesture, and no higher than planted legs reach."""
    hip = state.stand / state.size - values[p.DROP] + gait_rise(state, values, gait, cadence)
    leg = bones[THIGH] + bones[SHANK]
    hip = _onto_seat(state, values, hip)
    reach = STRAIGHT * leg
    slack = np.where(state.planted.T, 0.0, leg_slack(state, values))
    span = np.maximum(reach * reach - foot_x * foot_x, 0.04)
    highest = foot_y + np.sqrt(span) + slack
    return g.softly_below(g.softly_below(hip, highest[0]), highest[1])


def leg_slack(state: MotionState, values: np.ndarray) -> np.ndarray:
    """By how much (2, N) canonical m a foot in the air lets the pelvis exceed the reach of its leg.

    It is 0 as the foot leaves the ground and as it comes down; what is left of the slack in
    ``lift`` was there when the swing began in the air.
    """
    u = state.swing.T
    loose = np.clip(values[p.LOOSE], 0.0, 1.0) * (1.0 - fade(u))
    return 3.0 * u * u * (1.0 - u) + loose + fade(u) * state.lift[:, :, 3].T


def gait_rise(
    state: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> np.ndarray:
    """How far (N,) the gait has the pelvis above its standing height; mostly negative."""
    rise = g.pelvis_offset(state.phase, state.run, cadence, gait)
    if np.count_nonzero(QUADRUPED[state.kind]):
        rise = rise * np.where(QUADRUPED[state.kind], ANIMAL_BOB, 1.0)
    step = g.walking_beat(state.phase, gait[g.DUTY]) * (1.0 - 2.0 * state.run)
    pace = _ground_speed(state) / state.size
    stance = g.stance_seconds(cadence, gait[g.DUTY])
    stand = state.stand / state.size
    leg = (state.bones[:, THIGH] + state.bones[:, SHANK]) / state.size
    drop = g.pelvis_drop(pace, state.run, stance, stand, leg, gait)
    drop = drop * np.clip(2.0 - 2.5 * values[p.DROP], 0.0, 1.0)
    rise = rise * (1.0 + state.style[:, style.BOUNCE])
    return state.moving * (rise - drop + values[p.BOUNCE] * step)


def trunk_lean(state: MotionState, values: np.ndarray, gait: np.ndarray) -> np.ndarray:
    """Angle (N,) rad of the trunk forward of the vertical; it leans into an acceleration."""
    push = np.clip(0.55 * state.acceleration[:, 0] / EARTH_GRAVITY, -0.22, 0.42)
    pace = _ground_speed(state)
    direction = state.speed / np.maximum(pace, 0.3 * state.size)  # -1 backwards .. 1 forwards
    return (
        state.moving * (gait[g.LEAN] * direction + push)
        + values[p.LEAN]
        + 0.025 * state.traits[:, 2]
    )


def _upper_body(
    state: MotionState,
    values: np.ndarray,
    gait: np.ndarray,
    bones: np.ndarray,
    hip: np.ndarray,
    lean: np.ndarray,
    joints: np.ndarray,
) -> None:
    """Write neck, elbows and hands into ``joints`` (10, 2, N)."""
    joints[NECK] = bones[TRUNK] * np.sin(lean), hip + bones[TRUNK] * np.cos(lean)
    arms, bends = arm_angles(state, values, gait, lean)
    for side, elbow, hand in ((0, L_ELBOW, L_HAND), (1, R_ELBOW, R_HAND)):
        bend = np.clip(bends[side], 0.03, 2.6)
        upper, lower = arms[side] - lean, arms[side] - lean + bend
        joints[elbow], joints[hand] = arm_joints(joints[NECK], upper, lower, bones)


def arm_angles(
    state: MotionState, values: np.ndarray, gait: np.ndarray, lean: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shoulder and elbow angles (2, N) rad of the gait, blended with those of the gesture."""
    hang = np.clip(lean, -0.6, 0.6)
    phase = jerky(state.phase, state.style[:, style.JERK], style.JERKS_PER_STRIDE)
    ahead = np.clip(state.speed / (0.7 * state.size), -1.0, 1.0)
    swing, flex, both = g.arm_swing(phase, ahead, gait)
    amplitude = (1.0 + 0.15 * state.traits[:, 1]) * np.maximum(1.0 + values[p.ARMS], 0.0)
    swing = -SIDES * (amplitude * state.moving * swing)
    carriage = 0.06 * state.traits[:, 3]
    resting = 0.22 + state.moving * (gait[g.ELBOW] - 0.22)
    resting = resting + state.style[:, style.BEND] * np.maximum(
        0.3 + 0.7 * state.moving, state.style[:, style.JERK]
    )
    arm = hang + carriage + state.style[:, style.CARRY] + state.moving * gait[g.ARM_MEAN] + swing
    bend = resting + carriage + state.moving * (both - SIDES * flex)
    own = values[p.L_OWN : p.R_OWN + 1]
    arm = arm + own * (values[p.L_ARM : p.R_ARM + 1] - arm)
    return arm, bend + own * (values[p.L_ELBOW : p.R_ELBOW + 1] - bend)
