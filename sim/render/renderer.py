"""One Frame through one Camera onto one Surface: back to front, needing no display."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pygame

from entities.objects import BODY_KINDS, BodyKind, ObjectType, footprint_m, height_m
from entities.skeleton import N_JOINTS, PELVIS
from sim.camera.pinhole import NEAR_M, Camera
from sim.frame import Cast, Frame
from sim.render.effects import marks_to_paint, streaks
from sim.render.figure import anatomy as at
from sim.render.figure.figures import FigureArtist, Figures
from sim.render.geometry.mesh import DAYLIGHT
from sim.render.geometry.sprite_cache import paint_all
from sim.render.held import GRIPPED_AT, UP, held_axis, held_heading
from sim.render.hud import Hud
from sim.render.props import default_color, draw_prop, prop_extent
from sim.render.shadows import Shadows
from sim.render.stage.stage import Stage

KINDS = tuple(ObjectType)
VEIL_HEIGHT_M = 1.6
"""Objects taller than this turn translucent while they hide somebody."""
VEIL = 0.62
ON_TOP_M = 0.05
"""Whoever lies on a bed is painted this much nearer than the bed."""
DUST = (236, 226, 204)
"""What the ground's colour is lightened with where feet raise it."""

Painted = tuple[float, Callable[[pygame.Surface], None]]


class Renderer:
    """Draws the frames of one run. Reads them, never writes them."""

    def __init__(
        self,
        cast: Cast,
        size: tuple[int, int],
        *,
        transparent: bool = False,
        hud: bool = False,
    ) -> None:
        """transparent: no stage, dust or weather, for a surface with alpha. hud: names, speeds."""
        self.cast = cast
        self.hud = hud
        self.stage = (
            None if transparent else Stage(cast.theme, cast.weather, cast.time_of_day, cast.seed)
        )
        ground = DUST if self.stage is None else self.stage.ground_color
        self._dust = tuple(round(0.5 * (a + b)) for a, b in zip(ground, DUST, strict=True))
        self._light = DAYLIGHT if self.stage is None else self.stage.light
        self.artist = FigureArtist(cast, self._light)
        self._shadows = Shadows(cast, self.artist.anatomy, self.artist.girth)
        self._words = Hud(cast, size)
        self._kinds = [KINDS[kind] for kind in cast.object_kind]
        self._colors = [
            default_color(kind) if color[0] < 0 else tuple(int(c) for c in color)
            for kind, color in zip(self._kinds, cast.object_color, strict=True)
        ]
        sizes = list(zip(self._kinds, cast.object_scale.tolist(), strict=True))
        self._heights = np.array([height_m(kind, scale) for kind, scale in sizes])
        self._prints = np.array([footprint_m(kind, scale) for kind, scale in sizes]).reshape(-1, 2)
        extents = [prop_extent(kind) for kind in self._kinds]
        self._spans = self._heights * [max(0.3, e.length, e.width) for e in extents]
        self._round = np.array([BODY_KINDS[kind] is BodyKind.BALL for kind in self._kinds], bool)

    def draw(
        self,
        surface: pygame.Surface,
        frame: Frame,
        camera: Camera,
        selected: int | None = None,
    ) -> None:
        """Paint the whole picture; ``selected`` rings the actor in that row."""
        figures = self.artist.see(frame, camera)
        if self.stage is not None:
            # Tall dressing nearer than anybody would hide whom the camera looks at.
            nearest = float(figures.depth[figures.seen].min(initial=np.inf))
            nearest = nearest if np.isfinite(nearest) else 0.0
            self.stage.draw_back(surface, camera, frame.time, nearest)
        else:
            surface.fill((0, 0, 0, 0))
        self._shadows.draw(surface, frame, camera, figures.world, self._light)
        if selected is not None and figures.seen[selected]:
            _ring(surface, camera, frame.root[selected])
        painted = self._things(frame, camera, figures) + self._people(frame, camera, figures)
        if self.stage is not None:
            painted += self._traces(frame, camera, figures)
            painted += self.stage.scenery(camera, nearest)
        else:
            surface.premul_alpha_ip()  # pygame's anti-aliasing premultiplies on clear ground
        painted.sort(key=lambda item: -item[0])
        paint_all(surface, [paint for _, paint in painted])
        if self.stage is not None:
            self.stage.draw_front(surface, camera, frame.time)
        else:
            _straighten(surface)
        self._write(surface, frame, camera, figures)

    def _things(self, frame: Frame, camera: Camera, figures: Figures) -> list[Painted]:
        if not self._kinds:
            return []
        middle = frame.object_position.copy()
        middle[:, 2] += np.where(self._round, 0.0, 0.5 * self._heights)
        pixels, depth = camera.project(middle)
        scale = camera.pixels_per_metre(depth)
        half = 0.5 * self._prints.max(axis=1)
        width, height = camera.size
        reach = (half + self._heights) * scale
        seen = (
            (depth + half > NEAR_M)
            & (pixels[:, 0] > -reach)
            & (pixels[:, 0] < width + reach)
            & (pixels[:, 1] > -reach)
            & (pixels[:, 1] < height + reach)
        )
        # Nothing is drawn from inside: a lens within a building shows the street.
        away = np.hypot(*(frame.object_position[:, :2] - camera.position[:2]).T)
        inside = (away < half) & (frame.object_position[:, 2] + self._heights > camera.position[2])
        painted: list[Painted] = []
        for i in np.flatnonzero(seen & ~inside).tolist():
            holder = int(frame.object_holder[i])
            far = float(depth[i])
            if holder >= 0:
                hand = int(frame.object_hand[i])
                apart = figures.away[holder, hand] - figures.away[holder, PELVIS]
                far = float(figures.depth[holder]) + (0.005 if apart > 0.0 else -0.005)
            veil = self._hides(i, far, pixels[i], scale[i], figures)
            painted.append((far, self._thing(i, frame, camera, figures, veil)))
        return painted

    def _hides(
        self, i: int, far: float, pixel: np.ndarray, scale: float, figures: Figures
    ) -> pygame.Rect | None:
        """The screen area of a tall object that stands before somebody, else None."""
        if self._heights[i] < VEIL_HEIGHT_M:
            return None
        wide = float(self._spans[i] * scale)
        high = float(self._heights[i] * scale)
        box = pygame.Rect(0, 0, round(wide), round(high))
        box.center = (round(pixel[0]), round(pixel[1]))
        behind = figures.seen & (figures.depth > far + 0.2)
        for row in np.flatnonzero(behind).tolist():
            spot = figures.points[row, PELVIS]
            if box.collidepoint(float(spot[0]), float(spot[1])):
                return box.inflate(wide, 0.2 * high)
        return None

    def _thing(
        self,
        i: int,
        frame: Frame,
        camera: Camera,
        figures: Figures,
        veil: pygame.Rect | None,
    ) -> Callable[[pygame.Surface], None]:
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

        def paint(surface: pygame.Surface) -> None:
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
                before.set_alpha(round(255 * VEIL))
                surface.blit(before, area)

        return paint

    def _people(self, frame: Frame, camera: Camera, figures: Figures) -> list[Painted]:
        depth = figures.depth.copy()
        for row in np.flatnonzero(figures.seen & (frame.root[:, 2] > 0.05)).tolist():
            below = self._under(row, frame)
            if len(below):
                far = camera.project(frame.object_position[below])[1]
                depth[row] = min(float(depth[row]), float(far.min()) - ON_TOP_M)
        return [
            (float(depth[row]), lambda s, row=row: self.artist.draw(s, frame, figures, row))
            for row in np.flatnonzero(figures.seen).tolist()
        ]

    def _under(self, row: int, frame: Frame) -> np.ndarray:
        """Objects that an actor off the ground is on top of."""
        if not self._kinds:
            return np.zeros(0, np.int64)
        away = np.hypot(*(frame.object_position[:, :2] - frame.root[row, :2]).T)
        top = frame.object_position[:, 2] + self._heights
        on = (away < 0.6 * self._prints.max(axis=1)) & (np.abs(top - frame.root[row, 2]) < 0.3)
        return np.flatnonzero(on & ~self._round)

    def _traces(self, frame: Frame, camera: Camera, figures: Figures) -> list[Painted]:
        """Dust, flashes and speed lines."""
        painted = marks_to_paint(frame, camera, self._dust)
        for row, paint in streaks(frame, camera, self.artist.stature):
            painted.append((float(figures.depth[row]) + 0.3, paint))
        return painted

    def _write(
        self, surface: pygame.Surface, frame: Frame, camera: Camera, figures: Figures
    ) -> None:
        nearest = np.argsort(figures.depth, kind="stable")
        rows = nearest[figures.seen[nearest]].tolist()
        tops, feet = {}, {}
        for row in rows:
            head = figures.points[row, at.HEAD]
            brim = 1.5 * float(self.artist.anatomy.head[row] * figures.scale[row, at.HEAD])
            tops[row] = (float(head[0]), float(head[1]) - brim)
            sole = figures.points[row, : at.HEAD, 1].max()
            feet[row] = (float(figures.points[row, PELVIS, 0]), float(sole))
        self._words.speech(surface, frame.speech, tops)
        if not self.hud:
            return
        self._words.names(surface, frame, feet)
        depth = float(np.median(figures.depth[rows])) if rows else 10.0
        self._words.scale_bar(surface, camera, depth)
        self._words.clock(surface, frame.time)


def _straighten(surface: pygame.Surface) -> None:
    """Turn a premultiplied picture into one whose colours are their own."""
    area = surface.get_bounding_rect()
    if not area.width:
        return
    inside = surface.subsurface(area)
    alpha = pygame.surfarray.array_alpha(inside)
    edge = np.nonzero((alpha > 0) & (alpha < 255))
    share = alpha[edge].astype(np.uint16)[:, None]
    colors = pygame.surfarray.pixels3d(inside)
    colors[edge] = np.minimum(255, (colors[edge].astype(np.uint16) * 255 + share // 2) // share)


def _ring(surface: pygame.Surface, camera: Camera, root: np.ndarray) -> None:
    """A ring on the ground round the selected actor."""
    turns = np.linspace(0.0, 2.0 * np.pi, 25)
    circle = root + 0.5 * np.stack([np.cos(turns), np.sin(turns), 0.0 * turns], axis=1)
    pixels, depth = camera.project(circle)
    if depth.min() > NEAR_M:
        spots = pixels.tolist()
        for wide in (3, 1):
            color = (34, 40, 54) if wide == 3 else (255, 232, 120)
            for a, b in pairwise(spots):
                pygame.draw.aaline(surface, color, a, b, wide)
