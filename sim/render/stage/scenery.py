"""What stands on a stage: things in rows, strewn or at their spots. Drawn, never physics.

Near things are meshes, far ones pictures of the mesh kept by size and direction, so that a wood
of a hundred trees costs a hundred blits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pygame

from sim.camera.pinhole import NEAR_M, Camera
from sim.render.geometry.mesh import Light, draw_mesh, turned
from sim.render.geometry.shapes import BALL, Mesh, load_mesh, rgb
from sim.render.geometry.sprite_cache import (
    PICTURE_PX,
    ROUND_PICTURE_PX,
    SpriteCache,
    Stamp,
    Subject,
)
from sim.render.geometry.sprites import glow
from sim.render.stage.ground import within
from sim.render.stage.stage_file import Fixture, Items, Row, Scatter, StageFile
from sim.render.stage.tiling import Around, cells_around, chances

TILE_M = 14.0
LEAST_PX = 1.5
LARGEST_HALO_PX = 260
IN_THE_WAY_M = 1.2
"""What is taller than this hides people who stand behind it."""

Shadow = tuple[float, float, Stamp]
"""Depth and height in m of what throws it, and its picture."""


def item_mesh(name: str) -> Mesh:
    """Shape of a piece of scenery: a dressing of its own, or a prop."""
    assets = Path(str(files("assets")))
    path = assets / "stages" / "dressing" / f"{name}.json"
    return load_mesh(path if path.is_file() else assets / "props" / f"{name}.json")


@dataclass(slots=True, eq=False)
class Look:
    """One shape in one colour, and how an entry of the stage file shows it."""

    mesh: Mesh
    color: tuple[int, int, int]
    spec: Items
    radius: float  # per unit, on the ground
    top: float  # per unit
    subject: int  # which of the shapes that pictures are taken of


@dataclass(slots=True, eq=False)
class Table:
    """N things round the camera."""

    spots: np.ndarray  # (N, 3) m
    size: np.ndarray  # (N,) m per unit
    heading: np.ndarray  # (N,) rad
    look: np.ndarray  # (N,) index in the looks
    radius: np.ndarray  # (N,) m
    top: np.ndarray  # (N,) m
    reach: np.ndarray  # (N,) m, farther off it is not drawn


@dataclass(slots=True, eq=False)
class Piece:
    """One thing in view."""

    depth: float  # m
    order: float  # m, of what is behind everybody: the deeper is drawn first
    look: Look
    spot: np.ndarray  # (3,) m
    size: float
    heading: float
    stamp: Stamp | None  # its picture, unless it is too near for one


class Scenery:
    """Everything that stands on a stage."""

    def __init__(self, stage: StageFile, light: Light, seed: int) -> None:
        self._light = light
        self._seed = seed
        self._specs: list[Items] = [*stage.fixtures, *stage.rows, *stage.scatter]
        meshes = {name: item_mesh(name) for spec in self._specs for name in spec.items}
        self._looks: list[Look] = []
        self._first: list[int] = []
        subjects: list[Subject] = []
        number: dict[tuple[str, tuple[int, int, int]], int] = {}
        for spec in self._specs:
            self._first.append(len(self._looks))
            for name in spec.items:
                mesh = meshes[name]
                for color in [rgb(color) for color in spec.colors] or [mesh.default]:
                    if (name, color) not in number:
                        number[name, color] = len(subjects)
                        subjects.append(_subject(mesh, color))
                    self._looks.append(_look(mesh, color, spec, number[name, color]))
        self._one_sided = np.array([look.spec.one_sided for look in self._looks], bool)
        self._shadow = np.array([look.spec.shadow for look in self._looks])
        # Walls count their far ends.
        self._lag = np.array(
            [look.radius if isinstance(look.spec, Row) else 0.0 for look in self._looks]
        )
        self._subject = np.array([look.subject for look in self._looks], int)
        self._span = np.array([subject.span for subject in subjects])
        self._limit = np.where(
            [subject.round for subject in subjects], ROUND_PICTURE_PX, PICTURE_PX
        )
        self._around = Around(TILE_M, self._build)
        self._pictures = SpriteCache(subjects, light)
        self._halos: dict[int, pygame.Surface] = {}
        self._seen: tuple[tuple, list[Piece], list[Shadow]] = ((), [], [])

    def _build(self, centre: np.ndarray) -> Table:
        columns: list[tuple[np.ndarray, ...]] = []
        for group, spec in enumerate(self._specs):
            spots, chance = self._spots(spec, centre, self._seed + 7 * group)
            colors = max(len(spec.colors), 1)
            item = (chance[:, 5] * len(spec.items)).astype(int)
            look = self._first[group] + item * colors + (chance[:, 6] * colors).astype(int)
            turn = 2.0 * np.pi * chance[:, 3]
            size = spec.size[0] + (spec.size[1] - spec.size[0]) * chance[:, 4]
            columns.append(
                (
                    spots,
                    size,
                    turn if spec.heading is None else np.full(len(spots), spec.heading),
                    look,
                    np.array([self._looks[i].radius for i in look.tolist()]) * size,
                    np.array([self._looks[i].top for i in look.tolist()]) * size,
                    np.full(len(spots), getattr(spec, "reach", np.inf)),
                )
            )
        return Table(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def _spots(self, spec: Items, centre: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Where things of one entry stand near a centre: (N, 3) m, and their (N, 8) chances."""
        if isinstance(spec, Fixture):
            spots = np.array([(*at, 0.0) if len(at) == 2 else at for at in spec.at], float)
            index = np.arange(len(spots))
            return spots.reshape(-1, 3), chances(index, index, seed, 8)
        assert isinstance(spec, Row | Scatter)
        reach = spec.reach + TILE_M * Around.MARGIN
        if isinstance(spec, Row):
            axis = 0 if spec.axis == "x" else 1
            low, high = centre[axis] - reach, centre[axis] + reach
            low = low if spec.along[0] is None else max(low, spec.along[0])
            high = high if spec.along[1] is None else min(high, spec.along[1])
            number = np.arange(
                int(np.ceil((low - spec.phase) / spec.every)),
                int(np.floor((high - spec.phase) / spec.every)) + 1,
            )
            chance = chances(number, np.zeros_like(number), seed, 8)
            spots = np.zeros((len(number), 3))
            spots[:, axis] = spec.phase + number * spec.every
            spots[:, axis] += spec.jitter[0] * (2.0 * chance[:, 0] - 1.0)
            spots[:, 1 - axis] = spec.offset + spec.jitter[1] * (2.0 * chance[:, 1] - 1.0)
        else:
            ix, iy = cells_around(centre, spec.cell, reach)
            chance = chances(ix, iy, seed, 8)
            spots = np.zeros((len(ix), 3))
            spots[:, 0] = (ix + chance[:, 0]) * spec.cell
            spots[:, 1] = (iy + chance[:, 1]) * spec.cell
        keep = chance[:, 2] < spec.chance
        if isinstance(spec, Scatter) and spec.keep_out:
            keep &= ~within(spots, spec.keep_out)
        return spots[keep], chance[keep]

    def pieces(self, camera: Camera) -> list[Piece]:
        """Everything in view, the deepest first."""
        return self._look_round(camera)[0]

    def shadows(self, camera: Camera, nearest_m: float) -> list[Stamp]:
        """The flat shadows under what is in view and not in the way."""
        shadows = self._look_round(camera)[1]
        return [stamp for far, top, stamp in shadows if far > nearest_m or top < IN_THE_WAY_M]

    def _look_round(self, camera: Camera) -> tuple[list[Piece], list[Shadow]]:
        key = (*camera.position.tolist(), camera.pitch, camera.yaw, camera.focal, camera.size)
        if key != self._seen[0]:
            self._seen = (key, *self._find(camera)) if self._specs else (key, [], [])
        return self._seen[1:]

    def _find(self, camera: Camera) -> tuple[list[Piece], list[Shadow]]:
        table = self._around.at(float(camera.position[0]), float(camera.position[1]))
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
        subject, unit_px = self._subject[look], size * scale[near]
        small = (far > 3.0 * table.radius[near]) & (
            self._span[subject] * unit_px < self._limit[subject]
        )
        stamps = iter(
            self._pictures.of(
                subject[small],
                toward[near][small],
                table.heading[near][small],
                unit_px[small],
                far[small],
                foot[small],
            )
        )
        pieces = [
            Piece(d, order, self._looks[k], spot, m, turn, next(stamps) if flat else None)
            for d, order, k, spot, m, turn, flat in zip(
                far.tolist(),
                (far + self._lag[look] * size).tolist(),
                look.tolist(),
                table.spots[near],
                size.tolist(),
                table.heading[near].tolist(),
                small.tolist(),
                strict=True,
            )
        ]
        shadows = self._lay_shadows(camera, self._shadow[look] * size, far, foot, table.top[near])
        return pieces, shadows

    def _lay_shadows(
        self,
        camera: Camera,
        radius: np.ndarray,
        depth: np.ndarray,
        foot: np.ndarray,
        top: np.ndarray,
    ) -> list[Shadow]:
        across = radius * camera.focal_px / np.maximum(depth, 1.0)
        laid = (depth >= 1.0) & (across > 2.0) & (across < camera.size[0] / 2)
        across, depth, foot = across[laid], depth[laid], foot[laid]
        flat = np.minimum(1.0, max(float(camera.position[2]), 0.2) / depth)
        half = np.array([across, np.maximum(1.0, across * flat)]).T
        corners = np.rint(foot - half).astype(int).tolist()
        halves = np.rint(half).astype(int).tolist()
        return [
            (away, tall, Stamp(self._pictures.shadow(a, b), corner))
            for away, tall, (a, b), corner in zip(
                depth.tolist(), top[laid].tolist(), halves, corners, strict=True
            )
        ]

    def painter(self, camera: Camera, piece: Piece) -> Callable[[pygame.Surface], None]:
        """What draws one piece, and its light after dark."""
        shines = bool(piece.look.spec.halo) and self._light.glow > 0.05
        if piece.stamp is not None and not shines:
            return piece.stamp

        def paint(surface: pygame.Surface) -> None:
            if piece.stamp is not None:
                piece.stamp(surface)
            else:
                look, turn = piece.look, turned(piece.heading)
                draw_mesh(
                    surface,
                    camera,
                    look.mesh,
                    piece.spot,
                    turn,
                    piece.size,
                    look.color,
                    self._light,
                )
            if shines:
                self._draw_halo(surface, camera, piece)

        return paint

    def _draw_halo(self, surface: pygame.Surface, camera: Camera, piece: Piece) -> None:
        assert piece.look.spec.halo is not None
        height, radius = piece.look.spec.halo
        pixel, depth = camera.project(piece.spot + np.array([0.0, 0.0, height]))
        px = min(int(radius * camera.focal_px / max(float(depth), NEAR_M)), LARGEST_HALO_PX)
        if depth < 1.0 or px < 3:
            return
        px = max(4, px // 4 * 4)
        if px not in self._halos:
            warm = np.array([120.0, 96.0, 52.0]) * self._light.glow
            self._halos[px] = glow(px, warm, 0.02, 2.4)
        corner = (int(pixel[0]) - px, int(pixel[1]) - px)
        surface.blit(self._halos[px], corner, special_flags=pygame.BLEND_RGB_ADD)


def _look(mesh: Mesh, color: tuple[int, int, int], spec: Items, subject: int) -> Look:
    radius, top = _extent(mesh)
    return Look(mesh=mesh, color=color, spec=spec, radius=radius, top=top, subject=subject)


def _subject(mesh: Mesh, color: tuple[int, int, int]) -> Subject:
    radius, top = _extent(mesh)
    return Subject(mesh, color, max(top, 1.25 * radius), int((mesh.kind == BALL).sum()) > 4)


def _extent(mesh: Mesh) -> tuple[float, float]:
    """Radius on the ground and height, per unit."""
    thick = mesh.radius.max()
    across = np.hypot(mesh.points[:, 0], mesh.points[:, 1]).max()
    return float(across + thick), float(mesh.points[:, 2].max() + thick)
