"""Attention: gaze targets, changes of style that are due, and the movement of lips."""

import math

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.components import Attention, Body, Script, StyleState, Transform
from sim.animation.geometry import wrapped
from sim.animation.style import ease_styles, set_style
from sim.world import World, some

NOBODY = -1
"""The value of ``Attention.look`` and ``Script.target`` for no target."""
GAZES = ("left", "right", "up", "down", "camera", "ahead")
"""Directions that a gaze cue may name instead of an entity; the camera is taken to be to the
south."""
LOOK_TICKS = 6
"""Ticks between two updates of the gaze targets: ten a second."""
TURN_S = 0.14
"""Time constant, s, of the head turning to its target."""
MOST_YAW, MOST_PITCH = 1.2, 0.6
"""Largest yaw and pitch, rad, of a head that looks at something."""
EYES = 0.90
"""Height of the eyes as a share of the body height."""
NEAR_M = 0.25
"""A target closer than this over the ground has no direction: the yaw stays 0."""
_AIMS = {"left": (1.0, 0.0), "right": (-1.0, 0.0), "up": (0.0, 0.55), "down": (0.0, -0.55)}
"""Yaw and pitch, rad, of the named directions."""
_AHEAD = -2 - GAZES.index("ahead")
_CAMERA = -2 - GAZES.index("camera")

A = ActionType
_IGNORES_TARGET = np.isin(
    ACTIONS,
    [
        *(A.SLEEP, A.LIE_DOWN, A.CRY, A.THINK, A.LOOKING_AROUND, A.BOW, A.READING, A.TYPING),
        *(A.PHONE, A.FALL, A.GET_UP, A.ROLL, A.CARTWHEEL, A.DIVE, A.SWIM, A.TURN_AROUND),
    ],
)
"""(ACTIONS,) bool, actions during which an actor does not look at its target unless a cue says
so."""
LOUD = np.full(len(ACTIONS), 0.65)
"""(ACTIONS,) how far the mouth opens with words, 0..1: 1 for a shout, 0.3 for a whisper."""
for _action, _size in ((A.SHOUT, 1.0), (A.SING, 0.95), (A.TALK, 0.75), (A.WHISPER, 0.3)):
    LOUD[ACTIONS.index(_action)] = _size
SPEAKS = np.isin(ACTIONS, [A.TALK, A.SHOUT, A.WHISPER, A.SING])
"""(ACTIONS,) bool, actions whose gesture moves the mouth where no words are given."""
del A

_OPEN = {**dict.fromkeys("ao", 1.0), **dict.fromkeys("eiuy", 0.7), **dict.fromkeys(" .,!?", 0.0)}
"""How far a letter opens the mouth, 0..1; letters not listed, consonants, open it 0.25."""


def rest_attention(n: int) -> Attention:
    """``n`` rows that have no cues, no gaze target and no words."""
    return Attention(
        cues=[[] for _ in range(n)],
        next_tick=np.full(n, 2**62, np.int64),
        look=np.full(n, NOBODY, np.int64),
        wanted=np.zeros((n, 3)),
        aim=np.zeros((n, 3)),
        voice=np.full(n, -1.0),
    )


def update_attention(world: World, dt: float) -> None:
    """Apply the cues that are due, ease the styles, and turn heads to their targets."""
    attention, style = world[Attention], world[StyleState]
    due = attention.next_tick <= world.tick
    if some(due):
        for row in np.flatnonzero(due).tolist():
            _apply_cues(attention, style, row, world.tick)
    ease_styles(style, dt)
    if world.tick % LOOK_TICKS == 0:
        _set_gaze_targets(world, attention)
    if np.count_nonzero(attention.wanted) or np.count_nonzero(attention.aim):
        turned = 1.0 - math.exp(-dt / TURN_S)
        attention.aim = attention.aim + turned * (attention.wanted - attention.aim)
        idle = (attention.aim[:, 2] < 1e-4) & (attention.wanted[:, 2] == 0.0)
        attention.aim[idle] = 0.0


def _apply_cues(attention: Attention, styles: StyleState, row: int, tick: int) -> None:
    cues = attention.cues[row]
    while cues and cues[0][0] <= tick:
        _, style, intensity, look = cues.pop(0)
        if style is not None:
            set_style(styles, row, style, intensity, "style")
        if look is not None:
            attention.look[row] = look
    attention.next_tick[row] = cues[0][0] if cues else 2**62


def _set_gaze_targets(world: World, attention: Attention) -> None:
    """Write ``wanted``: the yaw and pitch at which each actor's target is, and 1 if it has one."""
    script = world[Script]
    attention.wanted[:] = 0.0
    if not (some(script.target != NOBODY) or some(attention.look != NOBODY)):
        return
    n = len(script.action)
    target = np.where(
        attention.look != NOBODY,
        attention.look,
        np.where(_IGNORES_TARGET[script.action], NOBODY, script.target),
    )
    rows = np.flatnonzero((target != NOBODY) & (target != np.arange(n)))
    if len(rows) == 0:
        return
    transform, size = world[Transform], world[Body].size
    at = np.maximum(target[rows], 0)
    eyes = transform.position[rows, 2] + EYES * size[rows, 2]
    height = np.where(at < n, EYES, 0.5) * size[at, 2]
    away = transform.position[at] - transform.position[rows]
    away[:, 2] += transform.position[rows, 2] + height - eyes
    camera = target[rows] == _CAMERA
    away[camera] = (0.0, -8.0, 0.0)
    flat = np.hypot(away[:, 0], away[:, 1])
    yaw = wrapped(np.arctan2(away[:, 1], away[:, 0]) - transform.heading[rows])
    pitch = np.arctan2(away[:, 2], np.maximum(flat, NEAR_M))
    yaw = np.where(flat > NEAR_M, yaw, 0.0)
    for name, (side, up) in _AIMS.items():
        named = target[rows] == -2 - GAZES.index(name)
        yaw, pitch = np.where(named, side, yaw), np.where(named, up, pitch)
    ahead = target[rows] == _AHEAD
    yaw, pitch = np.where(ahead, 0.0, yaw), np.where(ahead, 0.0, pitch)
    attention.wanted[rows, 0] = np.clip(yaw, -MOST_YAW, MOST_YAW)
    attention.wanted[rows, 1] = np.clip(pitch, -MOST_PITCH, MOST_PITCH)
    attention.wanted[rows, 2] = 1.0


def look_at(name: str, entity_of: dict[str, int], where: str) -> int:
    """The value of ``Attention.look`` for an id or a name in GAZES.

    entity_of: id -> entity. where: the field the name came from. Raises ValueError for other names.
    """
    if name in entity_of:
        return entity_of[name]
    if name in GAZES:
        return -2 - GAZES.index(name)
    raise ValueError(
        f"{where}: unknown {name!r}; expected an actor's or object's id or one of "
        f"{', '.join(GAZES)}"
    )


def lips(words: str, n_ticks: int) -> np.ndarray:
    """How far the mouth is open, (n_ticks,) 0..1, while words are spoken; 0 at both ends."""
    shape = np.array([0.0, *(_OPEN.get(letter, 0.25) for letter in words.lower()), 0.0])
    soft = np.convolve(np.pad(shape, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    curve = np.interp(np.linspace(0.0, len(soft) - 1.0, n_ticks), np.arange(len(soft)), soft)
    into = np.arange(n_ticks)
    return curve * np.minimum(np.minimum(into, n_ticks - 1 - into) / 5.0, 1.0)
