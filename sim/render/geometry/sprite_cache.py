"""Sprites of meshes, cached by size, direction and haze, for meshes that are small on the screen.

A master sprite is rendered per step of size and of direction; sprites scaled from it fit exactly.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pygame

from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import Light, draw_mesh, rotation_matrix
from sim.render.geometry.shapes import Mesh
from sim.render.geometry.sprite_store import Sprite, SpriteStore
from sim.render.geometry.sprites import packed

SPRITE_PX = 150.0
"""Meshes lower and narrower than this on the screen are drawn as sprites."""
ROUND_SPRITE_PX = 520.0
"""The same for meshes that look alike from all sides, whose sprites stay valid longer."""
SIZE_STEP = 1.4
"""Master sprites are this factor apart in size."""
TURN_STEPS = 96
"""Steps of direction in a full turn."""
PITCH_STEP = 0.10
"""rad"""
HAZE_STEPS = 16
MASTER_OVERSAMPLE = 3
MASTER_BYTES = 8_000_000
SCALED_BYTES = 8_000_000
SHADOW_BYTES = 2_000_000
"""Most memory of the sprites kept."""
PACKED_PX = 200
"""Sprites larger than this are not packed: they change size too often for it to pay."""
COARSE_PX = 96.0
"""From this size on sprites are scaled in steps of two pixels: no edge is off by more than one."""

DrawCall = Callable[[pygame.Surface], None]
DrawItem = tuple[float, DrawCall]
"""Depth in m along the view, and what draws there."""

MasterKey = tuple[int, int, int, int, int, int]
"""Source, turn, octant, rise, haze and size, in steps: see ``SpriteCache.blits``."""


class Blit(NamedTuple):
    """A draw call that blits a sprite with its upper left corner at a pixel."""

    sprite: pygame.Surface
    corner: tuple[int, int]

    def __call__(self, surface: pygame.Surface) -> None:
        surface.blit(self.sprite, self.corner)


def draw_back_to_front(surface: pygame.Surface, items: Iterable[DrawItem]) -> None:
    """Run all draw calls, the deepest first; Blits that follow each other are made in one call."""
    blits: list[Blit] = []
    for _, draw in sorted(items, key=lambda item: -item[0]):
        if isinstance(draw, Blit):
            blits.append(draw)
            continue
        if blits:
            surface.fblits(blits)
            blits = []
        draw(surface)
    surface.fblits(blits)


@dataclass(frozen=True, slots=True)
class SpriteSource:
    """A mesh in one colour, of which sprites are made."""

    mesh: Mesh
    color: tuple[int, int, int]
    span: float  # the larger of its height and breadth, per unit of the mesh
    round: bool  # looks the same from all sides


class SpriteCache:
    """Sprites of some sources in one light."""

    def __init__(self, sources: list[SpriteSource], light: Light) -> None:
        self._sources = sources
        self._spans = np.array([source.span for source in sources])
        self._round = np.array([source.round for source in sources], bool)
        self._light = light
        self._masters = SpriteStore[MasterKey](MASTER_BYTES)
        self._scaled = SpriteStore[tuple[int, ...]](SCALED_BYTES)
        self._shadows = SpriteStore[tuple[int, int]](SHADOW_BYTES)

    def fit(self, size: tuple[int, int]) -> None:
        """Keep as many sprites as pictures of a size in px need."""
        for store in (self._masters, self._scaled, self._shadows):
            store.fit(size)

    def blits(
        self,
        source: np.ndarray,
        toward: np.ndarray,
        heading: np.ndarray,
        unit_px: np.ndarray,
        distance: np.ndarray,
        foot: np.ndarray,
    ) -> list[Blit]:
        """Blits of N sprites whose origins are at pixels foot (N, 2).

        source: (N,) index of each one's source. toward: (N, 3) m from each to the camera.
        heading: (N,) rad. unit_px: (N,) pixels per unit of the mesh. distance: (N,) m, for haze.
        """
        x, y, z = toward.T
        bearing = np.arctan2(y, x)
        px = unit_px * self._spans[source]
        # Small sprites turn in coarser steps: what matters is how many pixels a step moves.
        skip = np.where(px < 16.0, 4.0, np.where(px < 40.0, 2.0, 1.0))
        turn = np.rint((bearing - heading) / (2.0 * np.pi) * TURN_STEPS / skip) * skip
        coarse = np.where(px < COARSE_PX, 1.0, 2.0)
        columns = (
            source,
            np.where(self._round[source], 0.0, turn % TURN_STEPS),
            np.rint(bearing / (np.pi / 4.0)) % 8,
            np.rint(np.arctan2(z, np.hypot(x, y)) / PITCH_STEP),
            np.rint((1.0 - np.exp(-distance / self._light.haze_m)) * HAZE_STEPS),
            np.ceil(np.log(unit_px) / np.log(SIZE_STEP)),
            np.maximum(1.0, np.rint(px / coarse) * coarse),
        )
        keys = np.array(columns).T.astype(int).tolist()
        blits = []
        for key, (right, down) in zip(map(tuple, keys), foot.tolist(), strict=True):
            sprite, left, top = self._scaled.get(key, self._scaled_sprite)
            blits.append(Blit(sprite, (round(right - left), round(down - top))))
        return blits

    def _scaled_sprite(self, key: tuple[int, ...]) -> Sprite:
        """A sprite of px pixels."""
        *steps, px = key
        source, *_, step = steps
        master, left, top = self._masters.get(tuple(steps), self._render)
        width, height = master.get_size()
        factor = px / (self._spans[source] * SIZE_STEP**step)
        size = max(1, round(width * factor)), max(1, round(height * factor))
        scaled = pygame.transform.smoothscale(master, size)
        if max(size) < PACKED_PX:
            scaled = packed(scaled)
        return Sprite(scaled, left * size[0] / width, top * size[1] / height)

    def shadow(self, across: int, down: int) -> pygame.Surface:
        """A translucent dark ellipse with these half axes in pixels."""
        return self._shadows.get((across, down), _ellipse).surface

    def _render(self, key: MasterKey) -> Sprite:
        """A master sprite: the mesh, drawn from afar MASTER_OVERSAMPLE times too large, shrunk."""
        source, turn, octant, rise, haze, step = key
        mesh = self._sources[source].mesh
        unit_px = SIZE_STEP**step
        thick = mesh.radius.max()
        reach = float(np.hypot(mesh.points[:, 0], mesh.points[:, 1]).max() + thick)
        top, bottom = mesh.points[:, 2].max() + thick, mesh.points[:, 2].min() - thick
        tilt = float(np.clip(rise * PITCH_STEP, -1.2, 1.2))
        lean = abs(np.sin(tilt)) * reach
        up = int(np.ceil((max(top, 0.0) + lean) * unit_px)) + 3
        down = int(np.ceil((max(-bottom, 0.0) + lean) * unit_px)) + 3
        half = int(np.ceil(reach * unit_px)) + 2
        # The origin is in the middle of the camera's picture, whose lower part may be empty.
        above = max(up, down)
        size = (2 * half * MASTER_OVERSAMPLE, 2 * above * MASTER_OVERSAMPLE)
        distance = 40.0 * max(reach, float(top))
        eye = distance * np.array([0.0, -np.cos(tilt), np.sin(tilt)])
        focal = unit_px * MASTER_OVERSAMPLE * distance / size[1]
        camera = Camera(eye, -tilt, 0.0, focal, size)
        sprite = pygame.Surface((size[0], (above + down) * MASTER_OVERSAMPLE), pygame.SRCALPHA)
        draw_mesh(
            sprite,
            camera,
            mesh,
            np.zeros(3),
            rotation_matrix(-np.pi / 2.0 - 2.0 * np.pi * turn / TURN_STEPS),
            1.0,
            self._sources[source].color,
            self._light_from(octant, distance, haze),
            smooth=False,
        )
        small = pygame.transform.smoothscale(sprite, (2 * half, above + down))
        used = small.get_bounding_rect().union((half, above, 1, 1))
        return Sprite(small.subsurface(used).copy(), float(half - used.x), float(above - used.y))

    def _light_from(self, octant: int, distance: float, haze: int) -> Light:
        """This light turned with the view, with the haze of a step at a distance in m."""
        light = self._light
        swing = -np.pi / 2.0 - octant * (np.pi / 4.0)
        cos, sin = np.cos(swing), np.sin(swing)
        x, y, z = light.direction.tolist()
        haze_m = distance / max(-float(np.log(1.0 - min(haze / HAZE_STEPS, 0.999))), 1e-9)
        side = np.array([cos * x - sin * y, sin * x + cos * y, z])
        return Light(side, light.sun, light.ambient, light.haze, haze_m, light.glow)


def _ellipse(half: tuple[int, int]) -> Sprite:
    """The flat shadow under an item; half: its half axes in px."""
    image = pygame.Surface((2 * half[0], 2 * half[1]), pygame.SRCALPHA)
    pygame.draw.ellipse(image, (10, 24, 30, 46), image.get_rect())
    return Sprite(image)
