"""Shape files and the meshes made of them: what a prop or a piece of scenery looks like.

A shape file holds ``{"about", "color", "palette": {name: "#rrggbb"}, "shapes": [...]}``. Each
shape has one primitive and may have ``color`` (a palette name, or "own" for the object's own
colour), ``shade`` (multiplies the colour), ``detail`` (pixels the whole must be tall for this
part to be drawn), ``glow`` (lit from inside at night), ``name``, and the copiers ``mirror``,
``repeat`` and ``ring``. x is forward, y left, z up, in ratios of the object's height:

    {"box": [[x, y, z], [x, y, z]]}                     opposite corners
    {"prism": [[a, b], ...], "plane": "xz", "span": [c, d]}
    {"lathe": [[radius, along], ...], "axis": "z", "at": [x, y, z], "sides": 12}
    {"ball": radius, "at": [x, y, z]}
    {"tube": [[x, y, z], ...], "radius": r, "hug": [x, y, z]}   hug: lies on a ball round there
    {"panel": [[x, y, z], ...], "both": true}           seen from its counter-clockwise side
    {"lattice": [columns, rows], "at": corner, "right": [..], "up": [..], "fill": [w, h]}
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

COPLANAR = 2e-3
"""Faces nearer than this (in heights) to an earlier face's plane lie on it, like a window."""

Vector = tuple[float, float, float]
Hex = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
PRIMITIVES = ("box", "prism", "lathe", "ball", "tube", "panel", "lattice")
_AXES = {"x": (1, 2, 0), "y": (0, 2, 1), "z": (0, 1, 2)}
_PLANES = {"xy": (0, 1, 2), "xz": (0, 2, 1), "yz": (1, 2, 0)}


class Shape(BaseModel):
    """One primitive with its look and copies; the module says what each field means."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    box: tuple[Vector, Vector] | None = None
    prism: list[tuple[float, float]] | None = None
    lathe: list[tuple[float, float]] | None = None
    ball: float | None = None
    tube: list[Vector] | None = None
    panel: list[Vector] | None = None
    lattice: tuple[int, int] | None = None
    name: str = ""
    color: str = "own"
    shade: float = 1.0
    detail: float = 0.0
    glow: bool = False
    plane: Literal["xy", "xz", "yz"] = "xz"
    span: tuple[float, float] = (0.0, 0.0)
    axis: Literal["x", "y", "z"] = "z"
    at: Vector = (0.0, 0.0, 0.0)
    sides: int = 12
    radius: float | list[float] = 0.01
    hug: Vector | None = None
    both: bool = False
    right: Vector = (1.0, 0.0, 0.0)
    up: Vector = (0.0, 0.0, 1.0)
    fill: tuple[float, float] = (0.6, 0.6)
    mirror: Literal["", "x", "y", "xy"] = ""
    repeat: tuple[int, Vector] = (1, (0.0, 0.0, 0.0))
    ring: int = 1

    @model_validator(mode="after")
    def _one_primitive(self) -> "Shape":
        given = [name for name in PRIMITIVES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a shape has {given}; expected exactly one of {PRIMITIVES}")
        return self


class ShapeFile(BaseModel):
    """A shape file."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    about: str = ""
    color: Hex = "#b0b0b0"
    palette: dict[str, Hex] = Field(default_factory=dict)
    shapes: list[Shape]

    @model_validator(mode="after")
    def _colors_known(self) -> "ShapeFile":
        for i, shape in enumerate(self.shapes):
            if shape.color != "own" and shape.color not in self.palette:
                raise ValueError(
                    f"shapes[{i}].color: unknown {shape.color!r}; "
                    f"expected own or one of {', '.join(self.palette)}"
                )
        return self


FACE, TUBE, BALL = 0, 1, 2


@dataclass(slots=True, eq=False)
class Mesh:
    """E elements over P points, in heights. An element is a face, a tube's piece or a ball."""

    points: np.ndarray  # (P, 3)
    kind: np.ndarray  # (E,) FACE, TUBE or BALL
    corners: list[tuple[int, ...]]  # per element: face outline, tube ends, ball centre
    radius: np.ndarray  # (E, 2) at a tube's ends, a ball's twice, 0 for faces
    normal: np.ndarray  # (E, 3) unit, 0 where an element is seen from everywhere
    offset: np.ndarray  # (E,) plane of the element: normal . x = offset
    both: np.ndarray  # (E,) bool, seen from both sides
    parent: np.ndarray  # (E,) the face an element lies on, -1 none
    color: np.ndarray  # (E, 3) 0..255
    own: np.ndarray  # (E,) bool, takes the object's own colour
    shade: np.ndarray  # (E,) factor of the colour
    detail: np.ndarray  # (E,) px the mesh must be tall for the element to be drawn
    glow: np.ndarray  # (E,) bool, lit from inside at night
    part: list[str]  # per element, the name of its shape
    default: tuple[int, int, int]  # own colour where the scene gives none
    edges: np.ndarray  # (2, L) points at both ends of every outline's edges, element by element
    first_edge: np.ndarray  # (E,) where an element's edges begin
    # Caches of drawing: draw order by direction of view, colours by own colour, light and turn.
    draw_orders: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    lit_colors: dict[tuple, np.ndarray] = field(default_factory=dict)


def rgb(text: str) -> tuple[int, int, int]:
    """(red, green, blue) 0..255 of "#rrggbb"."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def rgb_array(text: str) -> np.ndarray:
    """(3,) float, 0..255, of "#rrggbb"."""
    return np.array(rgb(text), float)


def load_mesh(path: Path) -> Mesh:
    """Mesh of a shape file. Raises pydantic's ValidationError naming the field."""
    return build_mesh(ShapeFile.model_validate_json(path.read_text(encoding="utf-8")))


@dataclass(slots=True, eq=False)
class _Piece:
    """An element with points of its own, before points are shared."""

    kind: int
    points: np.ndarray  # (n, 3)
    radius: tuple[float, float]
    normal: np.ndarray
    both: bool


def build_mesh(file: ShapeFile) -> Mesh:
    """Mesh of all copies of all shapes of a file."""
    pieces: list[_Piece] = []
    looks: list[Shape] = []
    for shape in file.shapes:
        for piece in _copies(shape):
            pieces.append(piece)
            looks.append(shape)
    points: list[np.ndarray] = []
    index: dict[tuple[float, ...], int] = {}
    corners = []
    for piece in pieces:
        indices = []
        for point in piece.points:
            key = tuple(np.round(point, 6).tolist())
            if key not in index:
                index[key] = len(points)
                points.append(point)
            indices.append(index[key])
        corners.append(tuple(indices))
    own = rgb(file.color)
    normal = np.array([piece.normal for piece in pieces])
    offset = np.array([piece.normal @ piece.points.mean(axis=0) for piece in pieces])
    return Mesh(
        points=np.array(points),
        kind=np.array([piece.kind for piece in pieces]),
        corners=corners,
        radius=np.array([piece.radius for piece in pieces]),
        normal=normal,
        offset=offset,
        both=np.array([piece.both or not piece.normal.any() for piece in pieces]),
        parent=_parents(pieces, normal, offset),
        color=np.array(
            [own if s.color == "own" else rgb(file.palette[s.color]) for s in looks], float
        ),
        own=np.array([s.color == "own" for s in looks]),
        shade=np.array([s.shade for s in looks]),
        detail=np.array([s.detail for s in looks]),
        glow=np.array([s.glow for s in looks]),
        part=[s.name for s in looks],
        default=own,
        edges=np.array(
            [
                [k for indices in corners for k in indices],
                [k for indices in corners for k in (*indices[1:], indices[0])],
            ]
        ),
        first_edge=np.concatenate([[0], np.cumsum([len(indices) for indices in corners])[:-1]]),
    )


def _parents(pieces: list[_Piece], normal: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Which earlier face each element lies on, flat against it and within its bounds."""
    parent = np.full(len(pieces), -1)
    kind = np.array([piece.kind for piece in pieces])
    low = np.array([piece.points.min(axis=0) for piece in pieces]) - COPLANAR
    high = np.array([piece.points.max(axis=0) for piece in pieces]) + COPLANAR
    for i, piece in enumerate(pieces):
        if piece.kind == BALL or not piece.normal.any():
            continue
        level = (parent[:i] < 0) & (kind[:i] == FACE) & (normal[:i] @ piece.normal > 0.999)
        for j in np.flatnonzero(level):
            if (
                np.abs(piece.points @ normal[j] - offset[j]).max() < COPLANAR
                and (piece.points >= low[j]).all()
                and (piece.points <= high[j]).all()
            ):
                parent[i] = j
                break
    return parent


def _copies(shape: Shape) -> Iterator[_Piece]:
    """The pieces of a shape, repeated, turned about z and mirrored as its fields say."""
    pieces = list(_pieces(shape))
    flips = [np.ones(3)]
    for axis, letter in enumerate("xy"):
        if letter in shape.mirror:
            flip = np.ones(3)
            flip[axis] = -1.0
            flips += [flip * other for other in flips]
    count, step = shape.repeat
    for k in range(count):
        for turn in range(shape.ring):
            angle = 2.0 * np.pi * turn / shape.ring
            cos, sin = np.cos(angle), np.sin(angle)
            rotate = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
            for flip in flips:
                for piece in pieces:
                    moved = (piece.points + k * np.array(step)) @ rotate * flip
                    normal = piece.normal @ rotate * flip
                    yield _Piece(piece.kind, moved, piece.radius, normal, piece.both)


def _pieces(shape: Shape) -> Iterator[_Piece]:
    if shape.box is not None:
        (x0, y0, z0), (x1, y1, z1) = shape.box
        yield from _prism([(x0, z0), (x1, z0), (x1, z1), (x0, z1)], "xz", (y0, y1))
    elif shape.prism is not None:
        yield from _prism(shape.prism, shape.plane, shape.span)
    elif shape.lathe is not None:
        yield from _lathe(shape)
    elif shape.ball is not None:
        centre = np.array([shape.at])
        yield _Piece(BALL, centre, (shape.ball, shape.ball), np.zeros(3), True)
    elif shape.tube is not None:
        yield from _tube(shape)
    elif shape.panel is not None:
        yield _panel(np.array(shape.panel), shape.both)
    elif shape.lattice is not None:
        yield from _lattice(shape)


def _polygon_normal(points: np.ndarray) -> np.ndarray:
    """Unit normal of a flat polygon (n, 3), on its counter-clockwise side (Newell's method)."""
    normal = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)
    return normal / np.linalg.norm(normal)


def _panel(points: np.ndarray, both: bool) -> _Piece:
    return _Piece(FACE, points, (0.0, 0.0), _polygon_normal(points), both)


def _prism(
    outline: list[tuple[float, float]], plane: str, span: tuple[float, float]
) -> Iterator[_Piece]:
    first, second, across = _PLANES[plane]
    flat = np.array(outline, float)
    following = np.roll(flat, -1, axis=0)
    area = (flat[:, 0] * following[:, 1] - flat[:, 1] * following[:, 0]).sum()

    def lift(pairs: np.ndarray, height: float) -> np.ndarray:
        points = np.empty((len(pairs), 3))
        points[:, first], points[:, second], points[:, across] = pairs[:, 0], pairs[:, 1], height
        return points

    low, high = min(span), max(span)
    for height, sign in ((low, -1.0), (high, 1.0)):
        normal = np.zeros(3)
        normal[across] = sign
        yield _Piece(FACE, lift(flat, height), (0.0, 0.0), normal, False)
    if high > low:
        for a, b in zip(flat, following, strict=True):
            edge = (b - a) * np.sign(area)
            normal = np.zeros(3)
            normal[first], normal[second] = edge[1], -edge[0]
            pair = np.array([a, b])
            side = np.concatenate([lift(pair, low), lift(pair[::-1], high)])
            yield _Piece(FACE, side, (0.0, 0.0), normal / np.linalg.norm(normal), False)


def _lathe(shape: Shape) -> Iterator[_Piece]:
    """Faces of a solid of revolution; the solid lies left of the profile as it goes up."""
    assert shape.lathe is not None
    first, second, along = _AXES[shape.axis]
    angles = 2.0 * np.pi * np.arange(shape.sides) / shape.sides
    middle = angles + np.pi / shape.sides

    def place(radial: np.ndarray, turn: np.ndarray, height: float) -> np.ndarray:
        points = np.empty((len(turn), 3))
        points[:, first], points[:, second] = radial * np.cos(turn), radial * np.sin(turn)
        points[:, along] = height
        return points

    centre = np.array(shape.at)
    profile = shape.lathe
    rings = [place(np.full(shape.sides, r), angles, t) + centre for r, t in profile]
    for (r0, t0), (r1, t1), low, high in zip(
        profile[:-1], profile[1:], rings[:-1], rings[1:], strict=True
    ):
        if r0 == 0.0 and r1 == 0.0:
            continue
        slope = np.array([t1 - t0, r0 - r1])
        slope = slope / np.linalg.norm(slope)
        normals = place(np.full(shape.sides, slope[0]), middle, slope[1])
        if abs(t1 - t0) < 1e-9 and (r0 == 0.0 or r1 == 0.0):
            disc = high if r0 == 0.0 else low
            yield _Piece(FACE, disc, (0.0, 0.0), normals[0].round(9), False)
            continue
        for i in range(shape.sides):
            j = (i + 1) % shape.sides
            if r0 == 0.0:
                outline = [low[i], high[j], high[i]]
            elif r1 == 0.0:
                outline = [low[i], low[j], high[i]]
            else:
                outline = [low[i], low[j], high[j], high[i]]
            yield _Piece(FACE, np.array(outline), (0.0, 0.0), normals[i], False)


def _tube(shape: Shape) -> Iterator[_Piece]:
    assert shape.tube is not None
    points = np.array(shape.tube, float)
    radii = np.broadcast_to(np.array(shape.radius, float), (len(points),))
    for i in range(len(points) - 1):
        ends = points[i : i + 2]
        normal = np.zeros(3)
        if shape.hug is not None:
            normal = ends.mean(axis=0) - np.array(shape.hug)
            normal /= np.linalg.norm(normal)
        yield _Piece(TUBE, ends, (radii[i], radii[i + 1]), normal, False)


def _lattice(shape: Shape) -> Iterator[_Piece]:
    """Columns x rows of small panels, each filling the share ``fill`` of its cell."""
    assert shape.lattice is not None
    columns, rows = shape.lattice
    corner = np.array(shape.at)
    right, up = np.array(shape.right) / columns, np.array(shape.up) / rows
    wide, tall = right * shape.fill[0], up * shape.fill[1]
    for row in range(rows):
        for column in range(columns):
            low = corner + (column + 0.5) * right + (row + 0.5) * up - 0.5 * (wide + tall)
            yield _panel(np.array([low, low + wide, low + wide + tall, low + tall]), False)
