"""The parts of a figure: its limbs and their widths, and the colours of each actor's clothes."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from entities.skeleton import (
    L_ELBOW,
    L_HAND,
    L_KNEE,
    NECK,
    QUADRUPEDS,
    R_ELBOW,
    R_HAND,
    R_KNEE,
    ActorType,
)
from sim.render.figure import anatomy as at

Color = tuple[int, int, int]
INK: Color = (32, 36, 52)

TORSO, L_LEG, R_LEG, L_ARM, R_ARM, TAIL, THROAT, FACE = range(8)
Segment = tuple[int, int, int, float, float, int]
"""Part, point from, point to, radius at both in m at scale 1, shade.

Shades: 0 shirt, 1 trousers, 2 shoe, 3 skin.
"""
BIPED: tuple[Segment, ...] = (
    (L_LEG, at.L_HIP, L_KNEE, 0.048, 0.040, 1),
    (L_LEG, L_KNEE, at.L_ANKLE, 0.040, 0.030, 1),
    (L_LEG, at.L_HEEL, at.L_TOE, 0.028, 0.030, 2),
    (R_LEG, at.R_HIP, R_KNEE, 0.048, 0.040, 1),
    (R_LEG, R_KNEE, at.R_ANKLE, 0.040, 0.030, 1),
    (R_LEG, at.R_HEEL, at.R_TOE, 0.028, 0.030, 2),
    (L_ARM, at.L_SHOULDER, L_ELBOW, 0.040, 0.033, 0),
    (L_ARM, L_ELBOW, L_HAND, 0.031, 0.026, 3),
    (L_ARM, L_HAND, L_HAND, 0.038, 0.038, 3),
    (R_ARM, at.R_SHOULDER, R_ELBOW, 0.040, 0.033, 0),
    (R_ARM, R_ELBOW, R_HAND, 0.031, 0.026, 3),
    (R_ARM, R_HAND, R_HAND, 0.038, 0.038, 3),
    (TORSO, at.L_SHOULDER, at.R_SHOULDER, 0.060, 0.060, 0),
    (TORSO, at.R_SHOULDER, at.R_HIP, 0.060, 0.070, 0),
    (TORSO, at.R_HIP, at.L_HIP, 0.070, 0.070, 0),
    (TORSO, at.L_HIP, at.L_SHOULDER, 0.070, 0.060, 0),
    (THROAT, NECK, at.HEAD, 0.036, 0.036, 3),
)
QUADRUPED: tuple[Segment, ...] = (
    (L_LEG, at.L_HIP, L_KNEE, 0.150, 0.085, 0),
    (L_LEG, L_KNEE, at.L_ANKLE, 0.080, 0.058, 0),
    (L_LEG, at.L_HEEL, at.L_TOE, 0.055, 0.060, 2),
    (R_LEG, at.R_HIP, R_KNEE, 0.150, 0.085, 0),
    (R_LEG, R_KNEE, at.R_ANKLE, 0.080, 0.058, 0),
    (R_LEG, at.R_HEEL, at.R_TOE, 0.055, 0.060, 2),
    (L_ARM, at.L_SHOULDER, L_ELBOW, 0.130, 0.080, 0),
    (L_ARM, L_ELBOW, L_HAND, 0.075, 0.060, 0),
    (R_ARM, at.R_SHOULDER, R_ELBOW, 0.130, 0.080, 0),
    (R_ARM, R_ELBOW, R_HAND, 0.075, 0.060, 0),
    (TORSO, at.L_SHOULDER, at.R_SHOULDER, 0.200, 0.200, 0),
    (TORSO, at.R_SHOULDER, at.R_HIP, 0.200, 0.175, 0),
    (TORSO, at.R_HIP, at.L_HIP, 0.175, 0.175, 0),
    (TORSO, at.L_HIP, at.L_SHOULDER, 0.175, 0.200, 0),
    (THROAT, NECK, at.HEAD, 0.160, 0.110, 0),
    (TAIL, at.TAIL_ROOT, at.TAIL_TIP, 0.070, 0.035, 0),
)
"""Radii are in lengths of the trunk."""
TAPER = 0.3
"""Limbs that narrow by more than this share are drawn as wedges, the others as wide lines."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A segment as it is drawn."""

    segment: int
    shade: int
    line: bool
    wedge: bool
    first_cap: bool  # its start needs a round end, as no other stroke of its shade ends there
    core: bool  # its start is a corner of the trunk


@dataclass(frozen=True, slots=True)
class DrawPlan:
    """A table of S segments, arranged for drawing many bodies at once."""

    first: list[int]  # points that segments start from
    second: list[int]  # points that they end at
    radii: np.ndarray  # (S, 2) m at scale 1
    wedges: list[int]  # segments drawn as wedges
    parts: tuple[int, ...]  # P parts
    strokes: tuple[tuple[Stroke, ...], ...]  # of each part
    shares: np.ndarray  # (S, P) weights of the segments' depths in their part's
    four_legged: bool


@cache
def draw_plan(table: tuple[Segment, ...]) -> DrawPlan:
    """The plan of a table, BIPED or QUADRUPED."""
    strokes: dict[int, list[Stroke]] = {}
    wedges = []
    for i, (part, start, end, first, last, shade) in enumerate(table):
        joined = any(s[0] == part and s[2] == start and s[5] == shade for s in table)
        wedge = abs(first - last) > TAPER * first
        if wedge:
            wedges.append(i)
        line = start != end
        strokes.setdefault(part, []).append(
            Stroke(i, shade, line, wedge, not joined and line, part == TORSO)
        )
    shares = np.zeros((len(table), len(strokes)))
    for column, inside in enumerate(strokes.values()):
        shares[[stroke.segment for stroke in inside], column] = 1.0 / len(inside)
    return DrawPlan(
        first=[s[1] for s in table],
        second=[s[2] for s in table],
        radii=np.array([s[3:5] for s in table]),
        wedges=wedges,
        parts=tuple(strokes),
        strokes=tuple(tuple(inside) for inside in strokes.values()),
        shares=shares,
        four_legged=any(s[0] == TAIL for s in table),
    )


@cache
def mixed(color: Color, other: Color, share: float) -> Color:
    """A colour mixed with a share of another."""
    return tuple(round(a + share * (b - a)) for a, b in zip(color, other, strict=True))  # type: ignore[return-value]


HAIRS: tuple[Color, ...] = (
    (74, 50, 40),
    (44, 38, 44),
    (150, 92, 50),
    (206, 160, 92),
    (110, 72, 52),
)
SKINS: tuple[Color, ...] = ((250, 222, 196), (240, 200, 168), (206, 156, 120), (156, 108, 80))


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one actor."""

    shades: tuple[Color, Color, Color, Color]  # by a segment's shade
    head: Color
    coat: Color  # of an animal's head, of a robot's antenna
    hair: Color
    ink: Color


def make_palette(kind: ActorType, color: Color, pick: int, tint: np.ndarray) -> Palette:
    """Clothes of a colour, with skin and hair by ``pick``; tint (3,) is the light's factor."""
    plain = _palette(kind, color, pick)

    def lit(color: Color) -> Color:
        return tuple(np.clip(np.rint(color * tint), 0, 255).astype(int).tolist())  # type: ignore[return-value]

    return Palette(
        shades=tuple(lit(shade) for shade in plain.shades),  # type: ignore[arg-type]
        head=lit(plain.head),
        coat=lit(plain.coat),
        hair=lit(plain.hair),
        ink=plain.ink,
    )


def _palette(kind: ActorType, color: Color, pick: int) -> Palette:
    """The colours before any light."""
    ink = mixed(INK, color, 0.14)
    if kind is ActorType.ALIEN:
        pale = mixed(color, (255, 255, 255), 0.25)
        dark = mixed(color, INK, 0.25)
        return Palette((color, dark, dark, pale), pale, color, color, ink)
    if kind is ActorType.ROBOT:
        metal: Color = (204, 211, 220)
        return Palette((color, (150, 160, 174), (96, 106, 122), metal), metal, color, color, ink)
    if kind in QUADRUPEDS:
        pale = mixed(color, (255, 255, 255), 0.38)
        dark = mixed(color, INK, 0.42)
        return Palette((color, color, dark, color), pale, color, dark, ink)
    skin = SKINS[pick * 7 % len(SKINS)]
    hair = HAIRS[(pick * 5 + 1) % len(HAIRS)]
    trousers = mixed(mixed(color, INK, 0.62), (60, 72, 104), 0.35)
    return Palette((color, trousers, (246, 244, 238), skin), skin, color, hair, ink)
