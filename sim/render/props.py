"""Props: objects drawn from their shape files at their true sizes.

The files in assets/props are in ratios of the object's height, which ``entities.objects`` gives.
No object is treated specially.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pygame

from entities.objects import ObjectType, height_m
from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import DAYLIGHT, Light, draw_mesh, rotation_matrix
from sim.render.geometry.shapes import Mesh, load_mesh

DOT_PX = 1.5
"""An object less tall than this is drawn as a dot."""


@cache
def prop_mesh(kind: ObjectType) -> Mesh:
    """Mesh of a kind of object, read once."""
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
    """Draw an object; position (3,) m is the middle of its base (of a ball, its centre).

    heading: rad. color: 0..255, of the parts that take the object's own colour. spin: rad rolled
    forward. tilt: (3,) where the up axis points, None for straight up.
    """
    position = np.asarray(position, float)
    size = height_m(kind, scale)
    pixel, depth = camera.project(position)
    if depth > 0.0 and size * camera.pixels_per_metre(float(depth)) < DOT_PX:
        shade = light.lit(np.asarray(color, float), 0.7, float(depth)).astype(int).tolist()
        surface.fill(shade, (int(pixel[0]), int(pixel[1]) - 1, 1, 2))
        return
    turn = rotation_matrix(heading, tilt, spin)
    draw_mesh(surface, camera, prop_mesh(kind), position, turn, size, color, light)


@cache
def prop_spread(kind: ObjectType) -> tuple[float, float]:
    """Largest length along the heading and width of a kind of object, in its heights."""
    mesh = prop_mesh(kind)
    indices = [k for corner in mesh.corners for k in corner]
    owner = np.repeat(np.arange(len(mesh.corners)), [len(corner) for corner in mesh.corners])
    points, radius = mesh.points[indices], mesh.radius.max(axis=1)[owner, None]
    low, high = (points - radius).min(axis=0), (points + radius).max(axis=0)
    return float(high[0] - low[0]), float(high[1] - low[1])
