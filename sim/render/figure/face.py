"""Heads: one drawing for each kind of actor, with a simple face."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pygame

from entities.skeleton import ActorType
from sim.render.geometry.polygons import convex_hull, fill_disc, fill_line, fill_polygon

Color = tuple[int, int, int]
Spot = tuple[float, float, float]

EYE_WHITE: Color = (250, 250, 246)
MOUTH_RED: Color = (150, 52, 56)
VISOR: Color = (38, 48, 66)
GLOW: Color = (122, 232, 240)

BROWS = {  # height of the inner and the outer end above the eye, in head radii
    "neutral": None,
    "happy": None,
    "sad": (0.36, 0.22),
    "surprised": (0.46, 0.44),
    "angry": (0.18, 0.38),
    "excited": (0.42, 0.38),
}
SMILES = {  # how far the corners of the mouth rise above its middle, in head radii
    "neutral": 0.03,
    "happy": 0.17,
    "sad": -0.14,
    "surprised": 0.0,
    "angry": -0.08,
    "excited": 0.19,
}
GAPES = {"surprised": 0.55, "excited": 0.6}
"""How far the mouth of a face is open without speech, 0..1."""


@dataclass(slots=True, eq=False)
class HeadView:
    """A head to be drawn on a canvas.

    The axes front, left and top are in pixels of the canvas per head radius, x right and y down;
    their third entry is the depth (away from the viewer) in head radii.
    """

    canvas: pygame.Surface
    centre: tuple[float, float]
    radius: float  # px
    front: Spot
    left: Spot
    top: Spot
    skin: Color
    coat: Color
    hair: Color
    ink: Color
    outline: float  # px
    face: str
    mouth: float  # 0 shut .. 1 open
    blink: bool
    detailed: bool

    def spot(self, front: float, left: float, top: float) -> Spot:
        """A point, given along the head's axes in radii, on the canvas."""
        f, s, t = self.front, self.left, self.top
        return (
            self.centre[0] + front * f[0] + left * s[0] + top * t[0],
            self.centre[1] + front * f[1] + left * s[1] + top * t[1],
            front * f[2] + left * s[2] + top * t[2],
        )

    def disc(self, color: Color, at: Spot, radius: float) -> None:
        """Draw a disc; radius in head radii."""
        size = max(1, round(radius * self.radius))
        fill_disc(self.canvas, color, (round(at[0]), round(at[1])), size)

    def ring(self, at: Spot, radius: float) -> None:
        """Draw the dark rim behind a disc; radius in head radii."""
        size = round(radius * self.radius + self.outline)
        fill_disc(self.canvas, self.ink, (round(at[0]), round(at[1])), size)

    def stroke(self, color: Color, spots: list[Spot], width: float) -> None:
        """Draw a line through points with round ends; width in head radii."""
        thick = max(1, round(width * self.radius))
        points = [(round(x), round(y)) for x, y, _ in spots]
        for a, b in pairwise(points):
            fill_line(self.canvas, color, a, b, thick)
        if thick > 2:
            for point in points:
                fill_disc(self.canvas, color, point, thick // 2)

    def patch(self, color: Color, spots: list[Spot]) -> None:
        """Fill a polygon."""
        fill_polygon(self.canvas, color, [(round(x), round(y)) for x, y, _ in spots])


CIRCLE = tuple((math.cos(a), math.sin(a)) for a in (math.pi * i / 6 for i in range(12)))


def _rimmed_stroke(view: HeadView, color: Color, spots: list[Spot], width: float) -> None:
    """Draw a stroke with a dark rim."""
    view.stroke(view.ink, spots, width + 2.0 * view.outline / view.radius)
    view.stroke(color, spots, width)


def _oval(view: HeadView, middle: float, wide: float, high: float) -> list[Spot]:
    """An oval on the front of the head round height ``middle``, in head radii."""
    return [view.spot(0.88, wide * c, middle + high * s) for c, s in CIRCLE]


def _features(view: HeadView, eye: float = 0.13, low: float = -0.42) -> None:
    """Draw eyes, brows and mouth where they face the viewer."""
    brows = BROWS[view.face]
    for side in (-1.0, 1.0):
        at = view.spot(0.86, 0.40 * side, 0.14)
        if at[2] > 0.18:
            continue
        if view.blink:
            view.stroke(
                view.ink, [view.spot(0.86, (0.40 + d) * side, 0.14) for d in (-0.12, 0.12)], 0.09
            )
        else:
            view.disc(view.ink, at, eye * (1.25 if view.face == "surprised" else 1.0))
        if brows is not None:
            ends = [
                view.spot(0.86, 0.24 * side, 0.14 + brows[0]),
                view.spot(0.82, 0.58 * side, 0.14 + brows[1]),
            ]
            view.stroke(view.ink, ends, 0.10)
    if view.spot(0.88, 0.0, low)[2] > 0.30:
        return
    gape = max(view.mouth, GAPES.get(view.face, 0.0))
    if gape > 0.12:
        wide = 0.20 if view.face == "surprised" else 0.27
        view.patch(MOUTH_RED, _oval(view, low, wide, 0.05 + 0.20 * gape))
        return
    rise = SMILES[view.face]
    curve = [
        view.spot(0.88, 0.30 * u, low + rise * (u * u - 0.5)) for u in (-1.0, -0.5, 0.0, 0.5, 1.0)
    ]
    view.stroke(view.ink, curve, 0.09)


def _human(view: HeadView) -> None:
    """Draw hair all round and a face in front of it."""
    middle = view.spot(0.0, 0.0, 0.0)
    facing = -view.front[2]
    # As the head turns away, the face moves to the rim, so that a cheek is seen.
    face_at = view.spot(0.26 + 0.95 * max(0.0, -facing), 0.0, -0.15)
    nose = view.spot(1.02, 0.0, -0.12)
    view.ring(middle, 1.0)
    profile = abs(facing) < 0.75
    if profile:
        view.ring(nose, 0.15)
    view.disc(view.hair, middle, 1.0)
    if profile:
        view.disc(view.skin, nose, 0.15)
    share = min(1.0, max(0.0, 0.95 + 0.9 * facing))
    if share > 0.28:
        view.disc(view.skin, face_at, 0.88 * share)
    if view.detailed and share > 0.5:
        _features(view)


SKULL: tuple[tuple[float, float], ...] = tuple(
    (
        0.94 * math.cos(a) * (1.0 if a < math.pi else (1.0 - 0.52 * abs(math.sin(a)) ** 1.6)),
        (1.12 if a < math.pi else 1.22) * math.sin(a),
    )
    for a in (2.0 * math.pi * i / 28 for i in range(28))
)
"""Outline of an egg with its point down: across and up, in head radii."""


def _alien(view: HeadView) -> None:
    """Draw a tall skull with a small chin and two large dark eyes."""
    cx, cy = view.centre
    tx, ty = view.top[0], view.top[1]
    norm = max(1e-6, math.hypot(tx, ty))
    ux, uy = tx / norm, ty / norm
    for color, grow in ((view.ink, view.outline), (view.skin, 0.0)):
        size = view.radius + grow
        points = [
            (round(cx + size * (ux * t - uy * s)), round(cy + size * (uy * t + ux * s)))
            for s, t in SKULL
        ]
        fill_polygon(view.canvas, color, points)
    if not view.detailed:
        return
    for side in (-1.0, 1.0):
        at = view.spot(0.80, 0.46 * side, 0.0)
        if at[2] > 0.20:
            continue
        inner, outer = view.spot(0.86, 0.22 * side, -0.16), view.spot(0.74, 0.66 * side, 0.16)
        if view.blink:
            view.stroke(view.ink, [inner, outer], 0.12)
        else:
            view.stroke(view.ink, [inner, at, outer], 0.40)
            view.disc(EYE_WHITE, view.spot(0.80, 0.50 * side, 0.12), 0.09)
    if view.spot(0.9, 0.0, -0.7)[2] < 0.3:
        gape = max(view.mouth, GAPES.get(view.face, 0.0))
        if gape > 0.12:
            view.patch(MOUTH_RED, _oval(view, -0.72, 0.13, 0.04 + 0.14 * gape))
        else:
            rise = SMILES[view.face]
            curve = [view.spot(0.85, 0.17 * u, -0.74 + rise * u * u) for u in (-1.0, 0.0, 1.0)]
            view.stroke(view.ink, curve, 0.08)


def _robot(view: HeadView) -> None:
    """Draw a box with an antenna and a lit visor."""
    tip = view.spot(0.0, 0.0, 1.65)
    _rimmed_stroke(view, view.coat, [view.spot(0.0, 0.0, 0.9), tip], 0.10)
    view.ring(tip, 0.16)
    view.disc((244, 96, 82), tip, 0.16)
    corners = [
        view.spot(f, s, t) for f in (-0.78, 0.78) for s in (-0.78, 0.78) for t in (-0.78, 0.80)
    ]
    hull = convex_hull([[round(x), round(y)] for x, y, _ in corners])
    for color, grow in ((view.ink, view.outline), (view.skin, 0.0)):
        fill_polygon(view.canvas, color, [(round(x), round(y)) for x, y in hull])
        thick = round(0.20 * view.radius + grow)
        for i, point in enumerate(hull):
            at = (round(point[0]), round(point[1]))
            fill_disc(view.canvas, color, at, thick)
            after = hull[(i + 1) % len(hull)]
            fill_line(view.canvas, color, at, (round(after[0]), round(after[1])), 2 * thick)
    if not view.detailed or view.front[2] > 0.35:
        return
    visor = [
        view.spot(0.96, s, t)
        for s, t in ((-0.62, 0.42), (0.62, 0.42), (0.62, -0.08), (-0.62, -0.08))
    ]
    view.patch(VISOR, visor)
    for side in (-1.0, 1.0):
        at = view.spot(0.97, 0.32 * side, 0.17)
        if view.blink:
            ends = [view.spot(0.97, (0.32 + d) * side, 0.17) for d in (-0.12, 0.12)]
            view.stroke(GLOW, ends, 0.08)
        else:
            view.disc(GLOW, at, 0.14)
    gape = max(view.mouth, GAPES.get(view.face, 0.0))
    rise = SMILES[view.face]
    grille = [view.spot(0.96, 0.36 * u, -0.46 + rise * (u * u - 0.5)) for u in (-1.0, 0.0, 1.0)]
    view.stroke(VISOR, grille, 0.09 + 0.22 * gape)


def _animal(ear: tuple[float, float, float], snout: tuple[float, float, float]) -> Callable:
    """Draws the head of a quadruped.

    ear: how far it stands out, its length and width. snout: its length, drop and width. All are in
    head radii.
    """

    def draw(view: HeadView) -> None:
        out, length, width = ear
        reach, drop, thick = snout
        roots = {s: view.spot(-0.15, 0.55 * s, 0.62) for s in (-1.0, 1.0)}
        far_first = sorted(roots, key=lambda s: -roots[s][2])

        def draw_ear(side: float) -> None:
            tip = view.spot(-0.25, out * side, 0.5 + length)
            _rimmed_stroke(view, view.hair, [roots[side], tip], width)

        draw_ear(far_first[0])
        nose = view.spot(reach, 0.0, -drop)
        muzzle = [view.spot(0.35, 0.0, -0.12), nose]
        middle = view.spot(0.0, 0.0, 0.0)
        behind = view.front[2] > 0.0
        view.ring(middle, 1.0)
        view.stroke(view.ink, muzzle, thick + 2.0 * view.outline / view.radius)
        if behind:
            view.stroke(view.skin, muzzle, thick)
            view.disc(view.coat, middle, 1.0)
        else:
            view.disc(view.coat, middle, 1.0)
            view.stroke(view.skin, muzzle, thick)
        draw_ear(far_first[1])
        if not view.detailed:
            return
        tip = view.spot(reach + 0.42 * thick, 0.0, -drop + 0.12)
        if tip[2] < 0.6:
            view.disc(view.ink, tip, 0.20 * min(1.0, thick * 1.3))
        for side in (-1.0, 1.0):
            at = view.spot(0.62, 0.52 * side, 0.30)
            if at[2] > 0.15:
                continue
            if view.blink:
                ends = [view.spot(0.62 + d, 0.52 * side, 0.30) for d in (-0.12, 0.12)]
                view.stroke(view.ink, ends, 0.10)
            else:
                view.disc(view.ink, at, 0.15)
        gape = max(view.mouth, GAPES.get(view.face, 0.0))
        if gape > 0.12 and tip[2] < 0.4:
            jaw = [view.spot(0.75, 0.0, -drop - 0.25), view.spot(reach, 0.0, -drop - 0.45 * thick)]
            view.stroke(MOUTH_RED, jaw, 0.10 + 0.18 * gape)

    return draw


HEADS: dict[ActorType, Callable[[HeadView], None]] = {
    ActorType.HUMAN: _human,
    ActorType.CHILD: _human,
    ActorType.ALIEN: _alien,
    ActorType.ROBOT: _robot,
    ActorType.DOG: _animal((0.95, -0.35, 0.42), (1.25, 0.32, 0.75)),
    ActorType.CAT: _animal((0.72, 0.72, 0.34), (0.72, 0.28, 0.62)),
    ActorType.HORSE: _animal((0.62, 0.72, 0.26), (1.75, 1.15, 0.85)),
}

HEAD_REACH: dict[ActorType, float] = {
    ActorType.HUMAN: 1.3,
    ActorType.CHILD: 1.3,
    ActorType.ALIEN: 1.4,
    ActorType.ROBOT: 2.0,
    ActorType.DOG: 2.0,
    ActorType.CAT: 1.8,
    ActorType.HORSE: 2.8,
}
"""How far from the centre a head's drawing reaches at most, in head radii."""
