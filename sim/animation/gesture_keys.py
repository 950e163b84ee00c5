"""The keys of every gesture: a time in seconds and what changes there.

Lengths are those of the 1.70 m human (neck 1.42 m, chest 1.25, hip 0.95). ``lh``/``rh`` place a
hand (forward, up[, out]) and give the arm to the gesture; ``lf``/``rf`` place the ball of a foot
(forward, up[, out]); other names are columns of gestures.PARAMETERS. What a key leaves out stays.
All timings and places are choices, judged by eye on contact sheets.
"""

from dataclasses import dataclass

Key = tuple[float, dict]


TURN = 6.283185307179586


@dataclass(frozen=True, slots=True)
class Jump:
    """When the feet leave the ground, how fast, and where the clock waits to land again."""

    at: float  # s
    speed: float  # m/s upwards
    waits: float  # s


@dataclass(frozen=True, slots=True)
class Gesture:
    """Keys in time; ``loop`` is the key time the last key returns to, None to hold it."""

    keys: tuple[Key, ...]
    loop: float | None = None
    by_phase: bool = False
    jump: Jump | None = None
    contact: float | None = None  # s, the ball leaves the hand or meets foot, head or bat
    left_handed: bool = False
    trail: float = 0.0  # m, walking feet are so far behind the hips
    face: str = "neutral"


def keys(*rows: Key, **rest: object) -> Gesture:
    """A gesture from its keys."""
    return Gesture(rows, **rest)  # type: ignore[arg-type]


FEET_LOOSE = {"loose": 1.0, "l_foot": 1.0, "r_foot": 1.0}
ARMS_DOWN = {"l_own": 0.0, "r_own": 0.0}
LYING = {
    **FEET_LOOSE,
    "seat": 1.0,
    "drop": 0.86,
    "lean": -1.50,
    "lf": (0.93, 0.03),
    "rf": (0.88, 0.04),
    "l_arm": 0.10,
    "r_arm": 0.05,
    "l_elbow": 0.25,
    "r_elbow": 0.35,
    "l_own": 1.0,
    "r_own": 1.0,
    "l_out": 0.10,
    "r_out": 0.10,
}

SEATED = {"seat": 1.0, "drop": 0.41, "lean": 0.04, "lf": (0.47, 0.0), "rf": (0.45, 0.0)}
"""On a chair. The drop only serves to place hands: the seat gives the height."""
HANDS_ON_LAP = {"lh": (0.30, 0.66, -0.06), "rh": (0.30, 0.66, -0.06)}


SETTLED_S = 1.1
"""When somebody who sits down on a seat sits."""


def sit_down(**at_end: object) -> tuple[Key, ...]:
    """From standing before a chair back onto it, over the feet, which stay where they are."""
    return (
        (0.0, {}),
        (0.25, {"drop": 0.10, "lean": 0.42, "lh": (0.3, 0.95), "rh": (0.3, 0.95)}),
        (
            0.57,
            {"drop": 0.27, "lean": 0.62, "lf": (0.26, 0.0), "rf": (0.24, 0.0), "seat": 0.3}
            | {"lh": (0.42, 0.80), "rh": (0.42, 0.80)},
        ),
        (0.9, {**SEATED, "lean": 0.18, **HANDS_ON_LAP}),
        (SETTLED_S, {"lean": 0.04, **at_end}),
    )


PRONE = {**FEET_LOOSE, "drop": 0.61, "lean": 1.48, "pitch": 0.35, "l_own": 1.0, "r_own": 1.0}


def _stroke(turn: float) -> dict:
    """Arms of the front crawl, half a turn apart; the one out of the water is bent."""
    left, right = 3.0 - TURN * turn, 3.0 - TURN * (turn + 0.5)
    return {
        "l_arm": left,
        "r_arm": right,
        "l_elbow": 0.15 + 0.9 * (turn in (0.5, 0.75)),
        "r_elbow": 0.15 + 0.9 * (turn in (0.0, 0.25, 1.0)),
    }


LOCOMOTION: dict[str, Gesture] = {
    "walk": keys((0.0, {})),
    "jog": keys((0.0, {})),
    "run": keys((0.0, {})),
    "sprint": keys((0.0, {"lean": 0.05, "arms": 0.1})),
    "running_bases": keys((0.0, {"lean": 0.02, "yaw": 0.25})),
    "walk_backwards": keys(
        (0.0, {"lean": -0.03, "arms": -0.4, "l_out": 0.05, "r_out": 0.05, "yaw": 0.2}),
        (1.6, {"yaw": 1.1}),
        (2.4, {"yaw": 1.1}),
        (4.0, {"yaw": 0.2}),
        loop=0.0,
    ),
    "strafe": keys(
        (0.0, {"drop": 0.06, "lean": 0.12, "lh": (0.24, 1.05, 0.1), "rh": (0.22, 1.02, 0.1)})
    ),
    "sneak": keys(
        (0.0, {"drop": 0.14, "lean": 0.42, "high": 0.10, "lh": (0.42, 1.12), "rh": (0.34, 1.0)}),
        (1.0, {"yaw": 0.7, "lh": (0.40, 1.04), "rh": (0.38, 1.1)}),
        (2.0, {"yaw": -0.6, "lh": (0.42, 1.12), "rh": (0.34, 1.0)}),
        (3.0, {"yaw": 0.0}),
        loop=0.0,
    ),
    "march": keys((0.0, {"lean": -0.05, "high": 0.30, "arms": 0.9, "drop": -0.01, "pitch": 0.08})),
    "skip": keys(
        (0.0, {"high": 0.30, "arms": 0.9, "bounce": 0.06, "lean": -0.04, "pitch": 0.1}),
        face="happy",
    ),
    "hop": keys(
        (0.0, {"drop": -0.05, "l_foot": 1.0, "lf": (-0.18, 0.34), "lh": (0.28, 1.1, 0.2)}),
        (0.25, {"drop": -0.09, "rh": (0.28, 1.15, 0.2)}),
        (0.5, {"drop": 0.0, "lh": (0.18, 0.95, 0.2), "rh": (0.18, 0.98, 0.2)}),
        (0.7, {"drop": 0.12, "lean": 0.10}),
        (1.0, {"drop": -0.05, "lean": 0.0, "lh": (0.28, 1.1, 0.2), "rh": (0.28, 1.15, 0.2)}),
        by_phase=True,
    ),
    "crawl": keys(
        (
            0.0,
            {"drop": 0.49, "lean": 1.42, "pitch": 0.5, "fours": 1.0, "roll": 0.03}
            | {"lf": (-0.45, 0.0), "rf": (-0.45, 0.0), "lh": (0.50, 0.02), "rh": (0.50, 0.02)},
        ),
        (0.5, {"roll": -0.03}),
        (1.0, {"roll": 0.03}),
        by_phase=True,
        trail=0.45,
    ),
    "climb": keys(
        (
            0.0,
            {**FEET_LOOSE, "drop": 0.05, "lean": 0.10, "pitch": 0.4, "rungs": 1.0, "yaw": 0.1}
            | {"lf": (0.24, 0.24), "rf": (0.24, 0.5), "lh": (0.32, 1.6), "rh": (0.32, 1.3)},
        ),
        (0.9, {"yaw": -0.1}),
        (1.8, {"yaw": 0.1}),
        loop=0.0,
    ),
    "swim": keys(
        (0.0, {**PRONE, "lf": (-0.95, 0.12), "rf": (-0.92, 0.30), **_stroke(0.0)}),
        (0.35, {"lf": (-0.92, 0.30), "rf": (-0.95, 0.12), **_stroke(0.25)}),
        (0.70, {"lf": (-0.95, 0.12), "rf": (-0.92, 0.30), **_stroke(0.5)}),
        (1.05, {"lf": (-0.92, 0.30), "rf": (-0.95, 0.12), **_stroke(0.75)}),
        (1.40, {"lf": (-0.95, 0.12), "rf": (-0.92, 0.30), **_stroke(1.0)}),
        loop=0.0,
    ),
    "fly": keys(
        (
            0.0,
            {
                **FEET_LOOSE,
                "lean": 1.25,
                "pitch": 0.6,
                "lf": (-0.93, 0.70),
                "rf": (-0.91, 0.63),
                "l_own": 1.0,
                "r_own": 1.0,
                "l_arm": -0.25,
                "l_elbow": 0.15,
                "r_arm": 2.75,
                "r_elbow": 0.1,
            },
        ),
        (1.2, {"lean": 1.30, "lf": (-0.93, 0.64), "rf": (-0.90, 0.61), "drop": 0.03}),
        (2.4, {"lean": 1.25, "lf": (-0.93, 0.70), "rf": (-0.91, 0.63), "drop": 0.0}),
        loop=0.0,
    ),
    "ride": keys(
        (
            0.0,
            {**FEET_LOOSE, "lean": 0.62, "lf": (0.35, 0.34), "rf": (0.01, 0.34), "pitch": 0.3}
            | {"lh": (0.62, 1.06, 0.02), "rh": (0.62, 1.06, 0.02)},
        ),
        (0.2, {"lf": (0.18, 0.17), "rf": (0.18, 0.51)}),
        (0.4, {"lf": (0.01, 0.34), "rf": (0.35, 0.34)}),
        (0.6, {"lf": (0.18, 0.51), "rf": (0.18, 0.17)}),
        (0.8, {"lf": (0.35, 0.34), "rf": (0.01, 0.34)}),
        loop=0.0,
    ),
    "limp": keys(
        (0.0, {"drop": 0.03, "lean": 0.06, "rh": (0.12, 0.86)}),
        (0.3, {"drop": 0.01, "lean": 0.02}),
        (0.55, {"drop": 0.06, "lean": 0.16}),
        (0.8, {"drop": 0.08, "lean": 0.18}),
        (1.0, {"drop": 0.03, "lean": 0.06}),
        by_phase=True,
        face="sad",
    ),
    "zombie_walk": keys(
        (0.0, {"drop": 0.02, "lean": 0.16, "lh": (0.62, 1.42), "rh": (0.60, 1.30), "mouth": 0.5}),
        (0.5, {"drop": 0.05, "lean": 0.22, "lh": (0.62, 1.34), "rh": (0.60, 1.38), "roll": 0.08}),
        (1.0, {"drop": 0.02, "lean": 0.16, "lh": (0.62, 1.42), "rh": (0.60, 1.30), "roll": 0.0}),
        by_phase=True,
    ),
    "push": keys((0.0, {"lean": 0.42, "drop": 0.06, "lh": (0.70, 1.26), "rh": (0.70, 1.26)})),
    "pull": keys((0.0, {"lean": -0.28, "drop": 0.08, "lh": (0.36, 1.06), "rh": (0.36, 1.06)})),
    "carry": keys((0.0, {"lean": -0.08, "lh": (0.30, 1.05, -0.02), "rh": (0.30, 1.05, -0.02)})),
    "dribbling": keys(
        (0.0, {"lean": 0.12, "drop": 0.06, "rh": (0.34, 1.02, 0.06)}),
        (0.22, {"rh": (0.36, 0.74, 0.06)}),
        (0.44, {"rh": (0.34, 1.02, 0.06)}),
        loop=0.0,
    ),
}
