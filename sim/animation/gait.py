"""The gait table: how walking and running look at every speed, and the curves drawn from it.

All values are canonical: metres, m/s and heights of an actor whose leg is ``LEG_M`` long. A body of
another size uses the row of its speed divided by its size.
"""

import numpy as np

from entities.actions import ACTION_FILES
from entities.units import EARTH_GRAVITY

LEG_M = 0.97
"""Thigh and shank of the human skeleton, straight."""

COLUMNS = (
    "cadence",  # steps/min
    "duty",  # share of the stride a foot is on the ground
    "stretch",  # share of its length a leg has at touch-down and lift-off
    "bob",  # m, half the rise from double support to mid-stance (walking only)
    "lean",  # rad, trunk forward of the vertical
    "arm",  # rad, amplitude of the upper arm in phase with the landing of the opposite foot
    "arm_late",  # rad, amplitude a quarter stride later: both give size and timing
    "arm_mean",  # rad, mean angle of the upper arm forward of the vertical
    "elbow",  # rad, mean flexion
    "elbow_swing",  # rad, amplitude of the flexion in phase with "arm"
    "elbow_late",  # rad, amplitude in phase with "arm_late"
    "elbow_twice",  # rad, amplitude of the flexion with every step
    "go_2",  # share of its way that a swinging foot has gone: Bezier control values
    "go_3",
    "go_4",
    "go_5",
    "go_6",
    "up_1",  # m, height of the ball of the foot in the swing, Bezier control values: heel off
    "up_2",
    "up_3",  # heel towards the seat
    "up_4",
    "up_5",
    "up_6",  # toes up before the heel strikes
    "up_7",  # coming down from above
    "deep",  # m, how much lower than on a spring the pelvis of a runner is in mid-stance
)
(
    CADENCE,
    DUTY,
    STRETCH,
    BOB,
    LEAN,
    ARM,
    ARM_LATE,
    ARM_MEAN,
    ELBOW,
    ELBOW_SWING,
    ELBOW_LATE,
    ELBOW_TWICE,
    GO_2,
    GO_3,
    GO_4,
    GO_5,
    GO_6,
    UP_1,
    UP_2,
    UP_3,
    UP_4,
    UP_5,
    UP_6,
    UP_7,
    DEEP,
) = range(len(COLUMNS))

# Cadence and duty of walking: Murray 1967 and Grieve & Gear 1966 give 1.9-2.1 steps/s and 0.60 at
# a comfortable 1.3-1.5 m/s, fewer and longer contacts below. Of running: Cavanagh & Kram 1989 and
# Weyand et al. 2000 for step rates of 2.6-2.9 at 3, about 3 at 5 and nearly 4 in a sprint, contact
# 0.23 s at 3 m/s falling to 0.10 s. Arms at 1.3 and 3 m/s have size, timing and second harmonic of
# the mean cycle of recorded walks and runs (CMU, deepmimic), walking a little larger to be seen.
# The swing values are fitted: least jerk of foot and knee, hip and knee cycles like recorded
# ones, and hardly any speed over the ground below 3 cm. The rest are choices judged by eye.
WALK_SPEEDS = (0.0, 0.4, 0.8, 1.3, 2.0, 2.6, 20.0)
_WALK = (
    # cad  duty stretch bob   lean  arm  late  mean   elbow swing late twice
    (72, 0.700, 0.985, 0.003, 0.01, 0.05, 0.01, 0.00, 0.25, 0.02, 0.01, 0.00),
    (84, 0.660, 0.978, 0.009, 0.02, 0.12, 0.03, -0.02, 0.30, 0.06, 0.03, 0.00),
    (101, 0.630, 0.972, 0.017, 0.03, 0.19, 0.05, -0.05, 0.38, 0.12, 0.06, 0.00),
    (120.5, 0.593, 0.969, 0.027, 0.04, 0.30, 0.09, -0.08, 0.46, 0.17, 0.09, 0.00),
    (148, 0.545, 0.964, 0.028, 0.07, 0.46, 0.12, -0.08, 0.70, 0.24, 0.12, 0.00),
    (170, 0.515, 0.962, 0.028, 0.09, 0.55, 0.14, -0.08, 0.95, 0.28, 0.14, 0.00),
    (520, 0.515, 0.962, 0.022, 0.11, 0.60, 0.14, -0.08, 1.00, 0.28, 0.14, 0.00),
)
_WALK_SWING = (
    # go_2 .. go_6, up_1 .. up_7, deep
    (-0.012, 0.084, 0.506, 0.950, 1.009, 0.000, 0.042, 0.068, 0.116, 0.064, 0.038, 0.000, 0.000),
    (-0.007, 0.115, 0.541, 0.958, 1.021, 0.024, -0.018, 0.406, 0.038, 0.228, 0.026, 0.010, 0.000),
    (-0.035, 0.332, -0.004, 0.720, 0.892, 0.065, -0.037, 0.842, -0.731, 0.620, -0.022, 0.052, 0),
    (0.005, 0.100, 0.437, 0.715, 0.834, 0.090, 0.026, 1.021, -1.190, 1.001, -0.155, 0.091, 0),
    (-0.029, 0.377, 0.086, 0.704, 0.897, 0.101, 0.012, 0.997, -0.761, 0.561, -0.004, 0.067, 0),
    (-0.030, 0.413, 0.073, 0.771, 0.845, 0.154, -0.160, 1.122, -0.741, 0.706, -0.151, 0.108, 0),
    (-0.030, 0.413, 0.073, 0.771, 0.845, 0.154, -0.160, 1.122, -0.741, 0.706, -0.151, 0.108, 0),
)
RUN_SPEEDS = (0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 8.0, 10.0, 20.0)
_RUN = (
    (132, 0.500, 0.978, 0.000, 0.05, 0.08, -0.08, -0.25, 1.40, 0.00, -0.05, -0.02),
    (146, 0.430, 0.975, 0.000, 0.07, 0.15, -0.15, -0.32, 1.50, 0.00, -0.10, -0.04),
    (157, 0.365, 0.970, 0.000, 0.10, 0.23, -0.23, -0.38, 1.65, -0.01, -0.15, -0.06),
    (163, 0.335, 0.972, 0.000, 0.14, 0.30, -0.31, -0.40, 1.74, -0.02, -0.20, -0.08),
    (182, 0.267, 0.968, 0.000, 0.17, 0.43, -0.44, -0.34, 1.68, -0.02, -0.24, -0.09),
    (195, 0.245, 0.972, 0.000, 0.18, 0.51, -0.52, -0.30, 1.64, -0.02, -0.26, -0.09),
    (230, 0.212, 0.968, 0.000, 0.20, 0.64, -0.65, -0.22, 1.58, -0.02, -0.28, -0.09),
    (274, 0.198, 0.968, 0.000, 0.21, 0.70, -0.71, -0.18, 1.55, -0.02, -0.28, -0.09),
    (548, 0.198, 0.968, 0.000, 0.21, 0.70, -0.71, -0.18, 1.55, -0.02, -0.28, -0.09),
)
_RUN_SWING = (
    # go_2 .. go_6, up_1 .. up_7, deep
    (0, 0.175, 0.280, 0.541, 0.983, 0.019, 0.083, 0.110, 0.089, 0.050, 0.031, 0.039, 0),
    (0, 0.175, 0.280, 0.541, 0.983, 0.031, 0.138, 0.184, 0.149, 0.084, 0.052, 0.064, 0.008),
    (-0.088, 0.469, -0.130, 0.619, 0.977, 0.067, 0.014, 0.668, -0.018, 0.159, 0.119, 0.030, 0.020),
    (-0.145, 0.649, -0.134, 0.593, 0.854, 0.123, 0.154, 1.140, -0.416, 0.416, 0.005, 0.095, 0.028),
    (-0.083, 0.418, 0.209, 0.540, 0.842, 0.176, 0.374, 1.440, -0.156, 0.128, 0.061, 0.125, 0.022),
    (0.024, 0.226, 0.345, 0.693, 0.791, 0.223, 0.223, 1.503, -0.051, -0.373, 0.170, 0.146, 0.018),
    (0.023, 0.303, 0.163, 0.685, 0.819, 0.207, 0.540, 0.690, 1.024, -1.215, 0.465, 0.114, 0.012),
    (0.030, 0.318, 0.051, 0.821, 0.820, 0.291, 0.209, 1.621, 0.010, -1.021, 0.636, 0.090, 0.010),
    (0.030, 0.318, 0.051, 0.821, 0.820, 0.291, 0.209, 1.621, 0.010, -1.021, 0.636, 0.090, 0.010),
)

RUN_AT_MPS = 2.1
WALK_AT_MPS = 1.9
"""Canonical speeds at which walking turns to running and running to walking: about 2.0 m/s
(Thorstensson & Roberthson 1987), with hysteresis."""

LATE_BOB = 0.025
"""Share of the stride after mid-stance at which the pelvis of a walker is highest: push-off starts
low."""
SOFT_M = 0.012
"""Distance below its limit from which the pelvis is held back."""

SOFT_SHARE = 0.945
"""Share of its length from which a swinging leg straightens ever more slowly."""

_CELLS = 400
_TOP_MPS = 20.0


def _tabulate(knots: tuple[float, ...], rows: tuple[tuple[float, ...], ...]) -> np.ndarray:
    speeds = np.linspace(0.0, _TOP_MPS, _CELLS + 1)
    return np.stack([np.interp(speeds, knots, column) for column in np.array(rows, float).T])


_TABLE = np.stack(
    [
        np.concatenate([_tabulate(WALK_SPEEDS, _WALK), _tabulate(WALK_SPEEDS, _WALK_SWING)]),
        np.concatenate([_tabulate(RUN_SPEEDS, _RUN), _tabulate(RUN_SPEEDS, _RUN_SWING)]),
    ],
    axis=1,
)
"""(C, 2, _CELLS + 1) every column, of walking and running, at evenly spaced speeds up to
_TOP_MPS."""
_RISE = np.diff(_TABLE, axis=2)
"""(C, 2, _CELLS) change of the table over each cell."""


def gait_rows(speed: np.ndarray, run: np.ndarray, columns: slice = slice(None)) -> np.ndarray:
    """The table at (N,) canonical speeds, a share ``run`` (N,) of the way from walking to running.

    columns: which of COLUMNS. Returns (C, N), one row for each column.
    """
    at = np.minimum(speed * (_CELLS / _TOP_MPS), _CELLS - 1e-6)
    cell = at.astype(np.int64)
    part = at - cell
    both = _RISE[columns].take(cell, axis=2)  # (C, 2, N)
    both *= part
    both += _TABLE[columns].take(cell, axis=2)
    walk, running = both[:, 0], both[:, 1]
    return walk + run * (running - walk)


def stance_seconds(cadence: np.ndarray, duty: np.ndarray) -> np.ndarray:
    """Duration of the stance, s, from a cadence in steps/min and a duty factor."""
    return duty * 120.0 / cadence


def walking_beat(phase: np.ndarray, duty: np.ndarray) -> np.ndarray:
    """(N,) 1 where a walking pelvis is highest, just after mid-stance, -1 where it is lowest."""
    return np.cos(4.0 * np.pi * (phase - 0.5 * duty - LATE_BOB))


def pelvis_drop(
    pace: np.ndarray,
    run: np.ndarray,
    stance_s: np.ndarray,
    stand: np.ndarray,
    leg: np.ndarray,
    rows: np.ndarray,
) -> np.ndarray:
    """How far (N,) m the reference height of the pelvis in the gait is below standing.

    It is low enough for a foot to stand as far ahead at touch-down, and behind at lift-off, as the
    body travels in half a stance. pace: (N,) m/s. stand, leg: (N,) m, height of the standing pelvis
    and length of the leg. rows: (C, N) from gait_rows.
    """
    reach = 0.5 * pace * stance_s
    longest = rows[STRETCH] * leg
    low = np.sqrt(np.maximum(longest * longest - reach * reach, 0.25 * leg * leg))
    at_touch_down = np.cos(2.0 * np.pi * (rows[DUTY] + 2.0 * LATE_BOB))
    return np.maximum(stand - low + (1.0 - run) * rows[BOB] * at_touch_down, 0.0)


def pelvis_offset(
    phase: np.ndarray, run: np.ndarray, cadence: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Height (N,) m of the pelvis over its reference height in the gait, through the stride.

    In walking it is highest at mid-stance. In running it moves as on a spring between ballistic
    flights, whose speed at take-off is gravity times half the flight, and sinks deeper where knees
    and ankles bend. rows: (C, N) from gait_rows.
    """
    duty = rows[DUTY]
    walk = rows[BOB] * walking_beat(phase, duty)
    step = 60.0 / cadence
    share = np.minimum(2.0 * duty, 1.0)
    contact = share * step
    flight = step - contact
    where = 2.0 * phase
    where -= np.floor(where)
    in_stance = where / share
    in_flight = (where - share) / np.maximum(1.0 - share, 1e-9)
    sin = np.sin(np.pi * in_stance)
    # Earth's gravity also on the Moon: the rhythm of a gait is learned on Earth.
    spring = -sin * ((EARTH_GRAVITY / (2.0 * np.pi)) * flight * contact + rows[DEEP] * sin)
    ballistic = 0.5 * EARTH_GRAVITY * flight * flight * in_flight * (1.0 - in_flight)
    running = np.where(in_stance < 1.0, spring, ballistic)
    return walk + run * (running - walk)


def swing_path(
    u: np.ndarray, stance_s: np.ndarray, swing_s: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where a swinging foot is at progress ``u``: seconds ahead of the hip, and m up, (F, N) each.

    Seconds times the velocity of the body are metres. Over the ground the foot starts and ends at
    rest, so that it leaves its old place upwards and comes down on the new one from above. u: (F,
    N). stance_s, swing_s: (N,) s. rows: (C, N) from gait_rows.
    """
    v = 1.0 - u
    uv = u * v
    uu, vv = u * u, v * v
    first = vv * (28.0 * vv * rows[GO_2] + 56.0 * uv * rows[GO_3]) + 70.0 * uv * uv * rows[GO_4]
    last = uu * (56.0 * uv * rows[GO_5] + 28.0 * uu * rows[GO_6])
    gone = uv * uv * (first + last) + uu * uu * uu * u * (8.0 * v + u)
    first = v * (8.0 * vv * rows[UP_1] + 28.0 * uv * rows[UP_2] + 56.0 * uu * rows[UP_3]) * vv * v
    last = u * (8.0 * uu * rows[UP_7] + 28.0 * uv * rows[UP_6] + 56.0 * vv * rows[UP_5]) * uu * u
    up = uv * (first + 70.0 * uu * u * vv * v * rows[UP_4] + last)
    return gone * (stance_s + swing_s) - u * swing_s - 0.5 * stance_s, up


def arm_swing(
    phase: np.ndarray, ahead: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Swing of the right arm: the angles of upper arm and elbow from their means, (N,) rad each.

    The left arm has the opposite of both. A third angle is added to both elbows with every step.
    phase: (N,) cycles. ahead: (N,) 1 going forward to -1 going back. rows: (C, N) from gait_rows.
    """
    turn = 2.0 * np.pi * phase
    cos, sin = np.cos(turn), np.sin(turn)
    return (
        ahead * (rows[ARM] * cos + rows[ARM_LATE] * sin),
        ahead * (rows[ELBOW_SWING] * cos + rows[ELBOW_LATE] * sin),
        2.0 * rows[ELBOW_TWICE] * cos * sin,
    )


def softly_below(height: np.ndarray, most: np.ndarray) -> np.ndarray:
    """The lower of two heights, rounded where they cross, so that knees do not snap straight."""
    near = np.maximum(SOFT_M - np.abs(height - most), 0.0)
    return np.minimum(height, most) - near * near * (0.25 / SOFT_M)


def within_reach(
    ahead: np.ndarray,
    up: np.ndarray,
    straight: float,
    folded: float,
    thigh: np.ndarray,
    shank: np.ndarray,
) -> np.ndarray:
    """Factor (2, N) by which feet are pulled towards the hip: 1 where the leg reaches them.

    ahead, up: (2, N) m from the hip. straight: largest share of its length that a leg may have.
    folded: cosine of the smallest angle in a knee. thigh, shank: (N,) m.
    """
    distance = np.sqrt(ahead * ahead + up * up)
    shortest = np.sqrt(thigh * thigh + shank * shank - folded * 2.0 * thigh * shank)
    wanted = np.clip(distance, shortest, straight * (thigh + shank))
    return np.where(wanted == distance, 1.0, wanted / np.maximum(distance, 1e-9))


def softened(ahead: np.ndarray, up: np.ndarray, leg: np.ndarray) -> np.ndarray:
    """Factor (2, N) by which feet are pulled towards the hip so that legs straighten softly.

    ahead, up: (2, N) m from the hip. leg: (N,) m. From ``SOFT_SHARE`` of its length on, a leg
    approaches its full length exponentially and does not reach it.
    """
    distance = np.sqrt(ahead * ahead + up * up)
    bent, left = SOFT_SHARE * leg, (1.0 - SOFT_SHARE) * leg
    over = np.maximum(distance - bent, 0.0)
    return np.where(
        over > 0.0, (bent + left * -np.expm1(-over / left)) / np.maximum(distance, 1e-9), 1.0
    )


WALKS, RUNS, FREE = 0, 1, 2
_MODES = {None: FREE, "walk": WALKS, "run": RUNS}
GAIT_MODE = np.array([_MODES[file.gait and file.gait.mode] for file in ACTION_FILES.values()])
"""(ACTIONS,) WALKS, RUNS or FREE; FREE is chosen by speed."""
CADENCE_SHARE = np.array(
    [file.gait.cadence if file.gait else 1.0 for file in ACTION_FILES.values()]
)
"""(ACTIONS,) cadence relative to that of the free gait at the same speed."""
