"""Silhouettes in the distance on all sides: hills, mountains, woods, dunes, skylines.

Each has a place in the world and shifts by the projection. It sinks into the ground as the camera
comes near, so that there are always others behind and none appears suddenly.
"""

import numpy as np
import pygame

from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import Light
from sim.render.geometry.shapes import rgb_array
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
SPRITES_KEPT = 900
COLUMN_PX = 20.0
CELLS = 8
"""What silhouettes hide is worked out per column of the picture and per part of their width."""


class Backdrop:
    """The silhouettes of one stage in one light."""

    def __init__(self, ridges: list[Ridge], light: Light, seed: int) -> None:
        self._ridges = ridges
        self._light = light
        self._seed = seed
        self._tiles = TileCache(60.0, self._build)
        self._sprites: dict[tuple[int, int, int, int, int], pygame.Surface] = {}
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
        sprites = self._sprites
        blits = []
        for x, y, below, key in zip(left.tolist(), foot.tolist(), covered, keys, strict=True):
            sprite = sprites.get(key) or self._sprite(key)
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

    def _sprite(self, key: tuple[int, int, int, int, int]) -> pygame.Surface:
        number, shape, wide, tall, haze = key
        if len(self._sprites) > SPRITES_KEPT:
            self._sprites.clear()
        distance = -self._light.haze_m * float(np.log(1.0 - min(haze / HAZE_STEPS, 0.995)))
        color = self._light.hazed(self._colors[number], distance)
        kind = self._ridges[number].kind
        if kind == "skyline":
            glow = self._light.glow * 0.85 * float(np.exp(-0.5 * distance / self._light.haze_m))
            sprite = _tower((wide, tall), color, glow, shape)
        else:
            sprite = _silhouette(kind, (wide, tall), color, shape)
        self._sprites[key] = sprite
        return sprite


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


def _silhouette(kind: str, size: tuple[int, int], color: np.ndarray, shape: int) -> pygame.Surface:
    """Sprite of a hill, a mountain or a wood with smooth edges, on FOOT_PX of its own colour."""
    wide, tall = size
    profile, height = _outline(kind, shape)
    fine = 2
    big = pygame.Surface((wide * fine, (tall + FOOT_PX) * fine), pygame.SRCALPHA)
    tone = color.astype(int).tolist()
    big.fill((*tone, 0))
    xs = (profile + 1.0) * 0.5 * wide * fine
    ys = (1.0 - height) * tall * fine
    bottom = (tall + FOOT_PX) * fine
    outline = list(zip(xs.tolist(), ys.tolist(), strict=True))
    pygame.draw.polygon(big, tone, [(0, bottom), *outline, (wide * fine, bottom)])
    if kind == "mountains":
        # The flank away from the sun.
        peak = int(np.argmax(height))
        dark = (color * 0.86).astype(int).tolist()
        ridge = [(xs[peak] + w * 0.06 * wide, ys[peak] + h * tall * fine)
                 for w, h in ((0.3, 0.18), (-0.1, 0.35), (0.35, 0.6), (0.15, 1.0))]  # fmt: skip
        flank = [outline[peak], *ridge, (xs[peak], bottom), *outline[: peak - 1 : -1]]
        pygame.draw.polygon(big, dark, flank)
    return packed(pygame.transform.smoothscale(big, (wide, tall + FOOT_PX)))


def _tower(size: tuple[int, int], color: np.ndarray, glow: float, shape: int) -> pygame.Surface:
    """Sprite of a block with its windows, some of them lit by ``glow``, on FOOT_PX."""
    first, second, third = cell_uniforms(np.array([shape]), np.array([5]), 11, 3)[0].tolist()
    shade = np.clip(color * (0.86 + 0.26 * first), 0, 255)
    wide, tall = size
    mast = max(1, int(0.12 * tall)) if second > 0.4 else 0
    sprite = pygame.Surface((wide, tall + FOOT_PX + mast), pygame.SRCALPHA)
    sprite.fill((*shade.astype(int).tolist(), 255), (0, mast, wide, tall + FOOT_PX))
    if mast:
        block = (0.25 * wide, 0.4 * mast, 0.45 * wide, mast)
        spire = (0.45 * wide, 0, max(1.0, 0.03 * wide), mast)
        sprite.fill((*shade.astype(int).tolist(), 255), block if second < 0.75 else spire)
    columns, rows = max(2, int(4 + 5 * third)), max(3, int(7 + 11 * first))
    cell = wide / columns, tall / rows
    if min(cell) < WINDOW_PX:
        return sprite
    ix, iy = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
    on = cell_uniforms(ix, iy, shape, 1)[..., 0] < 0.42
    glass = (shade * 0.88 + 12.0).clip(0, 255).astype(int).tolist()
    shine = (shade + (np.array([255.0, 222.0, 140.0]) - shade) * glow).astype(int).tolist()
    for column in range(columns):
        for row in range(rows):
            spot = (
                int((column + 0.26) * cell[0]),
                mast + int((row + 0.3) * cell[1]),
                max(1, round(0.48 * cell[0])),
                max(1, round(0.42 * cell[1])),
            )
            sprite.fill((*(shine if on[column, row] else glass), 255), spot)
    return sprite
