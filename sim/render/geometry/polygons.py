"""Shapes on the screen: clipped to the view, hulls, and which edges need anti-aliasing."""

import math
from collections.abc import Sequence

import numpy as np
import pygame

from sim.camera.pinhole import NEAR_M, Camera

OFF_SCREEN_PX = 60.0
"""Polygons are cut this far outside the picture, so that no cut edge is seen."""
STRAIGHT_PX = 0.6
"""An edge that runs less than this across a row or column of pixels looks straight."""
STRAIGHT_SLOPE = 0.04
"""The same as a share of how far it runs along the row or column."""
SHORT_PX = 3.0
"""Shorter edges show no steps."""
LONG_PX = 4_000.0
"""Filling takes time by the height of a shape, in the picture or not: larger ones are clipped."""

Color = Sequence[int]
Spot = Sequence[float]


def is_slanted(edge: np.ndarray) -> np.ndarray:
    """(L,) bool, which edges (L, 2), given as px they run right and down, show steps."""
    less, more = edge.min(axis=1), edge.max(axis=1)
    return (less > STRAIGHT_PX) & (less > STRAIGHT_SLOPE * more) & (more > SHORT_PX)


def clip_polygon(camera: Camera, world: np.ndarray) -> list[tuple[float, float]]:
    """Outline in pixels of a polygon (n, 3) m in the world, clipped to the view.

    It is cut at the near plane and OFF_SCREEN_PX outside the picture; empty if nothing is left.
    """
    return clip_view(camera, camera.to_view(world).tolist())


def clip_view(camera: Camera, view: list[list[float]]) -> list[tuple[float, float]]:
    """``clip_polygon`` of corners (n, 3) m to the right, up and forward of the camera."""
    kept: list[tuple[float, float, float]] = []
    before = view[-1]
    for here in view:
        if (here[2] >= NEAR_M) != (before[2] >= NEAR_M):
            u = (NEAR_M - before[2]) / (here[2] - before[2])
            x = before[0] + u * (here[0] - before[0])
            kept.append((x, before[1] + u * (here[1] - before[1]), NEAR_M))
        if here[2] >= NEAR_M:
            kept.append((here[0], here[1], here[2]))
        before = here
    if len(kept) < 3:
        return []
    width, height = camera.size
    focal = camera.focal_px
    right, down = width / 2 - 0.5, height / 2 - 0.5
    return clip_outline(
        [(right + x * focal / z, down - y * focal / z) for x, y, z in kept], width, height
    )


def clip_outline(
    outline: list[tuple[float, float]], width: float, height: float
) -> list[tuple[float, float]]:
    """An outline in pixels, cut OFF_SCREEN_PX outside a picture; empty if nothing is left."""
    for axis, bound in ((0, width), (1, height)):
        values = [point[axis] for point in outline]
        if values and min(values) < -OFF_SCREEN_PX:
            outline = _cut(outline, axis, -OFF_SCREEN_PX, 1.0)
        if values and max(values) > bound + OFF_SCREEN_PX:
            outline = _cut(outline, axis, bound + OFF_SCREEN_PX, -1.0)
    return outline


def _cut(
    outline: list[tuple[float, float]], axis: int, bound: float, sign: float
) -> list[tuple[float, float]]:
    """The part of a polygon with ``sign * coordinate >= sign * bound``."""
    kept = []
    for a, b in zip(outline, outline[1:] + outline[:1], strict=True):
        inside, next_inside = sign * (a[axis] - bound) >= 0.0, sign * (b[axis] - bound) >= 0.0
        if inside:
            kept.append(a)
        if inside != next_inside:
            u = (bound - a[axis]) / (b[axis] - a[axis])
            kept.append((a[0] + u * (b[0] - a[0]), a[1] + u * (b[1] - a[1])))
    return kept


def fill_polygon(surface: pygame.Surface, color: Color, outline: Sequence[Spot]) -> None:
    """Fill a polygon of any size at a cost that does not grow with it."""
    if max(max(abs(x), abs(y)) for x, y in outline) > LONG_PX:
        outline = clip_outline([(float(x), float(y)) for x, y in outline], *surface.get_size())
        if len(outline) < 3:
            return
    pygame.draw.polygon(surface, color, outline)


def fill_line(surface: pygame.Surface, color: Color, a: Spot, b: Spot, wide: float) -> None:
    """Draw a line of any width and length at a cost that does not grow with them."""
    if max(map(abs, (*a, *b, wide))) <= LONG_PX:
        pygame.draw.line(surface, color, a, b, int(wide))
        return
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = math.hypot(dx, dy)
    if length == 0.0:
        return
    nx, ny = -0.5 * wide * dy / length, 0.5 * wide * dx / length
    corners = [(a[0] + nx, a[1] + ny), (b[0] + nx, b[1] + ny)]
    corners += [(b[0] - nx, b[1] - ny), (a[0] - nx, a[1] - ny)]
    fill_polygon(surface, color, corners)


def fill_disc(surface: pygame.Surface, color: Color, centre: Spot, radius: float) -> None:
    """Draw a disc of any size at a cost that does not grow with it."""
    if radius <= LONG_PX:
        if max(map(abs, centre)) <= 4.0 * LONG_PX:
            pygame.draw.circle(surface, color, centre, radius)
        return
    # Row by row, as far as it is in the picture.
    width, height = surface.get_size()
    for y in range(height):
        square = radius * radius - (y + 0.5 - centre[1]) ** 2
        if square <= 0.0:
            continue
        half = math.sqrt(square)
        left, right = max(0.0, centre[0] - half), min(float(width), centre[0] + half)
        if right > left:
            surface.fill(color, (round(left), y, round(right) - round(left), 1))


def convex_hull(points: list[list[int]]) -> list[tuple[int, int]]:
    """Convex hull by Andrew's monotone chain, counter-clockwise as y grows."""
    ordered = sorted({(x, y) for x, y in points})
    chains = []
    for run in (ordered, ordered[::-1]):
        chain: list[tuple[int, int]] = []
        for x, y in run:
            while len(chain) > 1 and (chain[-1][0] - chain[-2][0]) * (y - chain[-2][1]) <= (
                chain[-1][1] - chain[-2][1]
            ) * (x - chain[-2][0]):
                chain.pop()
            chain.append((x, y))
        chains.append(chain[:-1])
    return chains[0] + chains[1]
