"""The gesture table: what bodies do besides, or instead of, walking, as smooth curves in time.

A pose parameter is one of PARAMETERS. A gesture is a few key poses in time, from the file of its
action; all gestures are in one padded table, so that the parameters of all actors come from one
lookup.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from entities.actions import (
    ACTION_FILES,
    ACTION_INDEX,
    ACTION_VELOCITIES,
    ACTIONS,
    ActionType,
    Gesture,
    KeyValues,
)
from entities.components import FACE_INDEX
from entities.skeleton import BONE_LENGTHS, STANDING_PELVIS, ActorType

PARAMETERS = (
    "drop",  # m, pelvis below the height that the gait gives
    "lean",  # rad, trunk forward, added to the lean of the gait
    "l_arm",  # rad, upper arm forward of the trunk's downward direction
    "r_arm",
    "l_elbow",  # rad, flexion
    "r_elbow",
    "l_own",  # 0 the arm swings with the gait .. 1 it follows the gesture
    "r_own",
    "l_out",  # m, hand further out than it hangs by default
    "r_out",
    "l_fwd",  # m, foot forward of the pelvis
    "r_fwd",
    "l_up",  # m, ball of the foot above the ground
    "r_up",
    "l_side",  # m, foot further out than the hip
    "r_side",
    "l_foot",  # 0 the foot walks while the body moves .. 1 it follows the gesture
    "r_foot",
    "loose",  # 0 the feet stay where they are planted .. 1 they move with the body
    "yaw",  # rad, head to the left
    "pitch",  # rad, head up
    "roll",  # rad about the forward axis
    "mouth",  # 0 closed .. 1 open
    "seat",  # 0 .. 1 the pelvis is on the seat
    "high",  # m, swing feet lifted higher than the gait does
    "arms",  # change of the arm swing, as a share of the gait's
    "bounce",  # m, half the rise and fall of the pelvis with each step, added to the gait's
    "raised",  # m, never keyed: how much higher than the gesture a blend has the hip, times loose
    "aside",  # m, the body to the left of its feet
    "fours",  # 0 .. 1 the hands walk on the ground; beyond 1, m by which front paws stand ahead
    "rungs",  # 0 .. 1 hands and feet are on the rungs of a ladder
    "pitched",  # rad, by which the trunk of an animal rises from hips to shoulders
)
INDEX = {name: i for i, name in enumerate(PARAMETERS)}
N_PARAMETERS = len(PARAMETERS)
(
    DROP,
    LEAN,
    L_ARM,
    R_ARM,
    L_ELBOW,
    R_ELBOW,
    L_OWN,
    R_OWN,
    L_OUT,
    R_OUT,
    L_FWD,
    R_FWD,
    L_UP,
    R_UP,
    L_SIDE,
    R_SIDE,
    L_OWNED,
    R_OWNED,
    LOOSE,
    YAW,
    PITCH,
    ROLL,
    MOUTH,
    SEAT,
    HIGH,
    ARMS,
    BOUNCE,
    RAISED,
    ASIDE,
    FOURS,
    RUNGS,
    PITCHED,
) = range(N_PARAMETERS)
TURNING = [LEAN, ROLL, L_ARM, R_ARM]
"""Parameters that are angles in which a whole turn makes no difference."""
BLENDED = np.ones((N_PARAMETERS, 1))
"""(D, 1) 1 for parameters that a blend eases, 0 for the columns of the feet: a planted foot stays,
one in the air carries its own offset (``Gait.lift``)."""
BLENDED[L_FWD : R_OWNED + 1], BLENDED[RAISED] = 0.0, 0.0

CALM_MPS = 0.8
"""Highest canonical speed at which an actor takes its feet off the ground to sit or lie down."""
DOWN_FROM_M = 0.70
"""A gesture whose pelvis ends this far below standing ends on the ground."""
AXIS_S = 1024.0
"""Length of the part of the common time axis that each gesture has for its keys."""
SEATED_FROM_M = 0.12
"""A seat lower than this counts as the ground."""
SEAT_TO_PELVIS_M = 0.09
"""Height of the pelvis above the seat."""

SETTLED_S = 1.1
"""Time in a seated gesture at which the actor has sat down."""
STAYS_SEATED = frozenset(action for action, file in ACTION_FILES.items() if file.stays_seated)
"""Actions that a seated actor does without getting up."""
_SEATED: KeyValues = {"seat": 1.0, "drop": 0.41, "lean": 0.04, "lf": (0.47, 0.0), "rf": (0.45, 0.0)}
"""On a chair. The drop only serves to place hands: the seat gives the height."""
_HANDS_ON_LAP: KeyValues = {"lh": (0.30, 0.66, -0.06), "rh": (0.30, 0.66, -0.06)}
_LEGS = frozenset({"lf", "rf", "drop", "loose", "l_foot", "r_foot", "seat", "bounce", "high"})
"""Keyed values that a seated actor does not take from the gesture: the seat gives them."""
_SEATED_LEAN = 0.6
"""Share of the lean of a standing gesture that a seated trunk has."""

_STAND = STANDING_PELVIS[ActorType.HUMAN]
_FOLDED = 0.22  # m from shoulder to hand with the elbow bent as far as it goes
_TRUNK, _UPPER_ARM, _FOREARM = BONE_LENGTHS[ActorType.HUMAN][:3]


@dataclass(frozen=True, slots=True, eq=False)
class GestureTable:
    """All gestures, padded to K keys. G gestures: one for each action, then the variants.

    Variants are forms of an action for a seated actor or an animal.
    """

    keys: np.ndarray  # (G * K,) s, ascending: gesture g's keys are AXIS_S g further on
    following: np.ndarray  # (G * K,) index of the next key; of the last key, its own
    starts: np.ndarray  # (G * K,) s, time of the key in its gesture
    spans: np.ndarray  # (G * K,) s to the next key, 1 where there is none
    values: np.ndarray  # (D, G * K) parameters
    slopes: np.ndarray  # (D, G * K) 1/s
    end: np.ndarray  # (G,) s of the last key
    loop: np.ndarray  # (G,) s of the key the last one returns to; end if the last is held
    by_phase: np.ndarray  # (G,) bool, timed by the share of the stride instead of by the clock
    moves_feet: np.ndarray  # (G,) bool, the gesture moves feet or holds them in the air
    feet: np.ndarray  # (L_FWD..LOOSE, G) the feet's columns at the first key
    waits_at: np.ndarray  # (G,) s at which the clock waits for a landing, inf if it does not
    take_off: np.ndarray  # (G,) s at which the feet leave the ground, inf if they do not
    jump_speed: np.ndarray  # (G,) m/s upwards at take-off
    face: np.ndarray  # (G,) index in FACES
    seated: np.ndarray  # (G,) index of the gesture on a seat: itself or its variant
    on_fours: np.ndarray  # (G,) index of the gesture of an animal: itself or its variant
    trail: np.ndarray  # (G,) m, canonical, by which walking feet are behind the hips
    down_at: np.ndarray  # (G,) s at which the body sits or lies on the ground, inf if it does not
    timed: np.ndarray  # (G,) bool, it meets a ball, which sets its clock
    spins: np.ndarray  # (G,) bool, an angle makes a whole turn: blended by its first difference
    stands: np.ndarray  # (G,) bool, the feet bear the body, so that it can walk at the same time
    start_mps: np.ndarray  # (G,) canonical m/s up to which it may begin; inf for any speed
    joint_mps: np.ndarray  # (G,) m/s, approximate top speed of neck, hands and feet
    n_keys: int

    def form(self, action: np.ndarray, seat: np.ndarray, animal: np.ndarray) -> np.ndarray:
        """Gesture (N,) of an action (N,). seat: (N,) m, height of the seat. animal: (N,) bool."""
        if np.count_nonzero(seat):
            return np.where(seat > SEATED_FROM_M, self.seated[action], action)
        if np.count_nonzero(animal):
            return np.where(animal, self.on_fours[action], action)
        return action

    def time_in(self, gesture: np.ndarray, clock: np.ndarray, phase: np.ndarray) -> np.ndarray:
        """Time (N,) s in the gesture, held at its end or looped. phase: (N,) stride cycles."""
        time, end = clock.copy(), self.end[gesture]
        over = clock >= end
        if np.count_nonzero(over):
            loop = self.loop[gesture]
            period = np.maximum(end - loop, 1e-9)
            since = clock - loop
            looped = loop + (since - period * np.floor(since / period))
            time = np.where(over, np.where(loop < end, looped, end), clock)
        by_phase = self.by_phase[gesture]
        if np.count_nonzero(by_phase):
            time = np.where(by_phase, (phase - np.floor(phase)) * end, time)
        return time

    def evaluate(self, gesture: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Parameters (D, N) of gestures (N,) at times (N,) s, by cubic Hermite interpolation."""
        place = gesture * AXIS_S + np.maximum(time, 0.0)
        at = self.keys.searchsorted(place, side="right") - 1
        following = self.following[at]
        span = self.spans[at]
        u = (time - self.starts[at]) / span
        uu = u * u
        rise = uu * (3.0 - 2.0 * u)
        leave, arrive = u * (1.0 - u) * (1.0 - u) * span, uu * (u - 1.0) * span
        low = self.values.take(at, axis=1)
        return (
            low
            + rise * (self.values.take(following, axis=1) - low)
            + leave * self.slopes.take(at, axis=1)
            + arrive * self.slopes.take(following, axis=1)
        )


@cache
def gesture_table() -> GestureTable:
    """The table, compiled once. Row g < len(ACTIONS) is the gesture of that action."""
    gestures = [ACTION_FILES[action].gesture for action in ACTIONS]
    seated, on_fours = np.arange(len(gestures)), np.arange(len(gestures))
    for action, file in ACTION_FILES.items():
        variant = seated_form(file.gesture) if file.stays_seated else file.on_seat
        for forms, gesture in ((seated, variant), (on_fours, file.on_fours)):
            if gesture is not None:
                forms[ACTION_INDEX[action]] = len(gestures)
                gestures.append(gesture)
    others = np.arange(len(ACTIONS), len(gestures))
    seated, on_fours = np.append(seated, others), np.append(on_fours, others)
    n, most = len(gestures), max(len(g.keys) for g in gestures)
    times = np.full((n, most), np.inf)
    values = np.zeros((n, most, N_PARAMETERS))
    slopes = np.zeros((n, most, N_PARAMETERS))
    for g, gesture in enumerate(gestures):
        k = len(gesture.keys)
        times[g, :k] = [t for t, _ in gesture.keys]
        values[g, :k] = _fill(gesture)
        slopes[g, :k] = _slopes(times[g, :k], values[g, :k], gesture)
    ends = np.array([g.keys[-1][0] for g in gestures])
    starts = np.where(np.isfinite(times), times, 0.0)
    spans = np.ones((n, most))
    spans[:, :-1] = np.where(np.isfinite(times[:, 1:]), np.diff(starts, axis=1), 1.0)
    first = np.arange(n)[:, None]
    has_next = np.append(np.isfinite(times[:, 1:]), np.zeros((n, 1), bool), axis=1)
    feet = values[:, :, L_FWD : LOOSE + 1]
    padded = np.isinf(times)[:, :, None]
    moves_feet = (np.where(padded, feet[:, :1], feet) != feet[:, :1]).any(axis=(1, 2))
    moves_feet |= (feet[:, 0, L_UP - L_FWD : R_UP - L_FWD + 1] > 0.0).any(axis=1)
    moves_feet |= (feet[:, 0, L_OWNED - L_FWD :] > 0.0).any(axis=1)
    return GestureTable(
        keys=(np.where(np.isfinite(times), times, AXIS_S - 1.0) + AXIS_S * first).ravel(),
        following=(np.arange(n * most).reshape(n, most) + has_next).ravel(),
        starts=starts.ravel(),
        spans=spans.ravel(),
        values=np.ascontiguousarray(values.reshape(-1, N_PARAMETERS).T),
        slopes=np.ascontiguousarray(slopes.reshape(-1, N_PARAMETERS).T),
        end=ends,
        loop=np.array(
            [e if g.loop is None else g.loop for g, e in zip(gestures, ends, strict=True)]
        ),
        by_phase=np.array([g.by_phase for g in gestures]),
        moves_feet=moves_feet,
        feet=np.ascontiguousarray(feet[:, 0].T),
        waits_at=np.array([np.inf if g.jump is None else g.jump.waits for g in gestures]),
        take_off=np.array([np.inf if g.jump is None else g.jump.at for g in gestures]),
        jump_speed=np.array([0.0 if g.jump is None else g.jump.speed for g in gestures]),
        face=np.array([FACE_INDEX[g.face] for g in gestures]),
        seated=seated,
        on_fours=on_fours,
        trail=np.array([g.trail for g in gestures]),
        down_at=_down_at(gestures, times, values),
        timed=_meets_ball(gestures),
        spins=(np.ptp(values[:, :, TURNING], axis=1) > np.pi).any(axis=1),
        stands=~(values[:, :, LOOSE] > 0.5).any(axis=1),
        start_mps=_start_speeds(gestures, values),
        joint_mps=_joint_speeds(times, values),
        n_keys=most,
    )


def seated_form(gesture: Gesture) -> Gesture:
    """The gesture on a seat, after sitting down: the legs stay as the seat has them."""
    low = _SEATED["drop"]
    later: list[tuple[float, KeyValues]] = []
    for time, key in gesture.keys:
        kept = {name: value for name, value in key.items() if name not in _LEGS}
        for hand in ("lh", "rh"):
            if hand in kept:
                forward, up, *out = kept[hand]
                kept[hand] = (forward, up - low, *out)
        if "lean" in kept:
            kept["lean"] = _SEATED_LEAN * kept["lean"]
        later.append((SETTLED_S + time, kept))
    first = later.pop(0)[1]
    loop = None if gesture.loop is None else SETTLED_S + gesture.loop
    return Gesture(keys=(*_sit_down(first), *later), loop=loop, face=gesture.face)


def _sit_down(at_end: KeyValues) -> tuple[tuple[float, KeyValues], ...]:
    """Keys from standing before a chair back onto it, over feet that stay where they are."""
    return (
        (0.0, {}),
        (0.25, {"drop": 0.10, "lean": 0.42, "lh": (0.3, 0.95), "rh": (0.3, 0.95)}),
        (
            0.57,
            {"drop": 0.27, "lean": 0.62, "lf": (0.26, 0.0), "rf": (0.24, 0.0), "seat": 0.3}
            | {"lh": (0.42, 0.80), "rh": (0.42, 0.80)},
        ),
        (0.9, {**_SEATED, "lean": 0.18, **_HANDS_ON_LAP}),
        (SETTLED_S, {"lean": 0.04, **at_end}),
    )


def _down_at(gestures: list[Gesture], times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Time (G,) s at which a gesture that ends face up on the ground has got there, else inf."""
    found = np.full(len(gestures), np.inf)
    for g, gesture in enumerate(gestures):
        k = len(gesture.keys)
        down = values[g, :k, DROP] > DOWN_FROM_M
        if down[-1] and values[g, k - 1, SEAT] > 0.5:
            found[g] = times[g, int(np.argmax(down))]
    return found


def _meets_ball(gestures: list[Gesture]) -> np.ndarray:
    """(G,) bool, gestures that meet a ball; lifting an object has a contact, but no ball."""
    lifts = [ACTION_INDEX[action] for action in (ActionType.PICK_UP, ActionType.PUT_DOWN)]
    timed = np.array([gesture.contact is not None for gesture in gestures])
    timed[lifts] = False
    return timed


def _start_speeds(gestures: list[Gesture], values: np.ndarray) -> np.ndarray:
    """Highest speed (G,) m/s at which each gesture begins: before sitting an actor stands still."""
    still = np.array([ACTION_VELOCITIES[action] == 0.0 for action in ACTIONS])
    still = np.append(still, np.ones(len(gestures) - len(ACTIONS), bool))
    still[ACTION_INDEX[ActionType.FALL]] = False
    still &= np.array([gesture.jump is None for gesture in gestures])
    still &= (values[:, :, LOOSE] > 0.5).any(axis=1)
    return np.where(still, CALM_MPS, np.inf)


def _joint_speeds(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Speed (G,) m/s of the fastest of neck, hands and feet between any two successive keys."""
    lean, drop = values[:, :, LEAN], values[:, :, DROP]
    neck = _TRUNK * np.stack([np.sin(lean), np.cos(lean)], axis=2)
    neck[:, :, 1] -= drop
    points = [neck]
    for side in (0, 1):
        arm = (values[:, :, L_ARM + side] - lean) * values[:, :, L_OWN + side]
        fore = arm + values[:, :, L_ELBOW + side] * values[:, :, L_OWN + side]
        x = _UPPER_ARM * np.sin(arm) + _FOREARM * np.sin(fore)
        y = -_UPPER_ARM * np.cos(arm) - _FOREARM * np.cos(fore)
        points.append(neck + np.stack([x, y], axis=2))
        points.append(values[:, :, [L_FWD + side, L_UP + side]])
    moved = np.linalg.norm(np.diff(np.stack(points), axis=2), axis=3).max(axis=0)
    inside = np.isfinite(times[:, 1:])
    spans = np.where(inside, np.diff(np.where(np.isfinite(times), times, 0.0), axis=1), 1.0)
    return np.where(inside, moved / spans, 0.0).max(axis=1)


def _fill(gesture: Gesture) -> np.ndarray:
    """(K, D) parameters at the keys of a gesture; what a key leaves out stays as before it.

    The last key of a loop equals the one it returns to, except for whole turns.
    """
    current = np.zeros(N_PARAMETERS)
    current[[L_FWD, R_FWD]] = 0.05, 0.03
    current[[L_ELBOW, R_ELBOW]] = 0.22
    rows = []
    for _, key in gesture.keys:
        for name, value in key.items():
            if name in INDEX:
                current[INDEX[name]] = value
        for foot, column in (("lf", L_FWD), ("rf", R_FWD)):
            if foot in key:
                place = (*key[foot], 0.0)[:3]
                current[[column, column + 2, column + 4]] = place
        for hand, column in (("lh", L_ARM), ("rh", R_ARM)):
            if hand in key:
                forward, up, *out = key[hand]
                current[[column, column + 2]] = _arm_angles(current, forward, up)
                current[column + 4] = 1.0
                current[column + 6] = out[0] if out else 0.0
        rows.append(current.copy())
    filled = np.array(rows)
    if gesture.loop is not None or gesture.by_phase:
        first = filled[[t for t, _ in gesture.keys].index(gesture.loop or 0.0)]
        turns = np.zeros(N_PARAMETERS)
        turns[TURNING] = np.round((filled[-1] - first)[TURNING] / (2.0 * np.pi))
        filled[-1] = first + 2.0 * np.pi * turns
    return filled


def _arm_angles(current: np.ndarray, forward: float, up: float) -> tuple[float, float]:
    """Shoulder and elbow angles that bring a hand to a place given from the standing root, m."""
    lean = current[LEAN]
    x = forward - _TRUNK * np.sin(lean)
    y = up - (_STAND - current[DROP] + _TRUNK * np.cos(lean))
    reach = np.clip(np.hypot(x, y), _FOLDED, _UPPER_ARM + _FOREARM - 1e-4)
    square = reach * reach
    bend = (square - _UPPER_ARM**2 - _FOREARM**2) / (2.0 * _UPPER_ARM * _FOREARM)
    inner = (square + _UPPER_ARM**2 - _FOREARM**2) / (2.0 * reach * _UPPER_ARM)
    toward = np.arctan2(x, -y) - np.arccos(np.clip(inner, -1.0, 1.0)) + lean
    # No shoulder goes further back than 0.6 pi.
    toward = (toward + 0.6 * np.pi) % (2.0 * np.pi) - 0.6 * np.pi
    return float(toward), float(np.arccos(np.clip(bend, -1.0, 1.0)))


def _slopes(times: np.ndarray, values: np.ndarray, gesture: Gesture) -> np.ndarray:
    """Slopes (K, D) that never overshoot: harmonic means of the neighbours (Fritsch & Butland)."""
    slopes = np.zeros_like(values)
    if len(times) < 2:
        return slopes
    rates = np.diff(values, axis=0) / np.diff(times)[:, None]

    def between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        same = before * after > 0.0
        total = np.where(same, before + after, 1.0)
        return np.where(same, 2.0 * before * after / total, 0.0)

    slopes[1:-1] = between(rates[:-1], rates[1:])
    if gesture.loop is not None or gesture.by_phase:
        first = int(np.searchsorted(times, gesture.loop or 0.0))
        slopes[-1] = between(rates[-1], rates[first])
        slopes[first] = slopes[-1]
    return slopes
