"""Items of scenery on a stage, at given places, in rows or strewn: drawn, never simulated.

Near items are drawn as meshes and far ones as cached sprites of them, so that a wood of a hundred
trees costs a hundred blits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pygame

from sim.camera.pinhole import NEAR_M, Camera
from sim.render.geometry.mesh import Light, draw_mesh, rotation_matrix
from sim.render.geometry.shapes import BALL, Mesh, load_mesh, rgb
from sim.render.geometry.sprite_cache import (
    ROUND_SPRITE_PX,
    SPRITE_PX,
    Blit,
    SpriteCache,
    SpriteSource,
)
from sim.render.geometry.sprites import glow
from sim.render.stage.ground import in_boxes
from sim.render.stage.stage_file import Fixture, Items, Row, Scatter, StageFile
from sim.render.stage.tiling import TileCache, cell_uniforms, cells_around

TILE_M = 14.0
LEAST_PX = 1.5
"""Smaller items are not drawn."""
LARGEST_HALO_PX = 260
IN_THE_WAY_M = 1.2
"""Items taller than this hide actors behind them."""

ItemShadow = tuple[float, float, Blit]
"""Depth and height in m of the item, and the blit of its shadow."""


def item_mesh(name: str) -> Mesh:
    """Mesh of an item: a shape of assets/stages/dressing, or a prop."""
    assets = Path(str(files("assets")))
    path = assets / "stages" / "dressing" / f"{name}.json"
    return load_mesh(path if path.is_file() else assets / "props" / f"{name}.json")


@dataclass(slots=True, eq=False)
class ItemLook:
    """A shape in a colour, as an entry of the stage file shows it."""

    mesh: Mesh
    color: tuple[int, int, int]
    spec: Items
    radius: float  # per unit, on the ground
    top: float  # per unit
    source: int  # index of its source in the sprite cache


@dataclass(slots=True, eq=False)
class ItemTable:
    """N items round the camera."""

    spots: np.ndarray  # (N, 3) m
    size: np.ndarray  # (N,) m per unit
    heading: np.ndarray  # (N,) rad
    look: np.ndarray  # (N,) index in the looks
    radius: np.ndarray  # (N,) m
    top: np.ndarray  # (N,) m
    reach: np.ndarray  # (N,) m from the camera, beyond which an item is not drawn


@dataclass(slots=True, eq=False)
class VisibleItem:
    """An item in view."""

    depth: float  # m
    order: float  # m, depth by which items behind all actors are ordered
    look: ItemLook
    spot: np.ndarray  # (3,) m
    size: float
    heading: float
    blit: Blit | None  # of its sprite; None: it is so large that its mesh is drawn


class Scenery:
    """All items of a stage in one light."""

    def __init__(self, stage: StageFile, light: Light, seed: int) -> None:
        self._light = light
        self._seed = seed
        self._specs: list[Items] = [*stage.fixtures, *stage.rows, *stage.scatter]
        meshes = {name: item_mesh(name) for spec in self._specs for name in spec.items}
        self._looks: list[ItemLook] = []
        self._first: list[int] = []
        sources: list[SpriteSource] = []
        source_number: dict[tuple[str, tuple[int, int, int]], int] = {}
        for spec in self._specs:
            self._first.append(len(self._looks))
            for name in spec.items:
                mesh = meshes[name]
                for color in [rgb(color) for color in spec.colors] or [mesh.default]:
                    if (name, color) not in source_number:
                        source_number[name, color] = len(sources)
                        sources.append(_source(mesh, color))
                    self._looks.append(_look(mesh, color, spec, source_number[name, color]))
        self._one_sided = np.array([look.spec.one_sided for look in self._looks], bool)
        self._shadow = np.array([look.spec.shadow for look in self._looks])
        # Items in a row, as of a wall, are ordered by their far ends.
        self._far_end = np.array(
            [look.radius if isinstance(look.spec, Row) else 0.0 for look in self._looks]
        )
        self._source = np.array([look.source for look in self._looks], int)
        self._spans = np.array([source.span for source in sources])
        self._sprite_limit_px = np.where(
            [source.round for source in sources], ROUND_SPRITE_PX, SPRITE_PX
        )
        self._tiles = TileCache(TILE_M, self._build)
        self._sprites = SpriteCache(sources, light)
        self._halos: dict[int, pygame.Surface] = {}
        self._last_view: tuple[tuple, list[VisibleItem], list[ItemShadow]] = ((), [], [])

    def _build(self, centre: np.ndarray) -> ItemTable:
        """All items near a centre."""
        columns: list[tuple[np.ndarray, ...]] = []
        for group, spec in enumerate(self._specs):
            spots, uniform = self._spots(spec, centre, self._seed + 7 * group)
            colors = max(len(spec.colors), 1)
            item = (uniform[:, 5] * len(spec.items)).astype(int)
            look = self._first[group] + item * colors + (uniform[:, 6] * colors).astype(int)
            turn = 2.0 * np.pi * uniform[:, 3]
            size = spec.size[0] + (spec.size[1] - spec.size[0]) * uniform[:, 4]
            columns.append(
                (
                    spots,
                    size,
                    turn if spec.heading is None else np.full(len(spots), spec.heading),
                    look,
                    np.array([self._looks[i].radius for i in look.tolist()]) * size,
                    np.array([self._looks[i].top for i in look.tolist()]) * size,
                    np.full(len(spots), spec.reach if isinstance(spec, Row | Scatter) else np.inf),
                )
            )
        return ItemTable(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def _spots(self, spec: Items, centre: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Places (N, 3) m of an entry's items near a centre, and their uniform numbers (N, 8)."""
        if isinstance(spec, Fixture):
            spots = np.array([(*at, 0.0) if len(at) == 2 else at for at in spec.at], float)
            index = np.arange(len(spots))
            return spots.reshape(-1, 3), cell_uniforms(index, index, seed, 8)
        assert isinstance(spec, Row | Scatter)
        reach = spec.reach + TILE_M * TileCache.MARGIN
        if isinstance(spec, Row):
            axis = 0 if spec.axis == "x" else 1
            low, high = centre[axis] - reach, centre[axis] + reach
            low = low if spec.along[0] is None else max(low, spec.along[0])
            high = high if spec.along[1] is None else min(high, spec.along[1])
            number = np.arange(
                int(np.ceil((low - spec.phase) / spec.every)),
                int(np.floor((high - spec.phase) / spec.every)) + 1,
            )
            uniform = cell_uniforms(number, np.zeros_like(number), seed, 8)
            spots = np.zeros((len(number), 3))
            spots[:, axis] = spec.phase + number * spec.every
            spots[:, axis] += spec.jitter[0] * (2.0 * uniform[:, 0] - 1.0)
            spots[:, 1 - axis] = spec.offset + spec.jitter[1] * (2.0 * uniform[:, 1] - 1.0)
        else:
            ix, iy = cells_around(centre, spec.cell, reach)
            uniform = cell_uniforms(ix, iy, seed, 8)
            spots = np.zeros((len(ix), 3))
            spots[:, 0] = (ix + uniform[:, 0]) * spec.cell
            spots[:, 1] = (iy + uniform[:, 1]) * spec.cell
        keep = uniform[:, 2] < spec.chance
        if isinstance(spec, Scatter) and spec.keep_out:
            keep &= ~in_boxes(spots, spec.keep_out)
        return spots[keep], uniform[keep]

    def items(self, camera: Camera) -> list[VisibleItem]:
        """The items in view, the deepest first."""
        return self._in_view(camera)[0]

    def shadows(self, camera: Camera, nearest_m: float) -> list[Blit]:
        """The flat shadows under the items in view, without tall ones nearer than ``nearest_m``."""
        shadows = self._in_view(camera)[1]
        return [blit for far, top, blit in shadows if far > nearest_m or top < IN_THE_WAY_M]

    def _in_view(self, camera: Camera) -> tuple[list[VisibleItem], list[ItemShadow]]:
        """Items and shadows in view; kept for the other calls with the same camera."""
        key = (*camera.position.tolist(), camera.pitch, camera.yaw, camera.focal, camera.size)
        if key != self._last_view[0]:
            self._last_view = (key, *self._find(camera)) if self._specs else (key, [], [])
        return self._last_view[1:]

    def _find(self, camera: Camera) -> tuple[list[VisibleItem], list[ItemShadow]]:
        self._sprites.fit(camera.size)
        table = self._tiles.at(float(camera.position[0]), float(camera.position[1]))
        width, height = camera.size
        pixels, depth = camera.project(table.spots)
        scale = camera.focal_px / np.maximum(depth, NEAR_M)
        wide, tall = table.radius * scale, table.top * scale
        on_screen = (
            (depth > 0.0)
            & (np.abs(pixels[:, 0] - width / 2) < width / 2 + wide)
            & (pixels[:, 1] - tall - wide < height)
            & (pixels[:, 1] + wide > 0)
            & (tall + wide > LEAST_PX)
        )
        toward = camera.position - table.spots
        away = np.hypot(toward[:, 0], toward[:, 1])
        near = np.flatnonzero((on_screen | (away < table.radius)) & (away < table.reach))
        facing = np.cos(table.heading[near]) * toward[near, 0]
        facing += np.sin(table.heading[near]) * toward[near, 1]
        near = near[(facing > 0.0) | ~self._one_sided[table.look[near]]]
        near = near[np.argsort(-depth[near], kind="stable")]
        look, size, far, foot = table.look[near], table.size[near], depth[near], pixels[near]
        source, unit_px = self._source[look], size * scale[near]
        small = (far > 3.0 * table.radius[near]) & (
            self._spans[source] * unit_px < self._sprite_limit_px[source]
        )
        blits = iter(
            self._sprites.blits(
                source[small],
                toward[near][small],
                table.heading[near][small],
                unit_px[small],
                far[small],
                foot[small],
            )
        )
        items = [
            VisibleItem(d, order, self._looks[k], spot, m, turn, next(blits) if flat else None)
            for d, order, k, spot, m, turn, flat in zip(
                far.tolist(),
                (far + self._far_end[look] * size).tolist(),
                look.tolist(),
                table.spots[near],
                size.tolist(),
                table.heading[near].tolist(),
                small.tolist(),
                strict=True,
            )
        ]
        shadows = self._item_shadows(camera, self._shadow[look] * size, far, foot, table.top[near])
        return items, shadows

    def _item_shadows(
        self,
        camera: Camera,
        radius: np.ndarray,
        depth: np.ndarray,
        foot: np.ndarray,
        top: np.ndarray,
    ) -> list[ItemShadow]:
        across = radius * camera.focal_px / np.maximum(depth, 1.0)
        shown = (depth >= 1.0) & (across > 2.0) & (across < camera.size[0] / 2)
        across, depth, foot = across[shown], depth[shown], foot[shown]
        flat = np.minimum(1.0, max(float(camera.position[2]), 0.2) / depth)
        half = np.array([across, np.maximum(1.0, across * flat)]).T
        corners = np.rint(foot - half).astype(int).tolist()
        halves = np.rint(half).astype(int).tolist()
        return [
            (away, tall, Blit(self._sprites.shadow(a, b), corner))
            for away, tall, (a, b), corner in zip(
                depth.tolist(), top[shown].tolist(), halves, corners, strict=True
            )
        ]

    def draw_call(self, camera: Camera, item: VisibleItem) -> Callable[[pygame.Surface], None]:
        """The draw call of an item, with its halo after dark."""
        shines = bool(item.look.spec.halo) and self._light.glow > 0.05
        if item.blit is not None and not shines:
            return item.blit

        def draw(surface: pygame.Surface) -> None:
            if item.blit is not None:
                item.blit(surface)
            else:
                look, turn = item.look, rotation_matrix(item.heading)
                draw_mesh(
                    surface,
                    camera,
                    look.mesh,
                    item.spot,
                    turn,
                    item.size,
                    look.color,
                    self._light,
                )
            if shines:
                self._draw_halo(surface, camera, item)

        return draw

    def _draw_halo(self, surface: pygame.Surface, camera: Camera, item: VisibleItem) -> None:
        assert item.look.spec.halo is not None
        height, radius = item.look.spec.halo
        pixel, depth = camera.project(item.spot + np.array([0.0, 0.0, height]))
        px = min(int(radius * camera.focal_px / max(float(depth), NEAR_M)), LARGEST_HALO_PX)
        if depth < 1.0 or px < 3:
            return
        px = max(4, px // 4 * 4)
        if px not in self._halos:
            warm = np.array([120.0, 96.0, 52.0]) * self._light.glow
            self._halos[px] = glow(px, warm, 0.02, 2.4)
        corner = (int(pixel[0]) - px, int(pixel[1]) - px)
        surface.blit(self._halos[px], corner, special_flags=pygame.BLEND_RGB_ADD)


def _look(mesh: Mesh, color: tuple[int, int, int], spec: Items, source: int) -> ItemLook:
    radius, top = _extent(mesh)
    return ItemLook(mesh=mesh, color=color, spec=spec, radius=radius, top=top, source=source)


def _source(mesh: Mesh, color: tuple[int, int, int]) -> SpriteSource:
    radius, top = _extent(mesh)
    return SpriteSource(mesh, color, max(top, 1.25 * radius), int((mesh.kind == BALL).sum()) > 4)


def _extent(mesh: Mesh) -> tuple[float, float]:
    """Radius on the ground and height of a mesh, in its own units."""
    thick = mesh.radius.max()
    across = np.hypot(mesh.points[:, 0], mesh.points[:, 1]).max()
    return float(across + thick), float(mesh.points[:, 2].max() + thick)
