"""How somebody does what he does: rows of parameters laid over any action, scaled by intensity.

A style changes posture, timing and carriage, never how fast one travels: a tired walker takes
fewer, longer steps at the same speed unless the scene slows him down.
"""

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.components import FACE_INDEX, StyleState
from sim.animation import gestures as p

COLUMNS = (
    "cadence",  # share by which the steps are quicker
    "tempo",  # share by which gestures are quicker
    "size",  # share by which gestures reach further
    "lean",  # rad, trunk forward
    "drop",  # m, pelvis lower
    "bounce",  # share by which the pelvis rises and falls more
    "high",  # m, feet lifted higher
    "arms",  # share by which arms swing further
    "carry",  # rad, arms carried further forward
    "bend",  # rad, elbows bent more
    "out",  # m, hands further out
    "l_hold",  # 0 the arm swings .. 1 it is held still
    "r_hold",
    "hold_arm",  # rad, how it is held
    "hold_bend",
    "pitch",  # rad, head up
    "scan",  # rad, head turned from side to side
    "sway",  # rad, trunk rolled from side to side
    "weave",  # m, pelvis carried to and fro over the feet
    "limp",  # 0 .. 1, the right leg gives way
    "width",  # m, each foot further out
    "jerk",  # 0 .. 1, moves and stops like a machine
    "tremble",  # rad, hands shake
)
(
    CADENCE,
    TEMPO,
    SIZE,
    LEAN,
    DROP,
    BOUNCE,
    HIGH,
    ARMS,
    CARRY,
    BEND,
    OUT,
    L_HOLD,
    R_HOLD,
    HOLD_ARM,
    HOLD_BEND,
    PITCH,
    SCAN,
    SWAY,
    WEAVE,
    LIMP,
    WIDTH,
    JERK,
    TREMBLE,
) = range(len(COLUMNS))

# All figures are choices judged by eye on contact sheets, at full intensity.
_ROWS: dict[str, dict[str, float]] = {
    "tired": {
        "cadence": -0.10,
        "tempo": -0.22,
        "size": -0.25,
        "lean": 0.17,
        "drop": 0.040,
        "bounce": -0.3,
        "high": -0.01,
        "arms": -0.45,
        "pitch": -0.35,
        "sway": 0.03,
    },
    "happy": {
        "cadence": 0.06,
        "tempo": 0.10,
        "size": 0.20,
        "lean": -0.07,
        "bounce": 1.0,
        "high": 0.05,
        "arms": 0.50,
        "bend": 0.25,
        "pitch": 0.16,
        "sway": 0.035,
    },
    "sad": {
        "cadence": -0.07,
        "tempo": -0.20,
        "size": -0.30,
        "lean": 0.26,
        "drop": 0.020,
        "bounce": -0.5,
        "arms": -0.80,
        "carry": 0.12,
        "pitch": -0.55,
    },
    "angry": {
        "cadence": 0.12,
        "tempo": 0.20,
        "size": 0.10,
        "lean": 0.22,
        "drop": 0.015,
        "arms": 0.35,
        "bend": 0.75,
        "out": 0.07,
        "pitch": -0.10,
        "width": 0.02,
    },
    "scared": {
        "cadence": 0.14,
        "tempo": 0.12,
        "size": -0.20,
        "lean": 0.14,
        "drop": 0.090,
        "arms": -0.3,
        "l_hold": 0.85,
        "r_hold": 0.85,
        "hold_arm": 0.75,
        "hold_bend": 2.0,
        "scan": 0.7,
        "tremble": 0.05,
        "width": -0.02,
    },
    "proud": {
        "cadence": -0.05,
        "size": 0.10,
        "lean": -0.16,
        "drop": -0.010,
        "high": 0.03,
        "arms": 0.30,
        "out": 0.11,
        "pitch": 0.24,
        "width": 0.015,
    },
    "old": {
        "cadence": 0.10,
        "tempo": -0.30,
        "size": -0.30,
        "lean": 0.46,
        "drop": 0.075,
        "bounce": -0.5,
        "high": -0.02,
        "arms": -0.75,
        "bend": 0.45,
        "carry": -0.05,
        "pitch": 0.25,
        "width": 0.02,
        "tremble": 0.025,
    },
    "child": {
        "cadence": 0.10,
        "tempo": 0.20,
        "size": 0.25,
        "bounce": 0.7,
        "high": 0.08,
        "arms": 0.85,
        "out": 0.08,
        "pitch": 0.10,
        "sway": 0.08,
    },
    "drunk": {
        "cadence": -0.06,
        "tempo": -0.10,
        "lean": 0.06,
        "drop": 0.030,
        "arms": -0.2,
        "out": 0.16,
        "bend": 0.2,
        "pitch": -0.10,
        "scan": 0.25,
        "sway": 0.17,
        "weave": 0.09,
        "width": 0.06,
    },
    "injured": {
        "cadence": -0.04,
        "tempo": -0.12,
        "size": -0.2,
        "lean": 0.20,
        "drop": 0.025,
        "arms": -0.3,
        "r_hold": 1.0,
        "hold_arm": 0.12,
        "hold_bend": 1.55,
        "pitch": -0.20,
        "limp": 1.0,
    },
    "sneaky": {
        "cadence": -0.08,
        "tempo": -0.10,
        "size": -0.1,
        "lean": 0.36,
        "drop": 0.120,
        "bounce": -0.6,
        "high": 0.10,
        "arms": -0.5,
        "l_hold": 0.8,
        "r_hold": 0.8,
        "hold_arm": 0.65,
        "hold_bend": 1.85,
        "pitch": 0.20,
        "scan": 0.5,
    },
    "robotic": {
        "tempo": -0.10,
        "lean": -0.04,
        "bounce": -1.0,
        "high": 0.03,
        "arms": 0.15,
        "bend": 1.30,
        "jerk": 1.0,
    },
    "zombie": {
        "cadence": -0.12,
        "tempo": -0.25,
        "lean": 0.15,
        "drop": 0.025,
        "high": -0.02,
        "l_hold": 1.0,
        "r_hold": 0.95,
        "hold_arm": 1.45,
        "hold_bend": 0.18,
        "pitch": 0.18,
        "sway": 0.07,
        "limp": 0.45,
        "width": 0.03,
    },
    "graceful": {
        "cadence": -0.06,
        "tempo": -0.08,
        "size": 0.15,
        "lean": -0.08,
        "drop": -0.008,
        "bounce": -0.2,
        "high": 0.04,
        "arms": 0.10,
        "bend": 0.35,
        "out": 0.24,
        "pitch": 0.12,
        "width": -0.05,
    },
}
STYLES: tuple[str, ...] = tuple(_ROWS)
_FACES = {
    "happy": "happy",
    "sad": "sad",
    "angry": "angry",
    "scared": "surprised",
    "proud": "happy",
    "child": "happy",
    "drunk": "happy",
    "tired": "sad",
    "injured": "sad",
}
PLAIN = np.zeros(len(COLUMNS))
EASE_S = 0.6
"""How long somebody takes to change his manner."""
FACE_FROM = 0.25
"""A style fainter than this does not show in the face."""
JERKS_PER_S, JERKS_PER_STRIDE = 2.5, 4.0
JERK_DEPTH = 0.85
"""How nearly a machine stops between two jerks; it never goes backwards."""
LIMP_DROP_M, LIMP_LEAN, LIMP_ROLL = 0.055, 0.10, 0.07

A = ActionType
EXACT = np.isin(
    ACTIONS,
    [
        *(A.HANDSHAKE, A.HUG, A.HIGH_FIVE, A.PICK_UP, A.PUT_DOWN, A.CARRY, A.PUSH, A.PULL),
        *(A.CLIMB, A.RIDE, A.CRAWL, A.SWIM, A.CLAP, A.EATING, A.DRINKING, A.TYPING, A.PHONE),
        *(A.READING, A.BATTING, A.CATCHING, A.THROWING, A.PITCHING, A.SHOOTING, A.BOWLING),
        *(A.GOLF_SWING, A.TENNIS_SWING, A.DRIBBLING, A.ROLL, A.CARTWHEEL, A.DIVE, A.GET_UP),
        *(A.SIT, A.LIE_DOWN, A.SLEEP, A.FALL, A.CRY, A.THINK, A.SHOUT, A.WHISPER),
    ],
)
"""(ACTIONS,) whose hands have to be where they are: at a thing, a partner, a face, the ground."""
TOGETHER = np.isin(ACTIONS, [A.HANDSHAKE, A.HUG, A.HIGH_FIVE])
"""(ACTIONS,) done by two people in time with each other."""
del A


def style_row(style: str, intensity: float, where: str) -> tuple[np.ndarray, int]:
    """The parameters (C,) of a style at an intensity 0..1, and its index in FACES, -1 none.

    Raises ValueError, naming ``where`` it came from, for a style that does not exist.
    """
    if style not in _ROWS:
        raise ValueError(f"{where}: unknown {style!r}; expected one of {', '.join(STYLES)}")
    row = PLAIN.copy()
    for name, value in _ROWS[style].items():
        row[COLUMNS.index(name)] = intensity * value
    # A pose held half way is a pose; how it is held does not fade, how firmly does.
    for column in (HOLD_ARM, HOLD_BEND):
        row[column] = _ROWS[style].get(COLUMNS[column], 0.0)
    face = FACE_INDEX[_FACES[style]] if style in _FACES and intensity >= FACE_FROM else -1
    return row, face


def ease(manner: StyleState, dt: float) -> None:
    """Bring everybody's manner a tick nearer to what it is to be."""
    away = manner.goal - manner.now
    if np.count_nonzero(away):
        step = manner.pace * dt
        manner.now = manner.now + np.minimum(np.maximum(away, -step), step)


def jerky(time: np.ndarray, jerk: np.ndarray, rate: float) -> np.ndarray:
    """Time (N,) that stops ``rate`` times a unit of it, as far as ``jerk`` (N,) 0..1 says."""
    turn = 2.0 * np.pi * rate
    return time - (JERK_DEPTH / turn) * jerk * np.sin(turn * time)


def style_parameters(
    values: np.ndarray,
    manner: np.ndarray,
    action: np.ndarray,
    clock: np.ndarray,
    stride: tuple[np.ndarray, np.ndarray],
) -> None:
    """Lay the manners (C, N) over gesture parameters (D, N), in place.

    action: (N,) index in ACTIONS. clock: (N,) s into it. stride: phase and how far one walks, (N,).
    """
    phase, moving = stride
    lean = values[p.LEAN]
    upright = np.clip(1.6 * np.cos(lean) - 0.6, 0.0, 1.0)
    size = 1.0 + manner[SIZE] * ~EXACT[action]
    _style_arms(values, manner, size, clock)
    pulse = np.maximum(np.sin(2.0 * np.pi * phase), 0.0)
    limp = manner[LIMP] * pulse * pulse * moving
    slow, quick = np.sin(1.9 * clock), np.sin(3.1 * clock + 1.0)
    rocking = moving * np.cos(2.0 * np.pi * (phase - 0.3)) + (0.7 - 0.3 * moving) * slow
    stoops = np.maximum(upright, 0.4 * (1.0 - np.clip(values[p.SEAT], 0.0, 1.0)))
    values[p.LEAN] = lean * (1.0 + (size - 1.0) * upright) + stoops * (
        manner[LEAN] + LIMP_LEAN * limp + 0.5 * manner[SWAY] * quick
    )
    low = manner[DROP] + LIMP_DROP_M * limp
    values[p.DROP] += upright * (1.0 - np.clip(values[p.SEAT], 0.0, 1.0)) * low
    values[p.ROLL] += upright * (manner[SWAY] * rocking - LIMP_ROLL * limp)
    values[p.ASIDE] += upright * manner[WEAVE] * (0.7 * slow + 0.5 * quick)
    values[p.HIGH] += manner[HIGH]
    values[p.PITCH] += manner[PITCH]
    values[p.YAW] += manner[SCAN] * np.sin(2.2 * clock)


def _style_arms(
    values: np.ndarray, manner: np.ndarray, size: np.ndarray, clock: np.ndarray
) -> None:
    """Reach of gestures, the swing of free arms and how arms are held, in place."""
    shake = manner[TREMBLE] * np.sin(2.0 * np.pi * 6.0 * clock)
    own = values[p.L_OWN : p.R_OWN + 1].copy()
    hold = (1.0 - own) * manner[L_HOLD : R_HOLD + 1]
    total = np.maximum(own + hold, 1e-9)
    for first, target in ((p.L_ARM, manner[HOLD_ARM]), (p.L_ELBOW, manner[HOLD_BEND])):
        angle = values[first : first + 2] * size
        held = np.where(hold > 0.0, (own * angle + hold * target) / total, angle)
        values[first : first + 2] = held + shake
    values[p.L_OWN : p.R_OWN + 1] = own + hold
    values[p.L_OUT : p.R_OUT + 1] += (1.0 - own) * (1.0 - 0.7 * hold) * manner[OUT]
    values[p.ARMS] += (1.0 + values[p.ARMS]) * manner[ARMS]
