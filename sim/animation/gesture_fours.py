"""Keys of what animals do in a way of their own. See gesture_keys.py.

Lengths are canonical: a body whose hind legs are 0.97 m long.
"""

from sim.animation.gesture_keys import Gesture, keys

_STANDS = {"drop": 0.0, "pitched": 0.0, "fours": 1.0, "lf": (0.05, 0.0), "rf": (0.03, 0.0)}
_SITS = {"drop": 0.50, "pitched": 0.55, "fours": 1.0, "lf": (0.16, 0.0), "rf": (0.12, 0.0)}
_LIES = {"drop": 0.69, "pitched": 0.14, "fours": 1.72, "lf": (0.24, 0.0), "rf": (0.20, 0.0)}

FOURS_ACTS: dict[str, Gesture] = {
    "sit@fours": keys(
        (0.0, _STANDS),
        (0.5, {"drop": 0.30, "pitched": 0.30}),
        (0.9, _SITS),
        (2.0, {"pitched": 0.57, "yaw": 0.3}),
        (4.0, {"pitched": 0.55, "yaw": 0.0}),
        loop=0.9,
    ),
    "lie_down@fours": keys(
        (0.0, _STANDS),
        (0.6, {"drop": 0.42, "pitched": 0.32, "fours": 1.4}),
        (1.3, _LIES),
        (3.0, {"pitched": 0.12}),
        (5.0, {"pitched": 0.14}),
        loop=1.3,
    ),
    "sleep@fours": keys(
        (0.0, _STANDS),
        (0.6, {"drop": 0.42, "pitched": 0.32, "fours": 1.4}),
        (1.4, {**_LIES, "pitch": -0.5}),
        (3.2, {"pitched": 0.10}),
        (5.2, {"pitched": 0.14}),
        loop=1.4,
    ),
    "get_up@fours": keys(
        (0.0, _LIES),
        (0.7, {"drop": 0.35, "pitched": 0.35, "fours": 1.2}),
        (1.4, _STANDS),
    ),
}
