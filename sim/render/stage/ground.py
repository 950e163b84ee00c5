"""The ground: a plane to the horizon, paint on it, and small things strewn about.

Everything lies in world metres and is projected, so that speed over the ground can be seen.
"""

import itertools
import math

import numpy as np
import pygame

from sim.camera.pinhole import NEAR_M, Camera
from sim.render.geometry.mesh import Light, clip_view, is_slanted
from sim.render.geometry.shapes import rgb
from sim.render.geometry.sprites import SPECK_FADES, SPECK_PX, speck, speck_height
from sim.render.stage.stage_file import Mark, Open, Specks, StageFile, Stripes
from sim.render.stage.tiling import Around, cells_around, chances

BAND_EDGES_M = np.array([0.0, 30.0, 100.0, 350.0, 2000.0])
"""An endless strip is cut here, counted from the camera, so that its far parts can be hazy."""
FAR_GROUND_M = 120.0
"""Distance at which the ground is two thirds its far colour."""
SNOW = np.array([244.0, 247.0, 251.0])
SNOW_COVER = 0.84
"""Share of the ground that is white when it snows."""
ROUND_M = 0.006
"""So far at most the chords of a painted circle run from it."""
MIN_COVER = 0.06
"""Paint that covers less than this share of a pixel's width is left out."""


ROUGH_PX = 30_000.0
"""Polygons that reach farther out than this are cut first: filling them would overflow."""
CONTRAST = 100.0
"""Paint that differs less from what is under it (sum of red, green, blue) needs no smooth edge."""


class Ground:
    """The ground of one stage in one light."""

    def __init__(self, stage: StageFile, weather: str, light: Light, seed: int) -> None:
        self._light = light
        self._snow = SNOW_COVER if weather == "snow" and stage.sky == "open" else 0.0
        self._color = self._lit(stage.ground)
        self._far = self._lit(stage.far_ground or stage.ground)
        self._layers: list[_Paint | _Bands | _Bars] = []
        for mark in stage.marks:
            color, under = self._lit(mark.color), self._lit(mark.under or stage.ground)
            if mark.band is not None:
                self._layers.append(_Bands(mark, color))
            elif mark.stripes is not None:
                self._layers.append(_Bars(mark.stripes, color, under))
            elif self._layers and isinstance(self._layers[-1], _Paint):
                self._layers[-1].add(outlines(mark), color, under)
            else:
                self._layers.append(_Paint())
                self._layers[-1].add(outlines(mark), color, under)
        self._strewn = [
            _Strewn(specks, light, seed + 7919 * number)
            for number, specks in enumerate(stage.specks)
        ]

    def _lit(self, color: str) -> np.ndarray:
        bare = np.array(rgb(color), float)
        return self._light.lit(bare + (SNOW - bare) * self._snow, 0.9, 0.0)

    @property
    def color(self) -> tuple[int, int, int]:
        """What the bare ground looks like close by, 0..255."""
        red, green, blue = self._color.astype(int).tolist()
        return red, green, blue

    def draw(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        """Draw what lies on the ground; call ``fill`` first."""
        if camera.position[2] <= 0.0:
            return
        shapes = [layer.shapes(camera) for layer in self._layers]
        if shapes:
            parts = (np.concatenate(part) for part in zip(*shapes, strict=True))
            paint(surface, camera, *parts, self._light)
        for strewn in self._strewn:
            strewn.draw(surface, camera, time)

    def fill(self, surface: pygame.Surface, camera: Camera) -> None:
        """Paint everything below the horizon."""
        width, height = camera.size
        horizon = camera.size[1] / 2 + camera.focal_px * np.tan(camera.pitch)
        top = max(0, int(np.ceil(horizon)))
        if top >= height:
            return
        rows = np.arange(top, height)
        # The rays down the middle of the picture.
        sink = (rows + 0.5 - height / 2) / camera.focal_px * np.cos(camera.pitch)
        distance = max(float(camera.position[2]), 0.05) / np.maximum(
            sink - np.sin(camera.pitch), 1e-6
        )
        share = 1.0 - np.exp(-distance / FAR_GROUND_M)
        color = self._color + (self._far - self._color) * share[:, None]
        color = self._light.hazed(color, distance).astype(int) // 2 * 2
        change = np.flatnonzero(np.abs(np.diff(color, axis=0)).sum(axis=1) > 0) + 1
        edges = [0, *change.tolist(), len(rows)]
        for first, last in itertools.pairwise(edges):
            surface.fill(color[first].tolist(), (0, top + first, width, last - first))


def within(spots: np.ndarray, boxes: list[tuple[Open, Open]]) -> np.ndarray:
    """(N,) bool, which spots (N, 2+) lie in any of the boxes (x range, y range)."""
    inside = np.zeros(len(spots), bool)
    for ranges in boxes:
        held = np.ones(len(spots), bool)
        for axis, (low, high) in enumerate(ranges):
            if low is not None:
                held &= spots[:, axis] >= low
            if high is not None:
                held &= spots[:, axis] <= high
        inside |= held
    return inside


def outlines(mark: Mark) -> list[np.ndarray]:
    """A mark's polygons (n, 2) m; rings and lines come in pieces."""
    if mark.polygon is not None:
        return [np.array(mark.polygon, float)]
    if mark.disc is not None:
        x, y, radius = mark.disc
        angle = np.linspace(0.0, 2.0 * np.pi, _steps(radius, 2.0 * np.pi) + 1)[:-1]
        return [np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)]
    if mark.ring is not None:
        x, y, radius, start, stop = mark.ring
        angle = np.linspace(start, stop, _steps(radius, abs(stop - start)) + 1)
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


def _steps(radius: float, turn: float) -> int:
    """Chords that stay within ROUND_M of an arc of so many radians."""
    return max(2, int(np.ceil(turn / np.arccos(1.0 - min(ROUND_M / radius, 0.3)) / 2.0)))


class _Strewn:
    """Specks of one kind round the camera."""

    def __init__(self, specks: Specks, light: Light, seed: int) -> None:
        self._specks, self._seed = specks, seed
        self._colors = [light.lit(np.array(rgb(color), float), 0.9, 0.0) for color in specks.colors]
        # By colour, fade and size; made when first seen.
        self._sprites = np.empty((len(specks.colors), SPECK_FADES, SPECK_PX + 1), object)
        self._around = Around(0.3 * specks.reach, self._build)

    def _build(self, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Spots (N, 3) m, sizes (N,) m and colours (N,) as strewn; they may drift from there."""
        specks = self._specks
        reach = specks.reach * (1.0 + 0.3 * Around.MARGIN)
        ix, iy = cells_around(centre, specks.cell, reach)
        chance = chances(ix, iy, self._seed, 5)
        spots = np.zeros((len(ix), 3))
        spots[:, 0] = (ix + chance[:, 0]) * specks.cell
        spots[:, 1] = (iy + chance[:, 1]) * specks.cell
        keep = chance[:, 2] < specks.chance
        if specks.inside:
            keep &= within(spots, specks.inside)
        if specks.outside:
            keep &= ~within(spots, specks.outside)
        size = specks.size[0] + (specks.size[1] - specks.size[0]) * chance[:, 3]
        color = (chance[:, 4] * len(specks.colors)).astype(int)
        return spots[keep], size[keep], color[keep]

    def draw(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        drift = np.array([*self._specks.drift, 0.0]) * time
        eye = camera.position - drift
        spots, size, color = self._around.at(float(eye[0]), float(eye[1]))
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
        looks = color[near], fade, px
        sprites = self._sprites[looks].tolist()
        for i, sprite in enumerate(sprites):
            if sprite is None:
                sprites[i] = self._sprite(*(int(part[i]) for part in looks))
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
"""Corners of K polygons (M, 3) m one after another, how many each has (K,), their colours (K, 3)
and the colour of what lies under them (K, 3)."""


class _Paint:
    """Marks that stay where they are."""

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


class _Bands:
    """A strip along an axis without end, in pieces that grow with distance from the camera."""

    def __init__(self, mark: Mark, color: np.ndarray) -> None:
        assert mark.band is not None
        self._axis = 0 if mark.axis == "x" else 1
        self._low = -BAND_EDGES_M[-1] if mark.band[0] is None else mark.band[0]
        self._high = BAND_EDGES_M[-1] if mark.band[1] is None else mark.band[1]
        self._color = np.tile(color, (2 * len(BAND_EDGES_M) - 2, 1))

    def shapes(self, camera: Camera) -> Shapes:
        here = camera.position[self._axis]
        edges = here + np.concatenate([-BAND_EDGES_M[:0:-1], BAND_EDGES_M])
        quads = _bars(self._axis, edges[:-1], edges[1:], self._low, self._high)
        return quads.reshape(-1, 3), np.full(len(quads), 4), self._color, self._color


class _Bars:
    """Stripes: the bars within reach of the camera."""

    def __init__(self, stripes: Stripes, color: np.ndarray, under: np.ndarray) -> None:
        self._stripes, self._color, self._under = stripes, color, under

    def shapes(self, camera: Camera) -> Shapes:
        s = self._stripes
        axis = 0 if s.axis == "x" else 1
        box = view_box(camera, s.reach)
        low, high = _limits(box[:, axis], s.along)
        near, far = _limits(box[:, 1 - axis], s.across)
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
        quads = _bars(axis, start, stop, near, far)
        here = camera.position[:2]
        gap = np.maximum(np.maximum(start - here[axis], here[axis] - stop), 0.0)
        share = np.clip(2.0 * (1.0 - gap / s.reach), 0.0, 1.0)[:, None]
        color = self._under + (self._color - self._under) * share
        under = np.tile(self._under, (len(quads), 1))
        return quads.reshape(-1, 3), np.full(len(quads), 4), color, under


def _limits(seen: np.ndarray, bounds: Open) -> tuple[float, float]:
    low, high = float(seen[0]), float(seen[1])
    return (
        low if bounds[0] is None else max(low, bounds[0]),
        high if bounds[1] is None else min(high, bounds[1]),
    )


def view_box(camera: Camera, reach: float) -> np.ndarray:
    """(2, 2) m, the low and the high corner of the ground in view out to ``reach`` metres."""
    half = 0.5 * camera.size[0] / camera.focal_px
    steepest = math.atan(0.5 * camera.size[1] / camera.focal_px) - camera.pitch
    nearest = 0.0
    if 0.0 < steepest < math.pi / 2.0:
        nearest = 0.8 * max(float(camera.position[2]), 0.0) / math.tan(steepest)
    # A camera that looks down sees wider than its middle row does.
    half /= max(math.cos(camera.pitch), 0.2)
    cos, sin = math.cos(camera.yaw), math.sin(camera.yaw)
    seen = [
        (side * (half * depth + 1.0), depth)
        for depth in (min(nearest, reach), reach)
        for side in (-1.0, 1.0)
    ]
    x = [cos * right - sin * ahead for right, ahead in seen]
    y = [sin * right + cos * ahead for right, ahead in seen]
    return camera.position[:2] + np.array([[min(x), min(y)], [max(x), max(y)]])


def _bars(axis: int, start: np.ndarray, stop: np.ndarray, low: float, high: float) -> np.ndarray:
    """(K, 4, 3) rectangles from start to stop along an axis, low to high across it."""
    quads = np.zeros((len(start), 4, 3))
    quads[:, (0, 3), axis] = start[:, None]
    quads[:, (1, 2), axis] = stop[:, None]
    quads[:, :2, 1 - axis] = low
    quads[:, 2:, 1 - axis] = high
    return quads


def paint(
    surface: pygame.Surface,
    camera: Camera,
    points: np.ndarray,
    counts: np.ndarray,
    color: np.ndarray,
    under: np.ndarray,
    light: Light,
) -> None:
    """Fill polygons in order; those thinner than a pixel fade into what is under them.

    points: (M, 3) m, the corners of all. counts: (K,). color, under: (K, 3) 0..255.
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
    rough = (crossed | (np.maximum(-low, high) > ROUGH_PX).any(axis=1)).tolist()
    view = view[kept]
    polygon, aaline = pygame.draw.polygon, pygame.draw.aaline
    for i in np.flatnonzero(cover > MIN_COVER).tolist():
        first, last = int(starts[i]), int(ends[i])
        if rough[i]:
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
