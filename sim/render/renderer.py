"""Draws one Frame as seen by one Camera onto one Surface, back to front; needs no display."""

from itertools import pairwise

import numpy as np
import pygame

from entities.objects import BODY_KINDS, BodyKind, ObjectType, footprint_m, height_m
from entities.skeleton import N_JOINTS, PELVIS
from sim.camera.pinhole import NEAR_M, Camera
from sim.frame import Cast, Frame
from sim.render.effects import mark_effects, speed_lines
from sim.render.figure import anatomy as at
from sim.render.figure.figures import FigureRenderer, Figures
from sim.render.geometry.mesh import DAYLIGHT
from sim.render.geometry.sprite_cache import DrawCall, DrawItem, draw_back_to_front
from sim.render.held import GRIPPED_AT, UP, held_axis, held_heading
from sim.render.hud import Hud
from sim.render.props import default_color, draw_prop, prop_spread
from sim.render.shadows import Shadows
from sim.render.stage.stage import Stage

KINDS = tuple(ObjectType)
VEIL_HEIGHT_M = 1.6
"""Objects taller than this turn translucent while they hide an actor."""
VEIL_OPACITY = 0.62
"""Opacity of what is behind a translucent object, drawn over it."""
ON_TOP_M = 0.05
"""An actor on top of an object is drawn as if this much nearer than the object."""
DUST_TINT = (236, 226, 204)
"""Dust has a colour halfway from the ground's to this."""


class Renderer:
    """Draws the frames of one run; never changes them."""

    def __init__(
        self,
        cast: Cast,
        size: tuple[int, int],
        *,
        transparent: bool = False,
        hud: bool = False,
    ) -> None:
        """transparent: no stage, effects or weather, for a surface with alpha.

        hud: with names, speeds, scale bar and clock.
        """
        self.hud = hud
        self._size = size
        self.stage = (
            None if transparent else Stage(cast.theme, cast.weather, cast.time_of_day, cast.seed)
        )
        ground = DUST_TINT if self.stage is None else self.stage.ground_color
        mixed = zip(ground, DUST_TINT, strict=True)
        self._dust_color = tuple(round(0.5 * (a + b)) for a, b in mixed)
        self._light = DAYLIGHT if self.stage is None else self.stage.light
        self._dress(cast)

    def _dress(self, cast: Cast) -> None:
        """Prepare to draw a cast on the stage there is."""
        self.cast = cast
        self._figures = FigureRenderer(cast, self._light)
        self._shadows = Shadows(cast, self._figures.anatomy, self._figures.girth)
        self._overlay = Hud(cast, self._size)
        self._kinds = [KINDS[kind] for kind in cast.object_kind]
        self._colors = [
            default_color(kind) if color[0] < 0 else tuple(int(c) for c in color)
            for kind, color in zip(self._kinds, cast.object_color, strict=True)
        ]
        sizes = list(zip(self._kinds, cast.object_scale.tolist(), strict=True))
        self._heights = np.array([height_m(kind, scale) for kind, scale in sizes])
        footprints = [footprint_m(kind, scale) for kind, scale in sizes]
        self._footprints = np.array(footprints).reshape(-1, 2)
        spreads = [prop_spread(kind) for kind in self._kinds]
        self._spans = self._heights * [max(0.3, *spread) for spread in spreads]
        self._round = np.array([BODY_KINDS[kind] is BodyKind.BALL for kind in self._kinds], bool)

    def draw(
        self,
        surface: pygame.Surface,
        frame: Frame,
        camera: Camera,
        selected: int | None = None,
    ) -> None:
        """Draw the whole picture; the actor in row ``selected`` gets a ring."""
        if frame.cast is not self.cast:
            self._dress(frame.cast)
        figures = self._figures.project(frame, camera)
        if self.stage is not None:
            # Tall scenery nearer than the nearest actor would hide what the camera looks at.
            nearest = float(figures.depth[figures.seen].min(initial=np.inf))
            nearest = nearest if np.isfinite(nearest) else 0.0
            self.stage.draw_back(surface, camera, frame.time, nearest)
        else:
            surface.fill((0, 0, 0, 0))
        self._shadows.draw(surface, frame, camera, figures.world, self._light)
        if selected is not None and selected < len(figures.seen) and figures.seen[selected]:
            _draw_ring(surface, camera, frame.root[selected])
        draws = self._object_draws(frame, camera, figures)
        draws += self._actor_draws(frame, camera, figures)
        if self.stage is not None:
            draws += self._effect_draws(frame, camera, figures)
            draws += self.stage.scenery(camera, nearest)
        else:
            surface.premul_alpha_ip()  # pygame's anti-aliasing premultiplies on a clear surface
        draw_back_to_front(surface, draws)
        if self.stage is not None:
            self.stage.draw_front(surface, camera, frame.time)
        else:
            _unpremultiply(surface)
        self._draw_text(surface, frame, camera, figures)

    def _object_draws(self, frame: Frame, camera: Camera, figures: Figures) -> list[DrawItem]:
        """Draw items of the objects in view."""
        if not self._kinds:
            return []
        middle = frame.object_position.copy()
        middle[:, 2] += np.where(self._round, 0.0, 0.5 * self._heights)
        pixels, depth = camera.project(middle)
        scale = camera.pixels_per_metre(depth)
        half = 0.5 * self._footprints.max(axis=1)
        width, height = camera.size
        reach = (half + self._heights) * scale
        seen = (
            (depth + half > NEAR_M)
            & (pixels[:, 0] > -reach)
            & (pixels[:, 0] < width + reach)
            & (pixels[:, 1] > -reach)
            & (pixels[:, 1] < height + reach)
        )
        # An object round the camera is not drawn: from within a building the street is seen.
        away = np.hypot(*(frame.object_position[:, :2] - camera.position[:2]).T)
        inside = (away < half) & (frame.object_position[:, 2] + self._heights > camera.position[2])
        draws: list[DrawItem] = []
        for i in np.flatnonzero(seen & ~inside).tolist():
            holder = int(frame.object_holder[i])
            item_depth = float(depth[i])
            if holder >= 0:
                hand = int(frame.object_hand[i])
                apart = figures.away[holder, hand] - figures.away[holder, PELVIS]
                item_depth = float(figures.depth[holder]) + (0.005 if apart > 0.0 else -0.005)
            veil = self._veil_area(i, item_depth, pixels[i], scale[i], figures)
            draws.append((item_depth, self._object_draw(i, frame, camera, figures, veil)))
        return draws

    def _veil_area(
        self, i: int, item_depth: float, pixel: np.ndarray, scale: float, figures: Figures
    ) -> pygame.Rect | None:
        """The screen area of a tall object that stands in front of an actor, else None."""
        if self._heights[i] < VEIL_HEIGHT_M:
            return None
        wide = float(self._spans[i] * scale)
        high = float(self._heights[i] * scale)
        box = pygame.Rect(0, 0, round(wide), round(high))
        box.center = (round(pixel[0]), round(pixel[1]))
        behind = figures.seen & (figures.depth > item_depth + 0.2)
        for row in np.flatnonzero(behind).tolist():
            spot = figures.points[row, PELVIS]
            if box.collidepoint(float(spot[0]), float(spot[1])):
                return box.inflate(wide, 0.2 * high)
        return None

    def _object_draw(
        self,
        i: int,
        frame: Frame,
        camera: Camera,
        figures: Figures,
        veil: pygame.Rect | None,
    ) -> DrawCall:
        """The draw call of object i; what is in the area ``veil`` shows through it."""
        kind, tilt, position = self._kinds[i], None, frame.object_position[i]
        turn = float(frame.object_heading[i])
        holder = int(frame.object_holder[i])
        if holder >= 0:
            hand, action = int(frame.object_hand[i]), int(frame.action[holder])
            joints, heading = figures.world[holder, :N_JOINTS], float(frame.heading[holder])
            tilt = held_axis(kind, hand, joints, heading, action)
            turn = held_heading(kind, turn)
            below = GRIPPED_AT.get(kind, 0.0) * self._heights[i]
            position = position - below * (UP if tilt is None else tilt)

        def draw(surface: pygame.Surface) -> None:
            area = veil.clip(surface.get_rect()) if veil is not None else None
            before = surface.subsurface(area).copy() if area else None
            draw_prop(
                surface,
                camera,
                kind,
                position,
                turn,
                float(self.cast.object_scale[i]),
                self._colors[i],
                spin=float(frame.object_spin[i]),
                tilt=tilt,
                light=self._light,
            )
            if before is not None and area is not None:
                before.set_alpha(round(255 * VEIL_OPACITY))
                surface.blit(before, area)

        return draw

    def _actor_draws(self, frame: Frame, camera: Camera, figures: Figures) -> list[DrawItem]:
        """Draw items of the actors in view."""
        depth = figures.depth.copy()
        for row in np.flatnonzero(figures.seen & (frame.root[:, 2] > 0.05)).tolist():
            below = self._objects_below(row, frame)
            if len(below):
                below_depth = camera.project(frame.object_position[below])[1]
                depth[row] = min(float(depth[row]), float(below_depth.min()) - ON_TOP_M)
        return [
            (float(depth[row]), lambda s, row=row: self._figures.draw(s, frame, figures, row))
            for row in np.flatnonzero(figures.seen).tolist()
        ]

    def _objects_below(self, row: int, frame: Frame) -> np.ndarray:
        """Indices of the objects that an actor off the ground is on top of."""
        if not self._kinds:
            return np.zeros(0, np.int64)
        away = np.hypot(*(frame.object_position[:, :2] - frame.root[row, :2]).T)
        top = frame.object_position[:, 2] + self._heights
        on = (away < 0.6 * self._footprints.max(axis=1)) & (np.abs(top - frame.root[row, 2]) < 0.3)
        return np.flatnonzero(on & ~self._round)

    def _effect_draws(self, frame: Frame, camera: Camera, figures: Figures) -> list[DrawItem]:
        """Draw items of dust, flashes and speed lines."""
        draws = mark_effects(frame, camera, self._dust_color)
        for row, draw in speed_lines(frame, camera, self._figures.stature):
            draws.append((float(figures.depth[row]) + 0.3, draw))
        return draws

    def _draw_text(
        self, surface: pygame.Surface, frame: Frame, camera: Camera, figures: Figures
    ) -> None:
        """Draw speech and, with ``hud``, the rest of the text."""
        nearest = np.argsort(figures.depth, kind="stable")
        rows = nearest[figures.seen[nearest]].tolist()
        above_heads, below_feet = {}, {}
        for row in rows:
            head = figures.points[row, at.HEAD]
            head_reach = 1.5 * float(self._figures.anatomy.head[row] * figures.scale[row, at.HEAD])
            above_heads[row] = (float(head[0]), float(head[1]) - head_reach)
            sole = figures.points[row, : at.HEAD, 1].max()
            below_feet[row] = (float(figures.points[row, PELVIS, 0]), float(sole))
        self._overlay.speech(surface, frame.speech, above_heads)
        if not self.hud:
            return
        self._overlay.names(surface, frame, below_feet)
        depth = float(np.median(figures.depth[rows])) if rows else 10.0
        self._overlay.scale_bar(surface, camera, depth)
        self._overlay.clock(surface, frame.time)


def _unpremultiply(surface: pygame.Surface) -> None:
    """Divide the colours of a premultiplied picture by its alpha, in place."""
    area = surface.get_bounding_rect()
    if not area.width:
        return
    inside = surface.subsurface(area)
    alpha = pygame.surfarray.array_alpha(inside)
    edge = np.nonzero((alpha > 0) & (alpha < 255))
    share = alpha[edge].astype(np.uint16)[:, None]
    colors = pygame.surfarray.pixels3d(inside)
    colors[edge] = np.minimum(255, (colors[edge].astype(np.uint16) * 255 + share // 2) // share)


def _draw_ring(surface: pygame.Surface, camera: Camera, root: np.ndarray) -> None:
    """Draw a ring on the ground round an actor."""
    turns = np.linspace(0.0, 2.0 * np.pi, 25)
    circle = root + 0.5 * np.stack([np.cos(turns), np.sin(turns), 0.0 * turns], axis=1)
    pixels, depth = camera.project(circle)
    if depth.min() > NEAR_M:
        spots = pixels.tolist()
        for wide in (3, 1):
            color = (34, 40, 54) if wide == 3 else (255, 232, 120)
            for a, b in pairwise(spots):
                pygame.draw.aaline(surface, color, a, b, wide)
