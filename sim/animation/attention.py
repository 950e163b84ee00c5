"""What actors attend to: where they look, in what manner they act, how their lips move."""

import math

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.components import Attention, Body, Script, StyleState, Transform
from sim.animation.style import EASE_S, PLAIN, ease, style_row
from sim.world import World, some

NOBODY = -1
GAZES = ("left", "right", "up", "down", "camera", "ahead")
"""Where one can look beside at somebody; the camera is taken to stand in the south."""
LOOK_TICKS = 6
"""Actors see where others are ten times a second."""
TURN_S = 0.14
"""How soon a head has turned most of its way."""
MOST_YAW, MOST_PITCH = 1.2, 0.6
EYES = 0.90
"""Height of the eyes as a share of the body's."""
NEAR_M = 0.25
_AIMS = {"left": (1.0, 0.0), "right": (-1.0, 0.0), "up": (0.0, 0.55), "down": (0.0, -0.55)}
_AHEAD = -2 - GAZES.index("ahead")
_CAMERA = -2 - GAZES.index("camera")

A = ActionType
_LOOKS_ELSEWHERE = np.isin(
    ACTIONS,
    [
        *(A.SLEEP, A.LIE_DOWN, A.CRY, A.THINK, A.LOOKING_AROUND, A.BOW, A.READING, A.TYPING),
        *(A.PHONE, A.FALL, A.GET_UP, A.ROLL, A.CARTWHEEL, A.DIVE, A.SWIM, A.TURN_AROUND),
    ],
)
"""(ACTIONS,) in which one does not look at one's target of one's own accord."""
LOUD = np.full(len(ACTIONS), 0.65)
"""(ACTIONS,) how far a mouth opens over the words: wide to shout, hardly to whisper."""
for _action, _size in ((A.SHOUT, 1.0), (A.SING, 0.95), (A.TALK, 0.75), (A.WHISPER, 0.3)):
    LOUD[ACTIONS.index(_action)] = _size
SPEAKS = np.isin(ACTIONS, [A.TALK, A.SHOUT, A.WHISPER, A.SING])
"""(ACTIONS,) whose gesture moves the mouth itself where no words are given."""
del A

_OPEN = {**dict.fromkeys("ao", 1.0), **dict.fromkeys("eiuy", 0.7), **dict.fromkeys(" .,!?", 0.0)}


def attention(n: int) -> Attention:
    """``n`` rows of people who look where their gesture does and say nothing."""
    return Attention(
        cues=[[] for _ in range(n)],
        next_tick=np.full(n, 2**62, np.int64),
        look=np.full(n, NOBODY, np.int64),
        wanted=np.zeros((n, 3)),
        aim=np.zeros((n, 3)),
        voice=np.full(n, -1.0),
    )


def manner(n: int) -> StyleState:
    """``n`` rows of people without a style."""
    plain = np.tile(PLAIN, (n, 1))
    face = np.full(n, -1, np.int64)
    return StyleState(plain, plain.copy(), plain.copy(), face, [""] * n, np.zeros(n))


def take_up(manner: StyleState, row: int, style: str | None, intensity: float, where: str) -> None:
    """Let somebody go over to a style (None: to none). Raises ValueError if it does not exist."""
    goal, face = (PLAIN, -1) if style is None else style_row(style, intensity, where)
    manner.goal[row], manner.face[row] = goal, face
    manner.style[row], manner.intensity[row] = style or "", intensity if style else 0.0
    manner.pace[row] = np.abs(goal - manner.now[row]) / EASE_S


def update_attention(world: World, dt: float) -> None:
    """Take up the cues that are due, ease manners, and turn heads to what they look at."""
    heed, manner = world[Attention], world[StyleState]
    due = heed.next_tick <= world.tick
    if some(due):
        for row in np.flatnonzero(due).tolist():
            _take_cues(heed, manner, row, world.tick)
    ease(manner, dt)
    if world.tick % LOOK_TICKS == 0:
        _look(world, heed)
    if np.count_nonzero(heed.wanted) or np.count_nonzero(heed.aim):
        heed.aim = heed.aim + (1.0 - math.exp(-dt / TURN_S)) * (heed.wanted - heed.aim)
        idle = (heed.aim[:, 2] < 1e-4) & (heed.wanted[:, 2] == 0.0)
        heed.aim[idle] = 0.0


def _take_cues(heed: Attention, manner: StyleState, row: int, tick: int) -> None:
    cues = heed.cues[row]
    while cues and cues[0][0] <= tick:
        _, style, intensity, look = cues.pop(0)
        if style is not None:
            take_up(manner, row, style, intensity, "style")
        if look is not None:
            heed.look[row] = look
    heed.next_tick[row] = cues[0][0] if cues else 2**62


def _look(world: World, heed: Attention) -> None:
    """Yaw, pitch and weight (N, 3) of where each one means to look."""
    script = world[Script]
    heed.wanted[:] = 0.0
    if not (some(script.target != NOBODY) or some(heed.look != NOBODY)):
        return
    n = len(script.action)
    target = np.where(
        heed.look != NOBODY,
        heed.look,
        np.where(_LOOKS_ELSEWHERE[script.action], NOBODY, script.target),
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
    yaw = np.arctan2(away[:, 1], away[:, 0]) - transform.heading[rows]
    yaw -= 2.0 * np.pi * np.round(yaw / (2.0 * np.pi))
    pitch = np.arctan2(away[:, 2], np.maximum(flat, NEAR_M))
    yaw = np.where(flat > NEAR_M, yaw, 0.0)
    for name, (side, up) in _AIMS.items():
        told = target[rows] == -2 - GAZES.index(name)
        yaw, pitch = np.where(told, side, yaw), np.where(told, up, pitch)
    ahead = target[rows] == _AHEAD
    yaw, pitch = np.where(ahead, 0.0, yaw), np.where(ahead, 0.0, pitch)
    heed.wanted[rows, 0] = np.clip(yaw, -MOST_YAW, MOST_YAW)
    heed.wanted[rows, 1] = np.clip(pitch, -MOST_PITCH, MOST_PITCH)
    heed.wanted[rows, 2] = 1.0


def look_at(name: str, entity_of: dict[str, int], where: str) -> int:
    """What ``Attention.look`` has for an id or one of GAZES. Raises ValueError for others."""
    if name in entity_of:
        return entity_of[name]
    if name in GAZES:
        return -2 - GAZES.index(name)
    raise ValueError(
        f"{where}: unknown {name!r}; expected an actor's or object's id or one of "
        f"{', '.join(GAZES)}"
    )


def lips(words: str, n_ticks: int) -> np.ndarray:
    """How far the mouth is open (n_ticks,) 0..1 while the words are said; closed at both ends."""
    shape = np.array([0.0, *(_OPEN.get(letter, 0.25) for letter in words.lower()), 0.0])
    soft = np.convolve(np.pad(shape, 1, mode="edge"), [0.25, 0.5, 0.25], "valid")
    curve = np.interp(np.linspace(0.0, len(soft) - 1.0, n_ticks), np.arange(len(soft)), soft)
    into = np.arange(n_ticks)
    return curve * np.minimum(np.minimum(into, n_ticks - 1 - into) / 5.0, 1.0)
