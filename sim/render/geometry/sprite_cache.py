"""SpriteCache of meshes: each made a few times, by size, direction and haze, and scaled to fit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pygame

from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import Light, draw_mesh, turned
from sim.render.geometry.shapes import Mesh
from sim.render.geometry.sprites import packed

PICTURE_PX = 150.0
"""Things lower and narrower than this on the screen are drawn from pictures."""
ROUND_PICTURE_PX = 520.0
"""The same for things that look alike from all sides, whose pictures last."""
SIZE_STEP = 1.4
"""Master pictures are this factor apart in size."""
TURN_STEPS = 96
PITCH_STEP = 0.10
AIR_STEPS = 16
SUPERSAMPLE = 3
MASTERS_KEPT = 500
SCALED_KEPT = 1200
PACKED_PX = 200
"""Larger pictures change size too often, as one comes near, for packing them to pay."""
COARSE_PX = 96.0
"""From here on up sizes go in steps of two pixels, so that no edge is off by more than one."""

Master = tuple[int, int, int, int, int, int]
"""Shape, turn, octant, rise, air and step of size: see ``SpriteCache.of``."""


class Stamp(NamedTuple):
    """A picture and where its upper left corner goes; to call it is to lay it there."""

    picture: pygame.Surface
    corner: tuple[int, int]

    def __call__(self, surface: pygame.Surface) -> None:
        surface.blit(self.picture, self.corner)


def paint_all(
    surface: pygame.Surface, painters: Iterable[Callable[[pygame.Surface], None]]
) -> None:
    """Call all painters in turn; stamps that follow each other are laid in one go."""
    stamps: list[Stamp] = []
    for paint in painters:
        if isinstance(paint, Stamp):
            stamps.append(paint)
            continue
        if stamps:
            surface.fblits(stamps)
            stamps = []
        paint(surface)
    surface.fblits(stamps)


@dataclass(frozen=True, slots=True)
class Subject:
    """What pictures are taken of."""

    mesh: Mesh
    color: tuple[int, int, int]
    span: float  # the larger of its height and breadth, per unit
    round: bool  # the same from all sides


class SpriteCache:
    """SpriteCache of some subjects in one light."""

    def __init__(self, subjects: list[Subject], light: Light) -> None:
        self._subjects = subjects
        self._spans = np.array([subject.span for subject in subjects])
        self._round = np.array([subject.round for subject in subjects], bool)
        self._light = light
        self._masters: dict[Master, tuple[pygame.Surface, float, float]] = {}
        self._scaled: dict[tuple[int, ...], tuple[pygame.Surface, float, float]] = {}
        self._shadows: dict[tuple[int, int], pygame.Surface] = {}

    def of(
        self,
        subject: np.ndarray,
        toward: np.ndarray,
        heading: np.ndarray,
        unit_px: np.ndarray,
        distance: np.ndarray,
        foot: np.ndarray,
    ) -> list[Stamp]:
        """SpriteCache of N things, laid so that their feet are at pixels foot (N, 2).

        subject: (N,) their index. toward: (N, 3) m from them to the eye. heading: (N,) rad.
        unit_px: (N,) pixels per unit of the mesh. distance: (N,) m of air.
        """
        x, y, z = toward.T
        bearing = np.arctan2(y, x)
        px = unit_px * self._spans[subject]
        # Small things turn in coarser steps: what matters is how many pixels that is.
        skip = np.where(px < 16.0, 4.0, np.where(px < 40.0, 2.0, 1.0))
        turn = np.rint((bearing - heading) / (2.0 * np.pi) * TURN_STEPS / skip) * skip
        coarse = np.where(px < COARSE_PX, 1.0, 2.0)
        columns = (
            subject,
            np.where(self._round[subject], 0.0, turn % TURN_STEPS),
            np.rint(bearing / (np.pi / 4.0)) % 8,
            np.rint(np.arctan2(z, np.hypot(x, y)) / PITCH_STEP),
            np.rint((1.0 - np.exp(-distance / self._light.haze_m)) * AIR_STEPS),
            np.ceil(np.log(unit_px) / np.log(SIZE_STEP)),
            np.maximum(1.0, np.rint(px / coarse) * coarse),
        )
        keys = np.array(columns).T.astype(int).tolist()
        stamps = []
        for key, (right, down) in zip(map(tuple, keys), foot.tolist(), strict=True):
            found = self._scaled.get(key)
            if found is None:
                found = self._fit(key)
            picture, left, top = found
            stamps.append(Stamp(picture, (round(right - left), round(down - top))))
        return stamps

    def _fit(self, key: tuple[int, ...]) -> tuple[pygame.Surface, float, float]:
        """A picture at the size asked for, and its foot's pixels from the left and the top."""
        *names, px = key
        master = tuple(names)
        if master not in self._masters:
            if len(self._masters) > MASTERS_KEPT:
                self._masters.clear()
            self._masters[master] = self._take(*master)
        picture, left, top = self._masters[master]
        width, height = picture.get_size()
        factor = px / (self._spans[master[0]] * SIZE_STEP ** master[-1])
        size = max(1, round(width * factor)), max(1, round(height * factor))
        scaled = pygame.transform.smoothscale(picture, size)
        if max(size) < PACKED_PX:
            scaled = packed(scaled)
        if len(self._scaled) > SCALED_KEPT:
            self._scaled.clear()
        found = self._scaled[key] = scaled, left * size[0] / width, top * size[1] / height
        return found

    def shadow(self, across: int, down: int) -> pygame.Surface:
        """A see-through dark ellipse with these half axes in pixels."""
        found = self._shadows.get((across, down))
        if found is None:
            if len(self._shadows) > SCALED_KEPT:
                self._shadows.clear()
            found = pygame.Surface((2 * across, 2 * down), pygame.SRCALPHA)
            pygame.draw.ellipse(found, (10, 24, 30, 46), found.get_rect())
            self._shadows[across, down] = found
        return found

    def _take(
        self, subject: int, turn: int, octant: int, rise: int, air: int, step: int
    ) -> tuple[pygame.Surface, float, float]:
        """Draw a mesh from far off, larger than needed, and shrink it."""
        mesh = self._subjects[subject].mesh
        unit_px = SIZE_STEP**step
        thick = mesh.radius.max()
        reach = float(np.hypot(mesh.points[:, 0], mesh.points[:, 1]).max() + thick)
        top, bottom = mesh.points[:, 2].max() + thick, mesh.points[:, 2].min() - thick
        tilt = float(np.clip(rise * PITCH_STEP, -1.2, 1.2))
        lean = abs(np.sin(tilt)) * reach
        up = int(np.ceil((max(top, 0.0) + lean) * unit_px)) + 3
        down = int(np.ceil((max(-bottom, 0.0) + lean) * unit_px)) + 3
        half = int(np.ceil(reach * unit_px)) + 2
        # The foot is in the middle of the camera's picture, of which the lower part may be empty.
        above = max(up, down)
        size = (2 * half * SUPERSAMPLE, 2 * above * SUPERSAMPLE)
        distance = 40.0 * max(reach, float(top))
        eye = distance * np.array([0.0, -np.cos(tilt), np.sin(tilt)])
        focal = unit_px * SUPERSAMPLE * distance / size[1]
        camera = Camera(eye, -tilt, 0.0, focal, size)
        picture = pygame.Surface((size[0], (above + down) * SUPERSAMPLE), pygame.SRCALPHA)
        draw_mesh(
            picture,
            camera,
            mesh,
            np.zeros(3),
            turned(-np.pi / 2.0 - 2.0 * np.pi * turn / TURN_STEPS),
            1.0,
            self._subjects[subject].color,
            self._light_there(octant, distance, air),
            smooth=False,
        )
        small = pygame.transform.smoothscale(picture, (2 * half, above + down))
        used = small.get_bounding_rect().union((half, above, 1, 1))
        return small.subsurface(used).copy(), float(half - used.x), float(above - used.y)

    def _light_there(self, octant: int, distance: float, air: int) -> Light:
        """This light turned as the eye is turned, with as much haze as asked at a distance."""
        light = self._light
        swing = -np.pi / 2.0 - octant * (np.pi / 4.0)
        cos, sin = np.cos(swing), np.sin(swing)
        x, y, z = light.direction.tolist()
        haze_m = distance / max(-float(np.log(1.0 - min(air / AIR_STEPS, 0.999))), 1e-9)
        side = np.array([cos * x - sin * y, sin * x + cos * y, z])
        return Light(side, light.sun, light.ambient, light.haze, haze_m, light.glow)
