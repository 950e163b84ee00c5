"""The ground: a plane to the horizon, marks painted on it, and specks strewn over it.

Everything has a place in world metres and is projected, so that speed over the ground shows.
"""

import itertools
import math

import numpy as np
import pygame

from sim.camera.pinhole import NEAR_M, Camera
from sim.render.geometry.mesh import Light
from sim.render.geometry.polygons import clip_view, is_slanted
from sim.render.geometry.shapes import rgb_array
from sim.render.geometry.sprites import SPECK_FADES, SPECK_PX, speck, speck_height
from sim.render.stage.stage_file import Bounds, Mark, Specks, StageFile, Stripes
from sim.render.stage.tiling import TileCache, cell_uniforms, cells_around

BAND_EDGES_M = np.array([0.0, 30.0, 100.0, 350.0, 2000.0])
"""Endless bands are cut at these distances from the camera, so that far parts take haze."""
FAR_GROUND_M = 120.0
"""Distance at which the ground has 63 % of its far colour."""
SNOW = np.array([244.0, 247.0, 251.0])
SNOW_COVER = 0.84
"""Share of the ground that is white when it snows."""
ROUND_M = 0.006
"""Largest distance between a painted circle and its chords."""
MIN_COVER = 0.06
"""Marks that cover less than this share of a pixel's width are left out."""
WIDEST = 4.0
"""No more ground than this is looked at to each side, in reaches; only fisheyes see more."""
CLIP_PX = 30_000.0
"""Polygons that reach farther outside the picture are clipped: filling them would overflow."""
CONTRAST = 100.0
"""Marks that differ less from what is under them (sum of red, green, blue) are not anti-aliased."""


class Ground:
    """The ground of one stage in one light."""

    def __init__(self, stage: StageFile, weather: str, light: Light, seed: int) -> None:
        self._light = light
        self._snow = SNOW_COVER if weather == "snow" and stage.sky == "open" else 0.0
        self._color = self._lit(stage.ground)
        self._far = self._lit(stage.far_ground or stage.ground)
        self._layers: list[_Polygons | _Band | _Stripes] = []
        for mark in stage.marks:
            color, under = self._lit(mark.color), self._lit(mark.under or stage.ground)
            if mark.band is not None:
                self._layers.append(_Band(mark, color))
            elif mark.stripes is not None:
                self._layers.append(_Stripes(mark.stripes, color, under))
            elif self._layers and isinstance(self._layers[-1], _Polygons):
                self._layers[-1].add(mark_outlines(mark), color, under)
            else:
                self._layers.append(_Polygons())
                self._layers[-1].add(mark_outlines(mark), color, under)
        self._speck_fields = [
            _SpeckField(specks, light, seed + 7919 * number)
            for number, specks in enumerate(stage.specks)
        ]

    def _lit(self, color: str) -> np.ndarray:
        bare = rgb_array(color)
        return self._light.lit(bare + (SNOW - bare) * self._snow, 0.9, 0.0)

    @property
    def color(self) -> tuple[int, int, int]:
        """Colour of the bare ground near the camera, 0..255."""
        red, green, blue = self._color.astype(int).tolist()
        return red, green, blue

    def draw(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        """Draw the marks and specks on the ground; call ``fill`` first."""
        if camera.position[2] <= 0.0:
            return
        shapes = [layer.shapes(camera) for layer in self._layers]
        if shapes:
            parts = (np.concatenate(part) for part in zip(*shapes, strict=True))
            draw_polygons(surface, camera, *parts, self._light)
        for field in self._speck_fields:
            field.draw(surface, camera, time)

    def fill(self, surface: pygame.Surface, camera: Camera) -> None:
        """Fill everything below the horizon."""
        height = camera.size[1]
        horizon = height / 2 + camera.focal_px * np.tan(camera.pitch)
        top = max(0, int(np.ceil(horizon)))
        if top >= height:
            return
        rows = np.arange(top, height)
        # Distance along the rays down the middle of the picture.
        sink = (rows + 0.5 - height / 2) / camera.focal_px * np.cos(camera.pitch)
        distance = max(float(camera.position[2]), 0.05) / np.maximum(
            sink - np.sin(camera.pitch), 1e-6
        )
        share = 1.0 - np.exp(-distance / FAR_GROUND_M)
        color = self._color + (self._far - self._color) * share[:, None]
        color = self._light.hazed(color, distance).astype(int) // 2 * 2
        fill_rows(surface, top, color)


def fill_rows(surface: pygame.Surface, top: int, colors: np.ndarray) -> None:
    """Fill the rows of a picture from ``top`` on with colours (N, 3) int, equal rows at once."""
    change = np.flatnonzero(np.abs(np.diff(colors, axis=0)).sum(axis=1) > 0) + 1
    edges = [0, *change.tolist(), len(colors)]
    for first, last in itertools.pairwise(edges):
        surface.fill(colors[first].tolist(), (0, top + first, surface.get_width(), last - first))


def in_boxes(spots: np.ndarray, boxes: list[tuple[Bounds, Bounds]]) -> np.ndarray:
    """(N,) bool, which points (N, 2 or 3) lie in any of the boxes (x range, y range)."""
    inside = np.zeros(len(spots), bool)
    for ranges in boxes:
        inside_box = np.ones(len(spots), bool)
        for axis, (low, high) in enumerate(ranges):
            if low is not None:
                inside_box &= spots[:, axis] >= low
            if high is not None:
                inside_box &= spots[:, axis] <= high
        inside |= inside_box
    return inside


def mark_outlines(mark: Mark) -> list[np.ndarray]:
    """The polygons (n, 2) m of a mark; rings and lines come in convex pieces."""
    if mark.polygon is not None:
        return [np.array(mark.polygon, float)]
    if mark.disc is not None:
        x, y, radius = mark.disc
        angle = np.linspace(0.0, 2.0 * np.pi, _arc_steps(radius, 2.0 * np.pi) + 1)[:-1]
        return [np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)]
    if mark.ring is not None:
        x, y, radius, start, stop = mark.ring
        angle = np.linspace(start, stop, _arc_steps(radius, abs(stop - start)) + 1)
        unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        inner = np.array([x, y]) + (radius - mark.width / 2) * unit
        outer = np.array([x, y]) + (radius + mark.width / 2) * unit
        quads = np.stack([inner[:-1], outer[:-1], outer[1:], inner[1:]], axis=1)
        return list(quads)
    assert mark.line is not None
    points = np.array(mark.line, float)
    pieces = []
    for a, b in itertools.pairwise(points):
        along = (b - a) / np.linalg.norm(b - a) * mark.width / 2
        across = np.array([-along[1], along[0]])
        pieces.append(np.array([a - along + across, b + along + across, b + along - across]))
        pieces[-1] = np.concatenate([pieces[-1], [a - along - across]])
    return pieces


def _arc_steps(radius: float, turn: float) -> int:
    """Number of chords that stay within ROUND_M of an arc; radius in m, turn in rad."""
    return max(2, int(np.ceil(turn / np.arccos(1.0 - min(ROUND_M / radius, 0.3)) / 2.0)))


class _SpeckField:
    """Specks of one entry of the stage file, round the camera."""

    def __init__(self, specks: Specks, light: Light, seed: int) -> None:
        self._specks, self._seed = specks, seed
        self._colors = [light.lit(rgb_array(color), 0.9, 0.0) for color in specks.colors]
        # By colour, fade and width; made when first needed.
        self._sprites = np.empty((len(specks.colors), SPECK_FADES, SPECK_PX + 1), object)
        self._tiles = TileCache(0.3 * specks.reach, self._build)

    def _build(self, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Places (N, 3) m before drift, sizes (N,) m and colour indices (N,) of N specks."""
        specks = self._specks
        reach = specks.reach * (1.0 + 0.3 * TileCache.MARGIN)
        ix, iy = cells_around(centre, specks.cell, reach)
        uniform = cell_uniforms(ix, iy, self._seed, 5)
        spots = np.zeros((len(ix), 3))
        spots[:, 0] = (ix + uniform[:, 0]) * specks.cell
        spots[:, 1] = (iy + uniform[:, 1]) * specks.cell
        keep = uniform[:, 2] < specks.chance
        if specks.inside:
            keep &= in_boxes(spots, specks.inside)
        if specks.outside:
            keep &= ~in_boxes(spots, specks.outside)
        size = specks.size[0] + (specks.size[1] - specks.size[0]) * uniform[:, 3]
        color = (uniform[:, 4] * len(specks.colors)).astype(int)
        return spots[keep], size[keep], color[keep]

    def draw(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        drift = np.array([*self._specks.drift, 0.0]) * time
        eye = camera.position - drift
        spots, size, color = self._tiles.at(float(eye[0]), float(eye[1]))
        reach, focal = self._specks.reach, camera.focal_px
        x, y = spots[:, 0] - eye[0], spots[:, 1] - eye[1]
        cos, sin = math.cos(camera.yaw), math.sin(camera.yaw)
        ahead = cos * y - sin * x
        half = 0.52 * camera.size[0] / focal
        near = np.flatnonzero(
            (np.abs(cos * x + sin * y) < half * ahead + 1.0)
            & (ahead > 0.3)
            & (ahead < np.minimum(reach, size * (focal / 0.7)))
        )
        near = near[np.argsort(-ahead[near], kind="stable")]
        pixels, depth = camera.project(spots[near] + drift)
        px = size[near] * focal / np.maximum(depth, NEAR_M)
        px = np.maximum(np.minimum(px, SPECK_PX), 1).astype(int)
        fade = np.maximum(np.minimum(depth * (SPECK_FADES / reach), SPECK_FADES - 1), 0).astype(int)
        sprite_keys = color[near], fade, px
        sprites = self._sprites[sprite_keys].tolist()
        for i, sprite in enumerate(sprites):
            if sprite is None:
                sprites[i] = self._sprite(*(int(part[i]) for part in sprite_keys))
        corners = np.floor(pixels).astype(int)
        corners[:, 0] -= px // 2
        corners[:, 1] -= speck_height(self._specks.kind, px)
        surface.fblits(list(zip(sprites, corners.tolist(), strict=True)))

    def _sprite(self, tint: int, fade: int, px: int) -> pygame.Surface:
        if self._sprites[tint, fade, px] is None:
            sprite = speck(self._specks.kind, self._colors[tint], px, fade)
            self._sprites[tint, fade, px] = sprite
        return self._sprites[tint, fade, px]


Shapes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""K polygons: all their corners (M, 3) m, the number of corners of each (K,), their colours (K, 3)
and the colours of what lies under them (K, 3), 0..255."""


class _Polygons:
    """Marks with fixed outlines."""

    def __init__(self) -> None:
        self._shapes: Shapes = (
            np.zeros((0, 3)),
            np.zeros(0, int),
            np.zeros((0, 3)),
            np.zeros((0, 3)),
        )

    def add(self, pieces: list[np.ndarray], color: np.ndarray, under: np.ndarray) -> None:
        corners = np.concatenate(pieces)
        counts = np.array([len(piece) for piece in pieces])
        flat = np.concatenate([corners, np.zeros((len(corners), 1))], axis=1)
        tints = np.tile(color, (len(pieces), 1)), np.tile(under, (len(pieces), 1))
        more = (flat, counts, *tints)
        self._shapes = tuple(np.concatenate(pair) for pair in zip(self._shapes, more, strict=True))  # type: ignore[assignment]

    def shapes(self, camera: Camera) -> Shapes:
        return self._shapes


class _Band:
    """An endless band along an axis, in pieces that grow with distance from the camera."""

    def __init__(self, mark: Mark, color: np.ndarray) -> None:
        assert mark.band is not None
        self._axis = 0 if mark.axis == "x" else 1
        self._low = -BAND_EDGES_M[-1] if mark.band[0] is None else mark.band[0]
        self._high = BAND_EDGES_M[-1] if mark.band[1] is None else mark.band[1]
        self._color = np.tile(color, (2 * len(BAND_EDGES_M) - 2, 1))

    def shapes(self, camera: Camera) -> Shapes:
        here = camera.position[self._axis]
        edges = here + np.concatenate([-BAND_EDGES_M[:0:-1], BAND_EDGES_M])
        quads = _rectangles(self._axis, edges[:-1], edges[1:], self._low, self._high)
        return quads.reshape(-1, 3), np.full(len(quads), 4), self._color, self._color


class _Stripes:
    """Repeated bars within reach of the camera."""

    def __init__(self, stripes: Stripes, color: np.ndarray, under: np.ndarray) -> None:
        self._stripes, self._color, self._under = stripes, color, under

    def shapes(self, camera: Camera) -> Shapes:
        s = self._stripes
        axis = 0 if s.axis == "x" else 1
        box = view_box(camera, s.reach)
        low, high = _clamped(box[:, axis], s.along)
        near, far = _clamped(box[:, 1 - axis], s.across)
        if low >= high or near >= far:
            return np.zeros((0, 3)), np.zeros(0, int), np.zeros((0, 3)), np.zeros((0, 3))
        first = int(np.ceil((low - s.offset) / s.period - s.share))
        last = int(np.floor((high - s.offset) / s.period))
        start = s.offset + np.arange(first, last + 1) * s.period
        stop = start + s.share * s.period
        if s.along[0] is not None:
            start = np.maximum(start, s.along[0])
        if s.along[1] is not None:
            stop = np.minimum(stop, s.along[1])
        quads = _rectangles(axis, start, stop, near, far)
        here = camera.position[:2]
        gap = np.maximum(np.maximum(start - here[axis], here[axis] - stop), 0.0)
        share = np.clip(2.0 * (1.0 - gap / s.reach), 0.0, 1.0)[:, None]
        color = self._under + (self._color - self._under) * share
        under = np.tile(self._under, (len(quads), 1))
        return quads.reshape(-1, 3), np.full(len(quads), 4), color, under


def _clamped(seen: np.ndarray, bounds: Bounds) -> tuple[float, float]:
    """The range seen (2,), cut to the bounds."""
    low, high = float(seen[0]), float(seen[1])
    return (
        low if bounds[0] is None else max(low, bounds[0]),
        high if bounds[1] is None else min(high, bounds[1]),
    )


def view_box(camera: Camera, reach: float) -> np.ndarray:
    """(2, 2) m, low and high corner of a box round the ground in view out to ``reach`` metres."""
    half = 0.5 * camera.size[0] / camera.focal_px
    steepest = math.atan(0.5 * camera.size[1] / camera.focal_px) - camera.pitch
    nearest = 0.0
    if 0.0 < steepest < math.pi / 2.0:
        nearest = 0.8 * max(float(camera.position[2]), 0.0) / math.tan(steepest)
    # A camera that looks down sees more width than its middle row tells.
    half /= max(math.cos(camera.pitch), 0.2)
    cos, sin = math.cos(camera.yaw), math.sin(camera.yaw)
    seen = [
        (side * (min(half * depth, WIDEST * reach) + 1.0), depth)
        for depth in (min(nearest, reach), reach)
        for side in (-1.0, 1.0)
    ]
    x = [cos * right - sin * ahead for right, ahead in seen]
    y = [sin * right + cos * ahead for right, ahead in seen]
    return camera.position[:2] + np.array([[min(x), min(y)], [max(x), max(y)]])


def _rectangles(
    axis: int, start: np.ndarray, stop: np.ndarray, low: float, high: float
) -> np.ndarray:
    """(K, 4, 3) m, rectangles from start to stop (K,) along an axis, low to high across it."""
    quads = np.zeros((len(start), 4, 3))
    quads[:, (0, 3), axis] = start[:, None]
    quads[:, (1, 2), axis] = stop[:, None]
    quads[:, :2, 1 - axis] = low
    quads[:, 2:, 1 - axis] = high
    return quads


def draw_polygons(
    surface: pygame.Surface,
    camera: Camera,
    points: np.ndarray,
    counts: np.ndarray,
    color: np.ndarray,
    under: np.ndarray,
    light: Light,
) -> None:
    """Fill flat polygons in order; those thinner than a pixel fade into what is under them.

    points, counts, color, under: see ``Shapes``.
    """
    if len(counts) == 0:
        return
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    view = camera.to_view(points)
    depth = view[:, 2]
    scale = camera.focal_px / np.maximum(depth, NEAR_M)
    pixels = np.array([view[:, 0] * scale, -view[:, 1] * scale]).T
    pixels += np.array(camera.size) / 2
    near, far = np.minimum.reduceat(depth, starts), np.maximum.reduceat(depth, starts)
    low = np.minimum.reduceat(pixels, starts)
    high = np.maximum.reduceat(pixels, starts)
    width, height = camera.size
    inside = (high[:, 0] > 0) & (low[:, 0] < width) & (high[:, 1] > 0) & (low[:, 1] < height)
    seen = (far > NEAR_M) & ((near < NEAR_M) | inside)
    if not seen.any():
        return
    kept = np.repeat(seen, counts)
    points, pixels, counts, color = points[kept], pixels[kept], counts[seen], color[seen]
    near, far, low, high, under = near[seen], far[seen], low[seen], high[seen], under[seen]
    crossed = near < NEAR_M
    ends = np.cumsum(counts)
    starts = ends - counts
    following = np.arange(1, len(points) + 1)
    following[ends - 1] = starts
    turn = pixels[:, 0] * pixels[following, 1] - pixels[following, 0] * pixels[:, 1]
    area = 0.5 * np.abs(np.add.reduceat(turn, starts))
    cover = np.where(crossed, 1.0, area / np.maximum(np.hypot(*(high - low).T), 1e-6))
    blend = light.hazed(
        under + (color - under) * np.minimum(cover, 1.0)[:, None],
        0.5 * (np.maximum(near, 0.0) + np.minimum(far, np.maximum(near, 0.0) * 2.0 + 30.0)),
    )
    colors = blend.astype(int).tolist()
    steps = is_slanted(np.abs(pixels - pixels[following])).tolist()
    smooth = (np.abs(color - under).sum(axis=1) > CONTRAST).tolist()
    outline = (pixels - 0.5).tolist()
    needs_clipping = (crossed | (np.maximum(-low, high) > CLIP_PX).any(axis=1)).tolist()
    view = view[kept]
    polygon, aaline = pygame.draw.polygon, pygame.draw.aaline
    for i in np.flatnonzero(cover > MIN_COVER).tolist():
        first, last = int(starts[i]), int(ends[i])
        if needs_clipping[i]:
            shape = clip_view(camera, view[first:last].tolist())
            if len(shape) > 2:
                polygon(surface, colors[i], shape)
                if smooth[i]:
                    pygame.draw.aalines(surface, colors[i], True, shape)
            continue
        shape = outline[first:last]
        polygon(surface, colors[i], shape)
        if smooth[i]:
            for k, slanted in enumerate(steps[first:last]):
                if slanted:
                    aaline(surface, colors[i], shape[k], shape[k + 1 - len(shape)])
