"""Shadows on the ground: a soft blob under each body, and planar shadows in sunlight.

A planar shadow is the body projected along the light onto z = 0. It is drawn in one colour on a
buffer smaller than its place in the picture and enlarged by a filter, which softens its edge.
"""

import numpy as np
import pygame

from entities.objects import BODY_KINDS, SPREADS, BodyKind, ObjectType, footprint_m, height_m
from entities.skeleton import (
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    NECK,
    PELVIS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
)
from sim.camera.pinhole import NEAR_M, Camera
from sim.frame import Cast, Frame
from sim.render.effects import blit_soft
from sim.render.figure import anatomy as at
from sim.render.figure.anatomy import Anatomy
from sim.render.geometry.mesh import Light
from sim.render.geometry.polygons import convex_hull

COLOR = (24, 30, 48)
BLOB = 0.34
"""Opacity of a blob under a body, 0..1."""
PLANAR = 0.34
"""Opacity of a planar shadow in full sun, 0..1."""
FULL_SUN = 0.48
"""``Light.sun`` of a clear day; below a quarter of it there are no planar shadows."""
FADE_M = 2.5
"""Height of a body at which its blob has faded out."""
LONGEST = 2.2
"""Longest planar shadow, in heights of the body."""
GRAIN = 2.0
"""Screen pixels per buffer pixel across, for actors."""
WIDE_PX = 60_000
"""Objects whose shadows cover more than this many pixels are drawn coarser."""
FULLNESS = 1.5
"""Factor on the width of limbs in shadows, which would else be hairlines (choice)."""
LEAST_PX = 26
"""Lower bodies have no planar shadow."""
CROWN_FROM = 0.42
"""Height at which a tree's crown begins, as a share of the tree's."""
CIRCLE = np.stack([np.cos(np.arange(12) * np.pi / 6), np.sin(np.arange(12) * np.pi / 6)], axis=1)

LIMBS: tuple[tuple[int, int, float], ...] = (  # from, to, width in m at scale 1
    (PELVIS, NECK, 0.22),
    (PELVIS, L_KNEE, 0.09),
    (L_KNEE, L_FOOT, 0.08),
    (PELVIS, R_KNEE, 0.09),
    (R_KNEE, R_FOOT, 0.08),
    (NECK, L_ELBOW, 0.08),
    (L_ELBOW, L_HAND, 0.07),
    (NECK, R_ELBOW, 0.08),
    (R_ELBOW, R_HAND, 0.07),
    (NECK, at.HEAD, 0.08),
)
WIDTHS = np.array([width for _, _, width in LIMBS])


class Shadows:
    """Draws the shadows of a cast's actors and objects."""

    def __init__(self, cast: Cast, anatomy: Anatomy, girth: np.ndarray) -> None:
        kinds = [list(ObjectType)[kind] for kind in cast.object_kind]
        sizes = list(zip(kinds, cast.object_scale.tolist(), strict=True))
        self._anatomy, self._girth = anatomy, girth
        self._heights = np.array([height_m(kind, scale) for kind, scale in sizes])
        footprints = [footprint_m(kind, scale) for kind, scale in sizes]
        self._footprints = np.array(footprints).reshape(-1, 2)
        self._ball = np.array([BODY_KINDS[kind] is BodyKind.BALL for kind in kinds], bool)
        self._backdrop = np.array([BODY_KINDS[kind] is BodyKind.BACKDROP for kind in kinds], bool)
        self._crowns = np.array(
            [SPREADS[kind][0] if kind is ObjectType.TREE else 0.0 for kind in kinds]
        )

    def draw(
        self,
        surface: pygame.Surface,
        frame: Frame,
        camera: Camera,
        world: np.ndarray,
        light: Light,
    ) -> None:
        """Draw all shadows; world: (A, N_POINTS, 3) m, see ``body_points``."""
        sun = float(np.mean(light.sun)) / FULL_SUN
        # How far a shadow falls per metre of height.
        slope = -light.direction[:2] / max(light.direction[2], 1e-6)
        slope *= min(1.0, LONGEST / max(1e-9, float(np.hypot(*slope))))
        if sun > 0.25:
            strength = PLANAR * min(1.0, sun)
            self._draw_planar_objects(surface, frame, camera, slope, strength)
            self._draw_planar_actors(surface, camera, world, slope, strength)
        self._draw_blobs(surface, frame, camera, world)

    def _draw_blobs(
        self, surface: pygame.Surface, frame: Frame, camera: Camera, world: np.ndarray
    ) -> None:
        loose = (frame.object_holder < 0) & ~self._backdrop
        below = frame.object_position[loose] * (1.0, 1.0, 0.0)
        lift = np.where(self._ball, 0.5 * self._heights, 0.0)
        rise = (frame.object_position[:, 2] - lift)[loose]
        half = np.where(
            self._ball, 0.55 * self._heights, 0.56 * self._footprints.max(axis=1, initial=0)
        )
        # An actor's blob lies under the middle of the joints, as one who lies is not over the root.
        middle = world[:, : at.HEAD].mean(axis=1) * (1.0, 1.0, 0.0)
        spots = np.concatenate([below, middle])
        rises = np.concatenate([rise, frame.root[:, 2]])
        halves = np.concatenate([half[loose], 0.26 * self._girth])
        pixels, depth = camera.project(spots)
        scale = camera.pixels_per_metre(depth)
        flat = np.clip(camera.position[2] / np.maximum(depth, NEAR_M), 0.05, 1.0)
        fade = 1.0 - np.minimum(np.maximum(rises / FADE_M, 0.0), 1.0)
        wide = halves * scale * (0.6 + 0.4 * fade)
        tall = np.maximum(1.0, wide * flat)
        reach = np.array([wide, tall]).T
        seen = (depth > NEAR_M) & (fade > 0.02) & (wide > 1.5)
        seen &= ((pixels > -reach) & (pixels < camera.size + reach)).all(axis=1)
        for centre, half, share in zip(
            pixels[seen].tolist(), reach[seen].tolist(), fade[seen].tolist(), strict=True
        ):
            blit_soft(surface, COLOR, centre, half, BLOB * share)

    def _draw_planar_actors(
        self,
        surface: pygame.Surface,
        camera: Camera,
        world: np.ndarray,
        slope: np.ndarray,
        strength: float,
    ) -> None:
        offset = np.maximum(world[..., 2:], 0.0) * slope
        pixels, depth = camera.project(
            np.concatenate([world[..., :2] + offset, np.zeros_like(world[..., 2:])], axis=-1)
        )
        scale = camera.pixels_per_metre(depth[:, PELVIS])
        unit = self._girth * scale
        flat = np.clip(camera.position[2] / np.maximum(depth[:, PELVIS], NEAR_M), 0.15, 1.0)
        buffers = _ShadowBuffers(
            surface.get_size(),
            pixels[:, : at.L_SHOULDER],
            0.16 * unit,
            np.array([np.full_like(flat, GRAIN), GRAIN * flat]).T,
        )
        widths = np.maximum(1, np.rint(FULLNESS * WIDTHS * unit[:, None] / GRAIN))
        widths = widths.astype(int).tolist()
        heads = np.maximum(1, np.rint(self._anatomy.head * scale / GRAIN)).astype(int).tolist()
        shown = (depth.min(axis=1, initial=np.inf) > NEAR_M) & (1.7 * unit >= LEAST_PX)
        for row in np.flatnonzero(shown & buffers.seen).tolist():
            canvas, spots = buffers.canvas(row), buffers.spots[row]
            for (start, end, _), width in zip(LIMBS, widths[row], strict=True):
                pygame.draw.line(canvas, COLOR, spots[start], spots[end], width)
            pygame.draw.circle(canvas, COLOR, spots[at.HEAD], heads[row])
            buffers.blend(surface, row, canvas, strength)

    def _draw_planar_objects(
        self,
        surface: pygame.Surface,
        frame: Frame,
        camera: Camera,
        slope: np.ndarray,
        strength: float,
    ) -> None:
        for i in np.flatnonzero((frame.object_holder < 0) & ~self._backdrop & ~self._ball).tolist():
            position, height = frame.object_position[i], float(self._heights[i])
            if height * camera.pixels_per_metre(camera.to_view(position)[2]) < LEAST_PX:
                continue
            cos, sin = np.cos(frame.object_heading[i]), np.sin(frame.object_heading[i])
            length, width = 0.5 * self._footprints[i]
            corners = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * (length, width)
            base = position[:2] + corners @ np.array([[cos, sin], [-sin, cos]])
            low = max(0.0, float(position[2]))
            shapes = [np.concatenate([base + low * slope, base + (low + height) * slope])]
            if self._crowns[i]:
                crown = position[:2] + 0.5 * self._crowns[i] * height * CIRCLE
                shapes = [np.concatenate([base, base + CROWN_FROM * height * slope])]
                ends = (CROWN_FROM + 0.12, 0.88)
                shapes.append(np.concatenate([crown + end * height * slope for end in ends]))
            flat = [np.column_stack([shape, np.zeros(len(shape))]) for shape in shapes]
            pixels, depth = camera.project(np.concatenate(flat))
            if depth.min() < NEAR_M:
                continue
            coarse = float(np.prod(np.ptp(pixels, axis=0))) > WIDE_PX
            grain = np.array([[2.0, 0.8] if coarse else [3.0, 0.6]])
            buffers = _ShadowBuffers(surface.get_size(), pixels[None], np.array([2.0]), grain)
            if not buffers.seen[0]:
                continue
            canvas, spots = buffers.canvas(0), buffers.spots[0]
            done = 0
            for shape in shapes:
                outline = convex_hull(spots[done : done + len(shape)])
                done += len(shape)
                if len(outline) > 2:
                    pygame.draw.polygon(canvas, COLOR, outline)
            buffers.blend(surface, 0, canvas, strength)


class _ShadowBuffers:
    """Patches of the picture in another scale, on each of which one shadow is drawn.

    As the ground is seen at a flat angle, a buffer is finer up and down than across: circles drawn
    on it become ellipses in the picture.
    """

    def __init__(
        self, size: tuple[int, int], pixels: np.ndarray, pad: np.ndarray, grain: np.ndarray
    ) -> None:
        """Buffers that cover pixels (N, K, 2) with a margin pad (N,), as far as they are in view.

        grain: (N, 2) px of the picture per px of a buffer.
        """
        margin = np.array([pad + GRAIN, 0.5 * pad + GRAIN]).T
        first, last = pixels.min(axis=1), pixels.max(axis=1)
        self.seen = ((last > 0.0) & (first < size)).all(axis=1)  # (N,) bool
        low = np.floor(np.minimum(np.maximum(first - margin, -margin), size))
        high = np.ceil(np.minimum(np.maximum(last + margin, 0.0), size + margin))
        room = np.maximum(1.0, high - low)
        cells = np.maximum(1.0, np.ceil(room / grain))
        inside = np.clip((pixels - low[:, None]) * (cells / room)[:, None], -4000.0, 4000.0)
        self.spots = np.rint(inside).astype(int).tolist()  # the pixels, on their buffers
        self._corners = low.astype(int).tolist()
        self._rooms = room.astype(int).tolist()
        self._cells = cells.astype(int).tolist()

    def canvas(self, i: int) -> pygame.Surface:
        """An empty buffer."""
        canvas = pygame.Surface(self._cells[i], pygame.SRCALPHA)
        canvas.fill((*COLOR, 0))
        return canvas

    def blend(
        self, surface: pygame.Surface, i: int, canvas: pygame.Surface, strength: float
    ) -> None:
        """Scale a buffer to the picture and blend it in; strength 0..1."""
        soft = pygame.transform.smoothscale(canvas, self._rooms[i])
        soft.set_alpha(round(255 * strength))
        surface.blit(soft, self._corners[i])
