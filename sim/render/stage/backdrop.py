"""Silhouettes in the distance on all sides: hills, mountains, woods, dunes, skylines.

Each has a place in the world and shifts by the projection. It sinks into the ground as the camera
comes near, so that there are always others behind and none appears suddenly.
"""

from functools import cache

import numpy as np
import pygame

from sim.camera.director import FOCAL
from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import Light
from sim.render.geometry.polygons import clip_outline
from sim.render.geometry.shapes import rgb_array
from sim.render.geometry.sprite_store import Sprite, SpriteStore
from sim.render.geometry.sprites import packed
from sim.render.stage.ground import in_boxes
from sim.render.stage.stage_file import Ridge
from sim.render.stage.tiling import TileCache, cell_uniforms, cells_around

RISING = 0.22
"""Share of a ridge's band of distances, at both ends, over which its silhouettes rise."""
VARIANTS = 12
"""Different outlines of one kind."""
HAZE_STEPS = 24
FOOT_PX = 3
"""Height of the plain strip below a silhouette."""
WINDOW_PX = 3.0
"""Windows of a skyline are drawn where their cells are at least this large."""
SPRITE_BYTES = 12_000_000
"""Most memory of the sprites kept."""
LARGEST = 2.0
"""Silhouettes wider or taller than this many pictures are drawn anew, as far as they are seen. Zoom
lowers it: all silhouettes grow then, and each step of it asks for new sizes of all of them."""
COLUMN_PX = 20.0
CELLS = 8
"""What silhouettes hide is worked out per column of the picture and per part of their width."""


Key = tuple[int, int, int, int, int]
"""Number of the ridge, shape, width and height in px, and steps of haze of a silhouette."""


class Backdrop:
    """The silhouettes of one stage in one light."""

    def __init__(self, ridges: list[Ridge], light: Light, seed: int) -> None:
        self._ridges = ridges
        self._light = light
        self._seed = seed
        self._tiles = TileCache(60.0, self._build)
        self._sprites = SpriteStore[Key](SPRITE_BYTES)
        # Share of the height that is opaque, in CELLS equal parts of the width.
        self._solid_share = np.array(
            [_solid_share(ridge.kind, shape) for ridge in ridges for shape in range(VARIANTS)]
        ).ravel()
        self._colors = [light.lit(rgb_array(r.color), 0.75, 0.0) for r in ridges]

    def _build(self, centre: np.ndarray) -> np.ndarray:
        """Silhouettes round a centre.

        (N, 10) x, y, 0, ridge, width, height, near and far end of the band, two uniform numbers.
        Lengths are in m.
        """
        rows = [np.zeros((0, 10))]
        for number, ridge in enumerate(self._ridges):
            ix, iy = cells_around(centre, ridge.cell, ridge.distance[1] + 60.0 * TileCache.MARGIN)
            uniform = cell_uniforms(ix, iy, self._seed + 101 * number, 7)
            row = np.zeros((len(ix), 10))
            row[:, 0] = (ix + uniform[:, 0]) * ridge.cell
            row[:, 1] = (iy + uniform[:, 1]) * ridge.cell
            row[:, 3] = number
            row[:, 4] = ridge.width[0] + (ridge.width[1] - ridge.width[0]) * uniform[:, 3]
            row[:, 5] = ridge.height[0] + (ridge.height[1] - ridge.height[0]) * uniform[:, 4]
            row[:, 6:8] = ridge.distance
            row[:, 8:] = uniform[:, 5:]
            keep = (uniform[:, 2] < ridge.chance) & in_boxes(
                row[:, :2], [((None, None), ridge.only)]
            )
            rows.append(row[keep])
        return np.concatenate(rows)

    def draw(self, surface: pygame.Surface, camera: Camera) -> None:
        """Draw all silhouettes, the farthest first."""
        if not self._ridges:
            return
        table = self._tiles.at(float(camera.position[0]), float(camera.position[1]))
        self._sprites.fit(camera.size)
        middle, focal = camera.size[0] / 2, camera.focal_px
        view = camera.to_view(table[:, :3])
        # What is far beside the picture is left out before the rest is worked out.
        depth = np.maximum(view[:, 2], 1.0)
        edge = (middle / focal) * depth + 0.5 * table[:, 4]
        ahead = (view[:, 2] > 0.5 * table[:, 6]) & (np.abs(view[:, 0]) < edge)
        table, view, depth = table[ahead], view[ahead], depth[ahead]
        away = np.hypot(table[:, 0] - camera.position[0], table[:, 1] - camera.position[1])
        margin = RISING * (table[:, 7] - table[:, 6])
        nearest = np.minimum(away - table[:, 6], table[:, 7] - away)
        rise = np.minimum(np.maximum(nearest / margin, 0.0), 1.0)
        scale = focal / depth
        risen = rise * rise * (3.0 - 2.0 * rise)
        tall = table[:, 5] * scale
        seen = np.flatnonzero(tall * risen > 0.8)
        seen = seen[np.argsort(-depth[seen], kind="stable")]
        table, view, scale, tall = table[seen], view[seen], scale[seen], tall[seen]
        wide = table[:, 4] * scale
        grain = np.where(wide < 200.0, 4.0, 16.0)
        across = np.maximum(2.0, np.rint(wide / grain) * grain)
        grain = np.where(tall < 48.0, 1.0, 2.0)
        up = np.maximum(1.0, np.rint(tall / grain) * grain)
        haze = np.rint((1.0 - np.exp(-depth[seen] / self._light.haze_m)) * HAZE_STEPS)
        keys = np.array([table[:, 3], table[:, 8] * VARIANTS, across, up, haze]).T
        left = np.rint(middle + view[:, 0] * scale - 0.5 * across).astype(int)
        ground = np.rint(camera.size[1] / 2 - view[:, 1] * scale).astype(int)
        # Near the ends of its band a silhouette stands with its foot below the ground.
        foot = ground + np.rint((1.0 - risen[seen]) * up).astype(int)
        covered = self._covered(camera.size[0], table, left, foot, across, up)
        covered = np.minimum(covered, ground + FOOT_PX).astype(int).tolist()
        keys = map(tuple, keys.astype(int).tolist())
        most = LARGEST * min(1.0, FOCAL / camera.focal) ** 4
        large = (across > most * camera.size[0]) | (up > most * camera.size[1])
        blits: list[tuple[pygame.Surface, tuple[int, int], tuple[int, int, int, int]]] = []
        rows = zip(left.tolist(), foot.tolist(), covered, keys, large.tolist(), strict=True)
        for x, y, below, key, is_large in rows:
            if is_large:
                surface.blits(blits, False)
                blits = []
                self._draw_large(surface, key, (x, y), below)
                continue
            sprite = self._sprites.get(key, self._sprite).surface
            wide, tall = sprite.get_size()
            top = y + FOOT_PX - tall
            if below > top:
                blits.append((sprite, (x, top), (0, 0, wide, min(tall, below - top))))
        surface.blits(blits, False)

    def _covered(
        self,
        width: int,
        table: np.ndarray,
        left: np.ndarray,
        foot: np.ndarray,
        wide: np.ndarray,
        tall: np.ndarray,
    ) -> np.ndarray:
        """(N,) row of the picture below which nearer silhouettes hide each, the deepest first.

        All are in pixels. Nearer feet are lower, so what is hidden at a row is hidden below it.
        """
        edges = np.arange(0.0, width + COLUMN_PX, COLUMN_PX)
        cell = (edges - left[:, None]) * (CELLS / wide)[:, None]
        shape = (table[:, 3] * VARIANTS).astype(int) + (table[:, 8] * VARIANTS).astype(int)
        part = np.minimum(np.maximum(cell, 0.0), CELLS - 1.0).astype(int)
        solid = self._solid_share[part + (CELLS * shape)[:, None]]
        top = foot[:, None] - np.minimum(solid[:, :-1], solid[:, 1:]) * tall[:, None]
        broad = (wide >= CELLS * COLUMN_PX)[:, None]  # so that a column spans at most two cells
        top[(cell[:, :-1] < 0.0) | (cell[:, 1:] >= CELLS) | ~broad] = np.inf
        nearer = np.full((len(wide) + 1, len(edges) - 1), np.inf)
        np.minimum.accumulate(top[::-1], axis=0, out=nearer[1:])
        touched = (cell[:, 1:] > 0.0) & (cell[:, :-1] < CELLS)
        return np.where(touched, np.ceil(nearer[-2::-1]) + 1.0, 0.0).max(axis=1)

    def _look(self, key: Key) -> tuple[str, np.ndarray, float]:
        """Kind, colour (3,) and glow of the windows of a silhouette."""
        number, haze = key[0], key[4]
        distance = -self._light.haze_m * float(np.log(1.0 - min(haze / HAZE_STEPS, 0.995)))
        color = self._light.hazed(self._colors[number], distance)
        glow = self._light.glow * 0.85 * float(np.exp(-0.5 * distance / self._light.haze_m))
        return self._ridges[number].kind, color, glow

    def _sprite(self, key: Key) -> Sprite:
        _, shape, wide, tall, _ = key
        kind, color, glow = self._look(key)
        if kind != "skyline":
            return Sprite(_silhouette(kind, (wide, tall), color, shape))
        mast = _mast(tall, shape)
        sprite = pygame.Surface((wide, tall + FOOT_PX + mast), pygame.SRCALPHA)
        _draw_tower(sprite, (0, 0), (wide, tall), color, glow, shape)
        return Sprite(sprite)

    def _draw_large(
        self, surface: pygame.Surface, key: Key, foot: tuple[int, int], below: int
    ) -> None:
        """Draw the part of a silhouette that is in the picture and above row ``below``.

        foot: px, its left edge and its ground.
        """
        _, shape, wide, tall, _ = key
        kind, color, glow = self._look(key)
        room = surface.get_rect()
        room.height = min(room.height, max(0, below))
        left, top = foot[0], foot[1] - tall
        if kind == "skyline":
            surface.set_clip(room)
            _draw_tower(surface, (left, top - _mast(tall, shape)), (wide, tall), color, glow, shape)
            surface.set_clip(None)
            return
        for tone, outline in _shapes(kind, (left, top), (wide, tall), color, shape):
            seen = clip_outline(outline, *room.size)
            if len(seen) > 2:
                surface.set_clip(room)
                pygame.draw.polygon(surface, tone, seen)
                pygame.draw.aalines(surface, tone, True, seen)
                surface.set_clip(None)


@cache
def _outline(kind: str, shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Profile of a silhouette: places along its width -1..1 (41,), heights there 0..1 (41,)."""
    variation = (shape + 0.5) / VARIANTS
    profile = np.linspace(-1.0, 1.0, 41)
    if kind == "mountains":
        jag = np.abs((profile * 3.1 + variation * 7.0) % 1.0 - 0.5)
        height = (1.0 - np.abs(profile)) ** 1.15 * (0.82 + 0.5 * jag)
    elif kind == "woods":
        bumps = np.abs(np.sin(profile * 11.0 + variation * 9.0))
        bumps = 0.74 + 0.16 * bumps + 0.10 * np.abs(np.sin(profile * 23.0 + variation * 5.0))
        height = np.clip(1.3 - profile**4 * 1.3, 0.0, 1.0) * bumps
    else:
        height = (0.5 + 0.5 * np.cos(np.pi * profile)) * (1.0 + 0.25 * (variation - 0.5) * profile)
    return profile, height / height.max()


def _solid_share(kind: str, shape: int) -> np.ndarray:
    """(CELLS,) share of the height up to which each part of a silhouette is opaque."""
    if kind == "skyline":
        return np.ones(CELLS)
    _, height = _outline(kind, shape)
    step = (len(height) - 1) // CELLS
    return np.array([height[i * step : (i + 1) * step + 1].min() for i in range(CELLS)])


def _shapes(
    kind: str,
    corner: tuple[float, float],
    size: tuple[float, float],
    color: np.ndarray,
    shape: int,
    foot: float = FOOT_PX,
) -> list[tuple[list[int], list[tuple[float, float]]]]:
    """Colours and outlines of a hill, a mountain or a wood with its upper left corner at a pixel.

    size: width and height above the ground; foot: how far it goes on below, all in px.
    """
    wide, tall = size
    left, top = corner
    profile, height = _outline(kind, shape)
    xs = (profile + 1.0) * 0.5 * wide + left
    ys = (1.0 - height) * tall + top
    bottom = tall + foot + top
    outline = list(zip(xs.tolist(), ys.tolist(), strict=True))
    whole = [(left, bottom), *outline, (wide + left, bottom)]
    shapes = [(color.astype(int).tolist(), whole)]
    if kind == "mountains":
        # The flank away from the sun.
        peak = int(np.argmax(height))
        ridge = [(float(xs[peak] + w * 0.03 * wide), float(ys[peak] + h * tall))
                 for w, h in ((0.3, 0.18), (-0.1, 0.35), (0.35, 0.6), (0.15, 1.0))]  # fmt: skip
        flank = [outline[peak], *ridge, (float(xs[peak]), bottom), *outline[: peak - 1 : -1]]
        shapes.append(((color * 0.86).astype(int).tolist(), flank))
    return shapes


def _silhouette(kind: str, size: tuple[int, int], color: np.ndarray, shape: int) -> pygame.Surface:
    """Sprite of a hill, a mountain or a wood with smooth edges, on FOOT_PX of its own colour."""
    wide, tall = size
    fine = 2
    big = pygame.Surface((wide * fine, (tall + FOOT_PX) * fine), pygame.SRCALPHA)
    big.fill((*color.astype(int).tolist(), 0))
    fine_size = (wide * fine, tall * fine)
    for tone, outline in _shapes(kind, (0.0, 0.0), fine_size, color, shape, FOOT_PX * fine):
        pygame.draw.polygon(big, tone, outline)
    return packed(pygame.transform.smoothscale(big, (wide, tall + FOOT_PX)))


def _mast(tall: int, shape: int) -> int:
    """Height in px of what stands on the roof of a tower."""
    return max(1, int(0.12 * tall)) if _tower_look(shape)[1] > 0.4 else 0


@cache
def _tower_look(shape: int) -> tuple[float, float, float, list[list[bool]]]:
    """Three numbers 0..1 that a tower's looks follow from, and which windows are lit."""
    first, second, third = cell_uniforms(np.array([shape]), np.array([5]), 11, 3)[0].tolist()
    columns, rows = _windows(first, third)
    ix, iy = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
    return first, second, third, (cell_uniforms(ix, iy, shape, 1)[..., 0] < 0.42).tolist()


def _windows(first: float, third: float) -> tuple[int, int]:
    """Columns and rows of a tower's windows."""
    return max(2, int(4 + 5 * third)), max(3, int(7 + 11 * first))


def _draw_tower(
    surface: pygame.Surface,
    corner: tuple[int, int],
    size: tuple[int, int],
    color: np.ndarray,
    glow: float,
    shape: int,
) -> None:
    """Draw a block with its windows, some of them lit by ``glow``, on FOOT_PX.

    corner: px, upper left, of the mast where it has one. size: of the block.
    """
    first, second, third, on = _tower_look(shape)
    shade = np.clip(color * (0.86 + 0.26 * first), 0, 255)
    wide, tall = size
    left, top = corner
    mast = _mast(tall, shape)
    surface.fill((*shade.astype(int).tolist(), 255), (left, top + mast, wide, tall + FOOT_PX))
    if mast:
        block = (left + 0.25 * wide, top + 0.4 * mast, 0.45 * wide, mast)
        spire = (left + 0.45 * wide, top, max(1.0, 0.03 * wide), mast)
        surface.fill((*shade.astype(int).tolist(), 255), block if second < 0.75 else spire)
    columns, rows = _windows(first, third)
    cell = wide / columns, tall / rows
    if min(cell) < WINDOW_PX:
        return
    glass = [*(shade * 0.88 + 12.0).clip(0, 255).astype(int).tolist(), 255]
    lit = shade + (np.array([255.0, 222.0, 140.0]) - shade) * glow
    shine = [*lit.astype(int).tolist(), 255]
    for column in range(columns):
        for row in range(rows):
            spot = (
                left + int((column + 0.26) * cell[0]),
                top + mast + int((row + 0.3) * cell[1]),
                max(1, round(0.48 * cell[0])),
                max(1, round(0.42 * cell[1])),
            )
            surface.fill(shine if on[column][row] else glass, spot)
