"""Styles: how an action is performed; rows of parameters added to any action.

A style changes posture, timing and carriage, never the speed of travel: a tired walker takes fewer,
longer steps at the same speed unless the scene lowers the speed too.
"""

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.components import FACE_INDEX, StyleState
from sim.animation import gestures as p

COLUMNS = (
    "cadence",  # share by which the cadence is higher
    "tempo",  # share by which gestures are faster
    "size",  # share by which gestures are larger
    "lean",  # rad, trunk forward
    "drop",  # m, pelvis lower
    "bounce",  # share by which the pelvis moves more up and down
    "high",  # m, swing feet lifted higher
    "arms",  # share by which the arms swing further
    "carry",  # rad, arms carried further forward
    "bend",  # rad, elbows bent more
    "out",  # m, hands further out
    "l_hold",  # 0 the arm swings .. 1 it is held still
    "r_hold",
    "hold_arm",  # rad, shoulder angle of an arm that is held
    "hold_bend",  # rad, its elbow angle
    "pitch",  # rad, head up
    "scan",  # rad, head turned from side to side
    "sway",  # rad, trunk rolled from side to side
    "weave",  # m, pelvis moved from side to side over the feet
    "limp",  # 0 .. 1, the right leg gives way under the body
    "width",  # m, each foot further out
    "jerk",  # 0 .. 1, moves in steps, like a machine
    "tremble",  # rad, amplitude of shaking hands
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

# All figures are choices judged by eye on contact sheets.
_PARAMETERS: dict[str, dict[str, float]] = {
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
"""What differs from plain, by style and column, at full intensity."""
STYLES: tuple[str, ...] = tuple(_PARAMETERS)
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
"""Style -> the face it shows; other styles leave the face to the action."""
PLAIN = np.zeros(len(COLUMNS))
"""(C,) the parameters of no style."""
EASE_S = 0.6
"""Seconds that a change of style takes."""
FACE_FROM = 0.25
"""The least intensity at which a style shows in the face."""
JERKS_PER_S, JERKS_PER_STRIDE = 2.5, 4.0
"""How often a jerky motion stops: gestures per second, walking per stride."""
JERK_DEPTH = 0.85
"""Share of the speed lost between two jerks; below 1, so time never runs backwards."""
LIMP_DROP_M, LIMP_LEAN, LIMP_ROLL = 0.055, 0.10, 0.07
"""What a full limp lowers the pelvis, leans the trunk and rolls the body, m and rad."""

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
"""(ACTIONS,) bool, actions whose hands must meet an object, partner, face or the ground; their
gestures are not made larger or smaller."""
TOGETHER = np.isin(ACTIONS, [A.HANDSHAKE, A.HUG, A.HIGH_FIVE])
"""(ACTIONS,) bool, actions that two actors do in time with each other; their tempo stays."""
del A


def style_row(style: str, intensity: float, where: str) -> tuple[np.ndarray, int]:
    """Parameters (C,) of a style at an intensity 0..1, and its index in FACES, -1 for none.

    where: the field the style came from, for the message. Raises ValueError for an unknown style.
    """
    if style not in _PARAMETERS:
        raise ValueError(f"{where}: unknown {style!r}; expected one of {', '.join(STYLES)}")
    row = PLAIN.copy()
    for name, value in _PARAMETERS[style].items():
        row[COLUMNS.index(name)] = intensity * value
    # A held arm keeps its angles at every intensity; only how firmly it is held scales.
    for column in (HOLD_ARM, HOLD_BEND):
        row[column] = _PARAMETERS[style].get(COLUMNS[column], 0.0)
    face = FACE_INDEX[_FACES[style]] if style in _FACES and intensity >= FACE_FROM else -1
    return row, face


def rest_style(n: int) -> StyleState:
    """``n`` rows without a style."""
    plain = np.tile(PLAIN, (n, 1))
    face = np.full(n, -1, np.int64)
    return StyleState(plain, plain.copy(), plain.copy(), face, [""] * n, np.zeros(n))


def set_style(state: StyleState, row: int, style: str | None, intensity: float, where: str) -> None:
    """Make an actor ease to a style, or to none. Raises ValueError for an unknown style."""
    goal, face = (PLAIN, -1) if style is None else style_row(style, intensity, where)
    state.goal[row], state.face[row] = goal, face
    state.style[row], state.intensity[row] = style or "", intensity if style else 0.0
    state.rate[row] = np.abs(goal - state.now[row]) / EASE_S


def ease_styles(state: StyleState, dt: float) -> None:
    """Move the parameters in force a tick towards their goals."""
    away = state.goal - state.now
    if np.count_nonzero(away):
        step = state.rate * dt
        state.now = state.now + np.minimum(np.maximum(away, -step), step)


def jerky(time: np.ndarray, jerk: np.ndarray, rate: float) -> np.ndarray:
    """Time (N,) that almost stops ``rate`` times per unit, in proportion to ``jerk`` (N,) 0..1."""
    turn = 2.0 * np.pi * rate
    return time - (JERK_DEPTH / turn) * jerk * np.sin(turn * time)


def style_parameters(
    values: np.ndarray,
    style: np.ndarray,
    action: np.ndarray,
    clock: np.ndarray,
    stride: tuple[np.ndarray, np.ndarray],
) -> None:
    """Apply styles (C, N) to gesture parameters (D, N), in place.

    action: (N,) index in ACTIONS. clock: (N,) s into the gesture. stride: phase (N,) in cycles, and
    0 standing .. 1 walking (N,).
    """
    phase, moving = stride
    lean = values[p.LEAN]
    upright = np.clip(1.6 * np.cos(lean) - 0.6, 0.0, 1.0)
    size = 1.0 + style[SIZE] * ~EXACT[action]
    _style_arms(values, style, size, clock)
    pulse = np.maximum(np.sin(2.0 * np.pi * phase), 0.0)
    limp = style[LIMP] * pulse * pulse * moving
    slow, quick = np.sin(1.9 * clock), np.sin(3.1 * clock + 1.0)
    rocking = moving * np.cos(2.0 * np.pi * (phase - 0.3)) + (0.7 - 0.3 * moving) * slow
    bends = np.maximum(upright, 0.4 * (1.0 - np.clip(values[p.SEAT], 0.0, 1.0)))
    values[p.LEAN] = lean * (1.0 + (size - 1.0) * upright) + bends * (
        style[LEAN] + LIMP_LEAN * limp + 0.5 * style[SWAY] * quick
    )
    low = style[DROP] + LIMP_DROP_M * limp
    values[p.DROP] += upright * (1.0 - np.clip(values[p.SEAT], 0.0, 1.0)) * low
    values[p.ROLL] += upright * (style[SWAY] * rocking - LIMP_ROLL * limp)
    values[p.ASIDE] += upright * style[WEAVE] * (0.7 * slow + 0.5 * quick)
    values[p.HIGH] += style[HIGH]
    values[p.PITCH] += style[PITCH]
    values[p.YAW] += style[SCAN] * np.sin(2.2 * clock)


def _style_arms(values: np.ndarray, style: np.ndarray, size: np.ndarray, clock: np.ndarray) -> None:
    """Apply size, hold, tremble, out and arms of the styles to the arms, in place."""
    shake = style[TREMBLE] * np.sin(2.0 * np.pi * 6.0 * clock)
    own = values[p.L_OWN : p.R_OWN + 1].copy()
    hold = (1.0 - own) * style[L_HOLD : R_HOLD + 1]
    total = np.maximum(own + hold, 1e-9)
    for first, target in ((p.L_ARM, style[HOLD_ARM]), (p.L_ELBOW, style[HOLD_BEND])):
        angle = values[first : first + 2] * size
        held = np.where(hold > 0.0, (own * angle + hold * target) / total, angle)
        values[first : first + 2] = held + shake
    values[p.L_OWN : p.R_OWN + 1] = own + hold
    values[p.L_OUT : p.R_OUT + 1] += (1.0 - own) * (1.0 - 0.7 * hold) * style[OUT]
    values[p.ARMS] += (1.0 + values[p.ARMS]) * style[ARMS]
