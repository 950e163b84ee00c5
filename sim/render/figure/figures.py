"""Actors as pictures: supersampled sprites of round-capped limbs, painted far to near.

A figure is drawn enlarged on a canvas with plain polygons and circles, then shrunk by an area
filter. That is exact to a fraction of a pixel, so limbs neither shimmer nor jump; the canvas
starts empty and nothing on it is blended, so the shrunk sprite is premultiplied.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pygame

from entities.components import FACES
from entities.skeleton import (
    ACTOR_TYPES,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    N_JOINTS,
    NECK,
    PELVIS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
)
from sim.camera.pinhole import NEAR_M, Camera
from sim.frame import Cast, Frame
from sim.render.figure import anatomy as at
from sim.render.figure.anatomy import Anatomy, body_points
from sim.render.figure.face import HEAD_REACH, HEADS, HeadView
from sim.render.figure.wardrobe import (
    BIPED,
    FACE,
    QUADRUPED,
    THROAT,
    TORSO,
    Palette,
    Plan,
    Stroke,
    mixed,
    palette_of,
    plan_of,
)
from sim.render.geometry.mesh import DAYLIGHT, Light

SPRITE_BUDGET_PX = 250_000
"""Canvas pixels a frame may cost; above it figures are supersampled less."""
MAX_SPRITE_PX = 4_000_000
LINE_FIGURE_PX = 26
"""Figures lower than this are bare strokes."""
FACE_PX = 70
"""Figures lower than this have no face."""
OUTLINE_M = 0.012
FAR_SHADE = 0.26
"""How much darker the far limbs are,"""
FAR_AT = 0.14
"""and how far behind the trunk that is, at scale 1."""
LEAST_RIM_PX = 0.45
STAGE_LIGHT = 0.22
"""How far actors follow the light of the hour: 0 not at all, 1 as the ground does."""


@dataclass(slots=True, eq=False)
class Shape:
    """One actor on his canvas, in its pixels."""

    limbs: list  # per segment its ends, and six widths: radii and width of outline, of fill
    wedges: dict[int, list]  # segment -> its quads: outline, fill
    far: list[float]  # per part, how far behind the trunk it is, in units of the body
    head_far: float
    head: tuple  # centre, radius, axes, outline


@dataclass(slots=True, eq=False)
class Figures:
    """The actors of one frame as seen by one camera; columns have A rows.

    Shapes are in pixels of each actor's own canvas, ``fine`` times the screen's.
    """

    depth: np.ndarray  # m along the view
    height: np.ndarray  # px that each takes standing
    seen: np.ndarray  # bool
    low: np.ndarray  # (A, 2) px, corner of what each may touch
    room: np.ndarray  # (A, 2) px, its size
    points: np.ndarray  # (A, N_POINTS, 2) px
    away: np.ndarray  # (A, N_POINTS) m
    scale: np.ndarray  # (A, N_POINTS) px per m
    world: np.ndarray  # (A, N_POINTS, 3) m
    fine: int
    shapes: dict[int, Shape]  # row -> what to draw, unless he is but a few strokes


class FigureArtist:
    """Draws the actors of a cast."""

    def __init__(self, cast: Cast, light: Light = DAYLIGHT) -> None:
        tint = _tint(light)
        self.anatomy = Anatomy.of(cast)
        self._kinds = [ACTOR_TYPES[kind] for kind in cast.actor_kind]
        scale = np.asarray(cast.actor_scale, float)
        bones = np.asarray(cast.actor_bones, float)
        self._unit = np.where(self.anatomy.level, bones[:, 0] * scale, scale)
        self.stature = 2.0 * self.anatomy.head + scale * (bones[:, 0] + bones[:, 3] + bones[:, 4])
        self._pad = self._unit * np.where(self.anatomy.level, 0.22, 0.085)
        self._brim = self.anatomy.head * [HEAD_REACH[kind] for kind in self._kinds]
        self.girth = self._unit * np.where(self.anatomy.level, 1.5, 1.0)
        self._palettes = [
            palette_of(kind, tuple(int(c) for c in color), row + cast.seed % 1000, tint)
            for row, (kind, color) in enumerate(zip(self._kinds, cast.actor_color, strict=True))
        ]
        self._plans = [
            plan_of(QUADRUPED if level else BIPED) for level in self.anatomy.level.tolist()
        ]
        self._canvas = pygame.Surface((512, 512), pygame.SRCALPHA)

    def see(self, frame: Frame, camera: Camera) -> Figures:
        """Where everybody is in the picture. Reads the frame, never writes it."""
        world = body_points(self.anatomy, frame)
        points, away = camera.project(world)
        scale = camera.pixels_per_metre(away)
        body = points[:, OUTER]
        pad = self._pad[:, None, None] * scale[:, OUTER, None] + 1.0
        brim = (self._brim * scale[:, at.HEAD])[:, None] + 1.0
        low = np.minimum((body - pad).min(axis=1), points[:, at.HEAD] - brim)
        high = np.maximum((body + pad).max(axis=1), points[:, at.HEAD] + brim)
        tail = (0.4 * self._pad * scale[:, at.TAIL_TIP])[:, None] + 2.0
        low = np.minimum(low, points[:, at.TAIL_TIP] - tail)
        high = np.maximum(high, points[:, at.TAIL_TIP] + tail)
        low = np.floor(np.minimum(np.maximum(low, 0.0), camera.size)).astype(int)
        high = np.ceil(np.minimum(np.maximum(high, 0.0), camera.size)).astype(int)
        room = high - low
        seen = (room.min(axis=1) > 0) & (away.min(axis=1) > NEAR_M)
        height = self.stature * scale[:, PELVIS]
        area = float((room.prod(axis=1) * (seen & (height >= LINE_FIGURE_PX))).sum())
        fine = 3 if 9.0 * area <= SPRITE_BUDGET_PX else 2 if 4.0 * area <= MAX_SPRITE_PX else 1
        figures = Figures(
            away[:, PELVIS], height, seen, low, room, points, away, scale, world, fine, {}
        )
        big = seen & (height >= LINE_FIGURE_PX)
        for table, mine in (
            (BIPED, big & ~self.anatomy.level),
            (QUADRUPED, big & self.anatomy.level),
        ):
            if mine.any():
                self._shape(figures, plan_of(table), np.flatnonzero(mine))
        return figures

    def _shape(self, figures: Figures, plan: Plan, rows: np.ndarray) -> None:
        """All that is drawn of ``rows``, who share a plan, in pixels of their canvases."""
        fine, unit = figures.fine, self._unit[rows]
        canvas = (figures.points[rows] - figures.low[rows][:, None]) * fine
        scale = figures.scale[rows] * fine
        a, b = canvas[:, plan.first], canvas[:, plan.second]
        grown = scale * unit[:, None]
        ra, rb = grown[:, plan.first] * plan.radii[:, 0], grown[:, plan.second] * plan.radii[:, 1]
        rim = np.maximum(OUTLINE_M * grown[:, PELVIS], LEAST_RIM_PX * fine)[:, None]
        ends = np.rint([a, b]).astype(int).transpose(1, 2, 0, 3).tolist()
        widths = [ra + rim, rb + rim, ra + rb + 2.0 * rim, ra, rb, ra + rb]
        widths = np.rint(widths).astype(int).transpose(1, 2, 0).tolist()
        quads = _wedges(a, b, ra, rb, rim, plan.wedges)
        away = figures.away[rows]
        far = 0.5 * (away[:, plan.first] + away[:, plan.second]) @ plan.shares
        middle = 0.5 * (away[:, PELVIS] + away[:, NECK])
        far = ((far - middle[:, None]) / unit[:, None]).tolist()
        head_far = ((away[:, at.HEAD] - middle) / unit).tolist()
        # The outline is part of the head, so its axes shrink by it.
        radius = self.anatomy.head[rows]
        size = radius * scale[:, at.HEAD]
        size = np.maximum(size - rim[:, 0], 0.3 * size)
        ratio = size / (radius * scale[:, at.HEAD])
        axes = np.empty((len(rows), 3, 3))
        tips = [at.HEAD_FRONT, at.HEAD_LEFT, at.HEAD_TOP]
        axes[..., :2] = (canvas[:, tips] - canvas[:, [at.HEAD]]) * ratio[:, None, None]
        axes[..., 2] = (away[:, tips] - away[:, [at.HEAD]]) / radius[:, None]
        heads = zip(
            canvas[:, at.HEAD].tolist(),
            size.tolist(),
            axes.tolist(),
            rim[:, 0].tolist(),
            strict=True,
        )
        for i, (row, head) in enumerate(zip(rows.tolist(), heads, strict=True)):
            wedges = dict(zip(plan.wedges, quads[i], strict=True))
            limbs = list(zip(ends[i], widths[i], strict=True))
            figures.shapes[row] = Shape(limbs, wedges, far[i], head_far[i], head)

    def draw(self, surface: pygame.Surface, frame: Frame, figures: Figures, row: int) -> None:
        """Paint one actor where ``see`` found him."""
        if not figures.seen[row]:
            return
        if row not in figures.shapes:
            self._draw_strokes(surface, figures, row)
            return
        width, height = figures.room[row].tolist()
        fine = figures.fine
        size = (width * fine, height * fine)
        canvas = self._canvas_of(size)
        self._paint(canvas, frame, figures, row)
        sprite = pygame.transform.smoothscale(canvas, (width, height)) if fine > 1 else canvas
        surface.blit(sprite, figures.low[row].tolist(), special_flags=pygame.BLEND_PREMULTIPLIED)

    def _canvas_of(self, size: tuple[int, int]) -> pygame.Surface:
        have = self._canvas.get_size()
        if size[0] > have[0] or size[1] > have[1]:
            grown = (max(size[0], have[0]), max(size[1], have[1]))
            self._canvas = pygame.Surface(grown, pygame.SRCALPHA)
        self._canvas.fill((0, 0, 0, 0), (0, 0, *size))
        return self._canvas.subsurface((0, 0, *size))

    def _paint(self, canvas: pygame.Surface, frame: Frame, figures: Figures, row: int) -> None:
        """All parts of one actor onto his canvas, the far ones first and darker."""
        plan, shape = self._plans[row], figures.shapes[row]
        order: list[tuple[float, int, tuple[Stroke, ...]]] = [(shape.head_far, FACE, ())]
        body: tuple[Stroke, ...] = ()
        for part, strokes, far in zip(plan.parts, plan.strokes, shape.far, strict=True):
            if part == TORSO or (plan.four_legged and far <= 0.05):
                body += strokes  # an animal has one outline round trunk, neck and near legs
            elif part == THROAT:
                # It joins trunk and head, so it may not cut through an arm before the chest.
                order.append((max(far, 0.01), part, strokes))
            else:
                order.append((far, part, strokes))
        order.append((0.0, TORSO, body))
        order.sort(key=lambda item: -item[0])
        for far, part, strokes in order:
            if part == FACE:
                HEADS[self._kinds[row]](self._head(canvas, frame, figures, row))
            else:
                fixed = part in (TORSO, THROAT)
                shade = 0.0 if fixed else min(1.0, max(0.0, far / FAR_AT))
                self._paint_part(canvas, shape, self._palettes[row], strokes, part, shade)

    def _paint_part(
        self,
        canvas: pygame.Surface,
        shape: Shape,
        palette: Palette,
        strokes: tuple[Stroke, ...],
        part: int,
        shade: float,
    ) -> None:
        """The outline of all strokes, then their fill, darker by a share ``shade``."""
        line, circle, polygon = pygame.draw.line, pygame.draw.circle, pygame.draw.polygon
        limbs, colors = shape.limbs, [palette.ink] * 4
        for filled in (False, True):
            if filled:
                # In eighths, so that few colours are ever mixed.
                dark = FAR_SHADE * round(8.0 * shade) / 8.0
                colors = [mixed(color, palette.ink, dark) for color in palette.shades]
            if part == TORSO:
                trunk = [limbs[stroke.segment][0][0] for stroke in strokes if stroke.core]
                polygon(canvas, colors[0], trunk)
            for stroke in strokes:
                (a, b), widths = limbs[stroke.segment]
                ra, rb, wide = widths[3:] if filled else widths[:3]
                color = colors[stroke.shade]
                if stroke.wedge:
                    polygon(canvas, color, shape.wedges[stroke.segment][filled])
                elif stroke.line:
                    line(canvas, color, a, b, wide)
                if stroke.first_cap:
                    circle(canvas, color, a, ra)
                circle(canvas, color, b, rb)

    def _head(self, canvas: pygame.Surface, frame: Frame, figures: Figures, row: int) -> HeadView:
        palette = self._palettes[row]
        centre, radius, (front, left, top), rim = figures.shapes[row].head
        # Every actor blinks in a rhythm of his own, a tenth of a second every few.
        blink = (frame.time + 1.37 * row) % (3.1 + 0.23 * (row % 7)) < 0.11
        return HeadView(
            canvas=canvas,
            centre=centre,
            radius=radius,
            front=front,
            left=left,
            top=top,
            skin=palette.head,
            coat=palette.coat,
            hair=palette.hair,
            ink=palette.ink,
            outline=rim,
            face=FACES[int(frame.face[row])],
            mouth=float(frame.mouth[row]),
            blink=blink,
            detailed=bool(figures.height[row] >= FACE_PX),
        )

    def _draw_strokes(self, surface: pygame.Surface, figures: Figures, row: int) -> None:
        """A far figure: five strokes and a dot."""
        palette, points = self._palettes[row], figures.points[row]
        wide = max(1, round(0.07 * float(self._unit[row] * figures.scale[row, PELVIS])))
        for color, chain in FAR_STROKES:
            spots = points[list(chain)].tolist()
            for a, b in pairwise(spots):
                pygame.draw.aaline(surface, palette.shades[color], a, b, wide)
        radius = max(1.0, float(self.anatomy.head[row] * figures.scale[row, at.HEAD]))
        pygame.draw.aacircle(surface, palette.head, points[at.HEAD].tolist(), radius)


OUTER = [*range(N_JOINTS), at.L_SHOULDER, at.R_SHOULDER, at.L_HIP, at.R_HIP]
OUTER += [at.L_HEEL, at.R_HEEL, at.L_TOE, at.R_TOE]
"""Points that a figure's extent is taken from, beside the head and the tail."""


FAR_STROKES: tuple[tuple[int, tuple[int, ...]], ...] = (
    (1, (L_FOOT, L_KNEE, PELVIS, R_KNEE, R_FOOT)),
    (0, (PELVIS, NECK)),
    (0, (L_HAND, L_ELBOW, NECK, R_ELBOW, R_HAND)),
)


def _tint(light: Light) -> np.ndarray:
    """What light does to clothes and skin (3,), as a factor: less than to the ground.

    Actors are lit by a kind stage hand, so that they stand out at night.
    """

    def level(lit: Light) -> np.ndarray:
        return lit.ambient + 0.6 * lit.sun

    return np.clip((level(light) / level(DAYLIGHT)) ** STAGE_LIGHT, 0.45, 1.08)


def _wedges(
    a: np.ndarray, b: np.ndarray, ra: np.ndarray, rb: np.ndarray, rim: np.ndarray, which: list[int]
) -> list:
    """Corners of the tapering segments ``which``: [actor][segment][outline, fill][corner]."""
    a, b, ra, rb = a[:, which], b[:, which], ra[:, which, None], rb[:, which, None]
    way = b - a
    normal = way[..., ::-1] * (-1.0, 1.0)
    normal /= np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-9)[..., None]
    sides = []
    for grow in (rim[..., None], 0.0):
        p, q = (ra + grow) * normal, (rb + grow) * normal
        sides.append([a + p, b + q, b - q, a - p])
    return np.rint(sides).astype(int).transpose(2, 3, 0, 1, 4).tolist()
