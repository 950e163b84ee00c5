"""Props: every object drawn from its shape file at its true size.

The files in assets/props are in ratios of the object's height; ``entities.objects`` says how
tall that is. Nothing here knows one object from another.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pygame

from entities.objects import ObjectType, height_m
from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import DAYLIGHT, Light, draw_mesh, turned
from sim.render.geometry.shapes import Mesh, load_mesh

GROUND_SHARE = 0.02
"""What starts below this share of the height stands on the ground."""
DOT_PX = 1.5
"""An object that is less tall than this is a dot."""


@cache
def prop_mesh(kind: ObjectType) -> Mesh:
    """The shape of a kind of object, read once."""
    return load_mesh(Path(str(files("assets"))) / "props" / f"{kind.value}.json")


def default_color(kind: ObjectType) -> tuple[int, int, int]:
    """Colour of an object where the scene gives none, 0..255."""
    return prop_mesh(kind).default


def draw_prop(
    surface: pygame.Surface,
    camera: Camera,
    kind: ObjectType,
    position: np.ndarray,
    heading: float,
    scale: float,
    color: tuple[int, int, int] | np.ndarray,
    *,
    spin: float = 0.0,
    tilt: np.ndarray | None = None,
    light: Light = DAYLIGHT,
) -> None:
    """Draw one object; position (3,) m is the middle of its base (of a ball, its centre).

    heading: rad. color: 0..255, for the parts that take the object's own. spin: rad it has
    rolled forward. tilt: (3,) where its up axis points, if not up: a bat in a hand.
    """
    position = np.asarray(position, float)
    size = height_m(kind, scale)
    pixel, depth = camera.project(position)
    if depth > 0.0 and size * camera.pixels_per_metre(float(depth)) < DOT_PX:
        shade = light.lit(np.asarray(color, float), 0.7, float(depth)).astype(int).tolist()
        surface.fill(shade, (int(pixel[0]), int(pixel[1]) - 1, 1, 2))
        return
    turn = turned(heading, tilt, spin)
    draw_mesh(surface, camera, prop_mesh(kind), position, turn, size, color, light)


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a shape reaches, in ratios of the object's height."""

    bottom: float
    top: float
    length: float  # along the heading, everything
    width: float
    base_length: float  # what stands on the ground
    base_width: float
    seat: float  # top of the part named "seat", or of everything


@cache
def prop_extent(kind: ObjectType) -> Extent:
    """Measured from the shape itself, for checks against the tables."""
    mesh = prop_mesh(kind)
    names = [k for corner in mesh.corners for k in corner]
    owner = np.repeat(np.arange(len(mesh.corners)), [len(corner) for corner in mesh.corners])
    points, reach = mesh.points[names], mesh.radius.max(axis=1)[owner, None]
    low, high = points - reach, points + reach
    standing = low[:, 2] <= low[:, 2].min() + GROUND_SHARE
    ground_low, ground_high = low[standing].min(axis=0), high[standing].max(axis=0)
    seats = np.array([mesh.part[i] == "seat" for i in owner])
    low_all, high_all = low.min(axis=0), high.max(axis=0)
    return Extent(
        bottom=float(low_all[2]),
        top=float(high_all[2]),
        length=float(high_all[0] - low_all[0]),
        width=float(high_all[1] - low_all[1]),
        base_length=float(ground_high[0] - ground_low[0]),
        base_width=float(ground_high[1] - ground_low[1]),
        seat=float(high[seats, 2].max() if seats.any() else high_all[2]),
    )
