"""Gestures of somebody who sits: his legs stay on the seat, the rest goes on as it does standing.

See gesture_keys.py. What has a seated form of its own is in gesture_acts.py and gesture_things.py.
"""

from entities.actions import ActionType
from sim.animation.gesture_keys import SEATED, SETTLED_S, Gesture, Key, keys, sit_down

_LEGS = frozenset({"lf", "rf", "drop", "loose", "l_foot", "r_foot", "seat", "bounce", "high"})
A = ActionType
STAYS_SEATED = frozenset(
    {A.CLAP, A.CRY, A.DRINKING, A.LAUGH, A.LOOKING_AROUND, A.NOD, A.PHONE, A.POINT, A.SHOUT}
    | {A.SING, A.TALK, A.THINK, A.WAVE, A.WHISPER}
)
"""What somebody who sits does without getting up."""
del A
LEAN_SHARE = 0.6
"""Of what a standing trunk leans, what a seated one does."""

SEATED_ACTS: dict[str, Gesture] = {
    "get_up@seat": keys(
        (0.0, {**SEATED, "lh": (0.36, 0.62), "rh": (0.36, 0.62)}),
        (0.35, {"lean": 0.75, "lh": (0.44, 0.60), "rh": (0.44, 0.60)}),
        (0.65, {"lean": 0.60, "drop": 0.22, "seat": 0.25, "lf": (0.20, 0.0), "rf": (0.18, 0.0)}),
        (1.05, {"lean": 0.08, "drop": 0.02, "seat": 0.0, "lf": (0.05, 0.0), "rf": (0.03, 0.0)}),
        (1.3, {"lean": 0.0, "drop": 0.01, "l_own": 0.0, "r_own": 0.0}),
    ),
}


def seated_form(gesture: Gesture) -> Gesture:
    """The gesture as somebody on a seat makes it, once he has sat down."""
    low = SEATED["drop"]
    later: list[Key] = []
    for time, key in gesture.keys:
        kept = {name: value for name, value in key.items() if name not in _LEGS}
        for hand in ("lh", "rh"):
            if hand in kept:
                forward, up, *out = kept[hand]
                kept[hand] = (forward, up - low, *out)
        if "lean" in kept:
            kept["lean"] = LEAN_SHARE * kept["lean"]
        later.append((SETTLED_S + time, kept))
    first = later.pop(0)[1]
    loop = None if gesture.loop is None else SETTLED_S + gesture.loop
    return Gesture((*sit_down(**first), *later), loop=loop, face=gesture.face)
