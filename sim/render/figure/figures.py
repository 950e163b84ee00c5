"""Draws actors: supersampled sprites of limbs with round ends, drawn from far to near.

A figure is drawn enlarged on a canvas with plain polygons and circles, then shrunk by an area
filter. This is exact to a fraction of a pixel, so that limbs neither shimmer nor jump. The canvas
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
    DrawPlan,
    Palette,
    Stroke,
    draw_plan,
    make_palette,
    mixed,
)
from sim.render.geometry.mesh import DAYLIGHT, Light
from sim.render.geometry.polygons import fill_disc, fill_line, fill_polygon

SPRITE_BUDGET_PX = 250_000
"""Canvas pixels of a frame up to which figures are supersampled 3 times."""
MAX_SPRITE_PX = 4_000_000
"""The same for 2 times; above it they are not supersampled."""
LINE_FIGURE_PX = 26
"""Figures lower than this are drawn as a few lines."""
FACE_PX = 70
"""Figures lower than this have no face."""
OUTLINE_M = 0.012
FAR_SHADE = 0.26
"""How much darker limbs on the far side are drawn."""
FAR_AT = 0.14
"""Distance behind the trunk at which they are, in units of the body."""
LEAST_OUTLINE_PX = 0.45
STAGE_LIGHT = 0.22
"""How far actors follow the light of the scene: 0 not at all, 1 as the ground does."""


@dataclass(slots=True, eq=False)
class FigureShape:
    """What to draw of one actor, in pixels of its canvas."""

    limbs: list  # per segment its ends and six widths: radii and width of the outline, of the fill
    wedges: dict[int, list]  # segment -> its quads: of the outline, of the fill
    far: list[float]  # per part, how far behind the trunk it is, in units of the body
    head_far: float  # the same of the head
    head: tuple  # centre, radius, axes, outline


@dataclass(slots=True, eq=False)
class Figures:
    """The actors of one frame as seen by one camera; columns have A rows.

    Shapes are in pixels of each actor's canvas, which are ``oversample`` times finer than the
    screen's.
    """

    depth: np.ndarray  # m along the view
    height: np.ndarray  # px, of the standing actor
    seen: np.ndarray  # bool, in view
    low: np.ndarray  # (A, 2) px, upper left corner of the area each may touch
    room: np.ndarray  # (A, 2) px, size of that area
    points: np.ndarray  # (A, N_POINTS, 2) px
    away: np.ndarray  # (A, N_POINTS) m, depth
    scale: np.ndarray  # (A, N_POINTS) px per m
    world: np.ndarray  # (A, N_POINTS, 3) m
    oversample: int
    shapes: dict[int, FigureShape]  # by row, of the figures that are more than a few lines


class FigureRenderer:
    """Draws the actors of a cast in one light."""

    def __init__(self, cast: Cast, light: Light = DAYLIGHT) -> None:
        tint = _tint(light)
        self.anatomy = Anatomy.of(cast)
        self._kinds = [ACTOR_TYPES[kind] for kind in cast.actor_kind]
        scale = np.asarray(cast.actor_scale, float)
        bones = np.asarray(cast.actor_bones, float)
        self._unit = np.where(self.anatomy.level, bones[:, 0] * scale, scale)
        self.stature = 2.0 * self.anatomy.head + scale * (bones[:, 0] + bones[:, 3] + bones[:, 4])
        self._pad = self._unit * np.where(self.anatomy.level, 0.22, 0.085)
        self._head_reach = self.anatomy.head * [HEAD_REACH[kind] for kind in self._kinds]
        self.girth = self._unit * np.where(self.anatomy.level, 1.5, 1.0)
        self._palettes = [
            make_palette(kind, tuple(int(c) for c in color), row + cast.seed % 1000, tint)
            for row, (kind, color) in enumerate(zip(self._kinds, cast.actor_color, strict=True))
        ]
        self._plans = [
            draw_plan(QUADRUPED if level else BIPED) for level in self.anatomy.level.tolist()
        ]
        self._canvas = pygame.Surface((512, 512), pygame.SRCALPHA)

    def project(self, frame: Frame, camera: Camera) -> Figures:
        """Where the actors are in the picture. Does not change the frame."""
        world = body_points(self.anatomy, frame)
        points, away = camera.project(world)
        scale = camera.pixels_per_metre(away)
        body = points[:, EXTENT_POINTS]
        pad = self._pad[:, None, None] * scale[:, EXTENT_POINTS, None] + 1.0
        head_reach = (self._head_reach * scale[:, at.HEAD])[:, None] + 1.0
        low = np.minimum((body - pad).min(axis=1), points[:, at.HEAD] - head_reach)
        high = np.maximum((body + pad).max(axis=1), points[:, at.HEAD] + head_reach)
        tail = (0.4 * self._pad * scale[:, at.TAIL_TIP])[:, None] + 2.0
        low = np.minimum(low, points[:, at.TAIL_TIP] - tail)
        high = np.maximum(high, points[:, at.TAIL_TIP] + tail)
        low = np.floor(np.minimum(np.maximum(low, 0.0), camera.size)).astype(int)
        high = np.ceil(np.minimum(np.maximum(high, 0.0), camera.size)).astype(int)
        room = high - low
        seen = (room.min(axis=1) > 0) & (away.min(axis=1) > NEAR_M)
        height = self.stature * scale[:, PELVIS]
        area = float((room.prod(axis=1) * (seen & (height >= LINE_FIGURE_PX))).sum())
        oversample = (
            3 if 9.0 * area <= SPRITE_BUDGET_PX else 2 if 4.0 * area <= MAX_SPRITE_PX else 1
        )
        figures = Figures(
            away[:, PELVIS], height, seen, low, room, points, away, scale, world, oversample, {}
        )
        big = seen & (height >= LINE_FIGURE_PX)
        for table, group in (
            (BIPED, big & ~self.anatomy.level),
            (QUADRUPED, big & self.anatomy.level),
        ):
            if group.any():
                self._add_shapes(figures, draw_plan(table), np.flatnonzero(group))
        return figures

    def _add_shapes(self, figures: Figures, plan: DrawPlan, rows: np.ndarray) -> None:
        """Add the shapes of the actors in ``rows``, which share a plan."""
        oversample, unit = figures.oversample, self._unit[rows]
        canvas = (figures.points[rows] - figures.low[rows][:, None]) * oversample
        scale = figures.scale[rows] * oversample
        a, b = canvas[:, plan.first], canvas[:, plan.second]
        body_scale = scale * unit[:, None]
        ra = body_scale[:, plan.first] * plan.radii[:, 0]
        rb = body_scale[:, plan.second] * plan.radii[:, 1]
        rim = np.maximum(OUTLINE_M * body_scale[:, PELVIS], LEAST_OUTLINE_PX * oversample)[:, None]
        ends = np.rint([a, b]).astype(int).transpose(1, 2, 0, 3).tolist()
        widths = [ra + rim, rb + rim, ra + rb + 2.0 * rim, ra, rb, ra + rb]
        widths = np.rint(widths).astype(int).transpose(1, 2, 0).tolist()
        quads = _wedge_quads(a, b, ra, rb, rim, plan.wedges)
        away = figures.away[rows]
        far = 0.5 * (away[:, plan.first] + away[:, plan.second]) @ plan.shares
        middle = 0.5 * (away[:, PELVIS] + away[:, NECK])
        far = ((far - middle[:, None]) / unit[:, None]).tolist()
        head_far = ((away[:, at.HEAD] - middle) / unit).tolist()
        # The outline is part of the head, so the head's axes shrink by it.
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
            figures.shapes[row] = FigureShape(limbs, wedges, far[i], head_far[i], head)

    def draw(self, surface: pygame.Surface, frame: Frame, figures: Figures, row: int) -> None:
        """Draw one actor where ``project`` has it."""
        if not figures.seen[row]:
            return
        if row not in figures.shapes:
            self._draw_lines(surface, figures, row)
            return
        width, height = figures.room[row].tolist()
        oversample = figures.oversample
        size = (width * oversample, height * oversample)
        canvas = self._clear_canvas(size)
        self._draw_parts(canvas, frame, figures, row)
        sprite = pygame.transform.smoothscale(canvas, (width, height)) if oversample > 1 else canvas
        surface.blit(sprite, figures.low[row].tolist(), special_flags=pygame.BLEND_PREMULTIPLIED)

    def _clear_canvas(self, size: tuple[int, int]) -> pygame.Surface:
        """An empty canvas, a part of one surface that is used for all figures."""
        have = self._canvas.get_size()
        if size[0] > have[0] or size[1] > have[1]:
            larger = (max(size[0], have[0]), max(size[1], have[1]))
            self._canvas = pygame.Surface(larger, pygame.SRCALPHA)
        self._canvas.fill((0, 0, 0, 0), (0, 0, *size))
        return self._canvas.subsurface((0, 0, *size))

    def _draw_parts(self, canvas: pygame.Surface, frame: Frame, figures: Figures, row: int) -> None:
        """Draw all parts of an actor onto its canvas, the far ones first and darker."""
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
                HEADS[self._kinds[row]](self._head_view(canvas, frame, figures, row))
            else:
                fixed = part in (TORSO, THROAT)
                shade = 0.0 if fixed else min(1.0, max(0.0, far / FAR_AT))
                self._draw_part(canvas, shape, self._palettes[row], strokes, part, shade)

    def _draw_part(
        self,
        canvas: pygame.Surface,
        shape: FigureShape,
        palette: Palette,
        strokes: tuple[Stroke, ...],
        part: int,
        shade: float,
    ) -> None:
        """Draw the outline of all strokes, then their fill, darker by a share ``shade``."""
        line, circle, polygon = fill_line, fill_disc, fill_polygon
        limbs, colors = shape.limbs, [palette.ink] * 4
        for filled in (False, True):
            if filled:
                # In eighths, so that few colours are mixed.
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

    def _head_view(
        self, canvas: pygame.Surface, frame: Frame, figures: Figures, row: int
    ) -> HeadView:
        palette = self._palettes[row]
        centre, radius, (front, left, top), rim = figures.shapes[row].head
        # Every actor blinks in its own rhythm, for 0.11 s every few seconds.
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

    def _draw_lines(self, surface: pygame.Surface, figures: Figures, row: int) -> None:
        """Draw a far figure: lines for limbs and trunk, and a disc."""
        palette, points = self._palettes[row], figures.points[row]
        wide = max(1, round(0.07 * float(self._unit[row] * figures.scale[row, PELVIS])))
        for color, chain in FAR_LINES:
            spots = points[list(chain)].tolist()
            for a, b in pairwise(spots):
                pygame.draw.aaline(surface, palette.shades[color], a, b, wide)
        radius = max(1.0, float(self.anatomy.head[row] * figures.scale[row, at.HEAD]))
        pygame.draw.aacircle(surface, palette.head, points[at.HEAD].tolist(), radius)


EXTENT_POINTS = [*range(N_JOINTS), at.L_SHOULDER, at.R_SHOULDER, at.L_HIP, at.R_HIP]
EXTENT_POINTS += [at.L_HEEL, at.R_HEEL, at.L_TOE, at.R_TOE]
"""Points that bound a figure, beside the head and the tail."""


FAR_LINES: tuple[tuple[int, tuple[int, ...]], ...] = (
    (1, (L_FOOT, L_KNEE, PELVIS, R_KNEE, R_FOOT)),
    (0, (PELVIS, NECK)),
    (0, (L_HAND, L_ELBOW, NECK, R_ELBOW, R_HAND)),
)


def _tint(light: Light) -> np.ndarray:
    """Factor (3,) of the light on clothes and skin.

    It changes less than on the ground, so that actors stand out at night.
    """

    def level(lit: Light) -> np.ndarray:
        return lit.ambient + 0.6 * lit.sun

    return np.clip((level(light) / level(DAYLIGHT)) ** STAGE_LIGHT, 0.45, 1.08)


def _wedge_quads(
    a: np.ndarray, b: np.ndarray, ra: np.ndarray, rb: np.ndarray, rim: np.ndarray, which: list[int]
) -> list:
    """Quads of the tapering segments ``which``: [actor][segment][outline, fill][corner]."""
    a, b, ra, rb = a[:, which], b[:, which], ra[:, which, None], rb[:, which, None]
    way = b - a
    normal = way[..., ::-1] * (-1.0, 1.0)
    normal /= np.maximum(np.hypot(way[..., 0], way[..., 1]), 1e-9)[..., None]
    sides = []
    for grow in (rim[..., None], 0.0):
        p, q = (ra + grow) * normal, (rb + grow) * normal
        sides.append([a + p, b + q, b - q, a - p])
    return np.rint(sides).astype(int).transpose(2, 3, 0, 1, 4).tolist()
