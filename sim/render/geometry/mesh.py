"""Draws a mesh: which elements face the viewer, in what order, in what light.

Numpy works on all elements at once; then each is filled by one call.
"""

from dataclasses import dataclass, field

import numpy as np
import pygame

from sim.camera.pinhole import NEAR_M, Camera
from sim.render.geometry.draw_order import draw_order
from sim.render.geometry.polygons import (
    OFF_SCREEN_PX,
    clip_polygon,
    fill_disc,
    fill_polygon,
    is_slanted,
)
from sim.render.geometry.shapes import BALL, FACE, Mesh

SMOOTH_PX = 14.0
"""Meshes less tall than this are drawn without anti-aliasing, which would not be seen."""
LARGEST_SMOOTH_PX = 2_000.0
"""Balls with a larger radius have plain edges: smooth ones take time by their size."""
ROUND_LEVEL = 0.62
"""Light level of elements without a normal (balls, tubes), between lit (1) and shaded (0)."""
FEW_LAMPS = 10
"""With more glowing elements than this, only some of them are lit at night."""
COLORS_KEPT = 64
"""Entries in a mesh's cache of lit colours."""
LAMPLIGHT = np.array([255.0, 214.0, 132.0])


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """The light of a scene: shades a colour by how it faces, then adds haze by distance."""

    direction: np.ndarray = field(  # (3,) unit, towards the light
        default_factory=lambda: np.array([-0.45, -0.55, 0.70]) / np.linalg.norm([0.45, 0.55, 0.7])
    )
    sun: np.ndarray = field(default_factory=lambda: np.array([0.50, 0.49, 0.46]))  # (3,) factor
    ambient: np.ndarray = field(default_factory=lambda: np.array([0.55, 0.56, 0.60]))  # (3,)
    haze: np.ndarray = field(default_factory=lambda: np.array([205.0, 225.0, 240.0]))  # (3,) 0..255
    haze_m: float = 700.0  # distance at which 63 % of a colour is haze
    glow: float = 0.0  # 0 lamps off .. 1 lamps shine

    def lit(self, color: np.ndarray, level: np.ndarray | float, distance: float) -> np.ndarray:
        """Colours (..., 3) 0..255 at light levels (...) 0 shaded .. 1 lit, at a distance in m."""
        shaded = color * (self.ambient + self.sun * np.asarray(level)[..., None])
        return self.hazed(shaded, distance)

    def hazed(self, color: np.ndarray, distance: float | np.ndarray) -> np.ndarray:
        """Colours (..., 3) 0..255 behind haze over a distance (...) in metres."""
        veil = 1.0 - np.exp(-np.asarray(distance) / self.haze_m)
        hazy = color + (self.haze - color) * veil[..., None]
        return np.minimum(np.maximum(hazy, 0.0), 255.0)


DAYLIGHT = Light()


def rotation_matrix(
    heading: float, tilt: np.ndarray | None = None, spin: float = 0.0
) -> np.ndarray:
    """(3, 3) rotation whose columns are an object's forward, left and up axes in the world.

    heading: rad. tilt: (3,) where the up axis points, None for straight up. spin: rad rolled
    forward about the left axis.
    """
    cos, sin = np.cos(heading), np.sin(heading)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    if spin:
        cos, sin = np.cos(spin), np.sin(spin)
        turn = turn @ np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    if tilt is not None:
        up = np.asarray(tilt, float) / np.linalg.norm(tilt)
        if up[2] < -0.9999:
            return np.diag([1.0, -1.0, -1.0]) @ turn
        # Rodrigues' rotation of z onto up.
        cross = np.array([[0.0, 0.0, up[0]], [0.0, 0.0, up[1]], [-up[0], -up[1], 0.0]])
        turn = (np.eye(3) + cross + cross @ cross / (1.0 + up[2])) @ turn
    return turn


def draw_mesh(
    surface: pygame.Surface,
    camera: Camera,
    mesh: Mesh,
    position: np.ndarray,
    turn: np.ndarray,
    size: float,
    own_color: tuple[int, int, int] | np.ndarray,
    light: Light,
    *,
    smooth: bool = True,
) -> None:
    """Draw a mesh whose origin is at position (3,) m, rotated by turn (3, 3), size m tall.

    own_color: 0..255, of the elements that take the object's colour. smooth: edges are
    anti-aliased where the mesh is large enough for that to be seen.
    """
    world = mesh.points @ (turn.T * size) + position
    pixels, depth = camera.project(world)
    width, height = camera.size
    nearest = depth.min()
    if depth.max() < NEAR_M:
        return
    margin = OFF_SCREEN_PX
    if nearest > NEAR_M:
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        margin += float(mesh.radius.max()) * size * camera.focal_px / nearest
        if (
            high[0] < -margin
            or high[1] < -margin
            or low[0] > width + margin
            or low[1] > height + margin
        ):
            return
    eye = (camera.position - position) @ turn / size
    distance = float(np.sqrt(eye @ eye)) * size
    height_px = size * camera.focal_px / max(distance, NEAR_M)
    plane_side = mesh.normal @ eye - mesh.offset
    visible = (mesh.both | (plane_side > 0.0)) & (mesh.detail <= height_px)
    near = nearest <= NEAR_M or bool(np.abs(pixels).max() > 4.0 * width)
    if not near and (low.min() < 0.0 or high[0] > width or high[1] > height):
        visible &= _on_screen(mesh, pixels, camera, size / float(nearest))
    smooth = smooth and height_px > SMOOTH_PX
    slanted_edges = _slanted_edges(mesh, pixels) if smooth else []
    first_edge = mesh.first_edge.tolist()
    colors = _element_colors(mesh, plane_side, turn, own_color, light, distance)
    points = (pixels - 0.5).tolist()
    seen = visible.tolist()
    kinds = mesh.kind.tolist()
    right, up = (camera.axes()[:2] @ light.direction).tolist()
    strength = float(light.sun.mean())
    tones = (right, up, 1.0 - 0.32 * strength, 1.0 + 0.24 * strength)
    brush = _Brush(surface, tones, smooth)
    polygon, aaline = pygame.draw.polygon, pygame.draw.aaline
    for i in draw_order(mesh, eye):
        if not seen[i]:
            continue
        names = mesh.corners[i]
        if kinds[i] == FACE:
            color = colors[i]
            if near:
                outline = clip_polygon(camera, world[list(names)])
                if len(outline) > 2:
                    polygon(surface, color, outline)
                    if smooth:
                        pygame.draw.aalines(surface, color, True, outline)
                continue
            outline = [points[k] for k in names]
            polygon(surface, color, outline)
            if smooth:
                # Upright and level edges are crisp as they are.
                first = first_edge[i]
                for k, slanted in enumerate(slanted_edges[first : first + len(names)]):
                    if slanted:
                        aaline(surface, color, outline[k], outline[k + 1 - len(names)])
        elif kinds[i] == BALL:
            k = names[0]
            if depth[k] > NEAR_M:
                radius = mesh.radius[i, 0] * size * camera.focal_px / depth[k]
                brush.ball(colors[i], points[k], float(radius))
        else:
            first, second = names
            if depth[first] > NEAR_M and depth[second] > NEAR_M:
                wide = mesh.radius[i] * size * camera.focal_px / depth[list(names)]
                brush.tube(colors[i], points[first], points[second], float(wide[0]), float(wide[1]))


def _on_screen(mesh: Mesh, pixels: np.ndarray, camera: Camera, scale: float) -> np.ndarray:
    """(E,) bool, which elements may touch the picture.

    scale: the mesh's size divided by the depth of its nearest point.
    """
    spots = pixels[mesh.edges[0]]
    margin = mesh.radius.max(axis=1)[:, None] * (scale * camera.focal_px) + 2.0
    low = np.minimum.reduceat(spots, mesh.first_edge) - margin
    high = np.maximum.reduceat(spots, mesh.first_edge) + margin
    return ((high > 0.0) & (low < camera.size)).all(axis=1)


def _slanted_edges(mesh: Mesh, pixels: np.ndarray) -> list[bool]:
    """Which edges of the elements' outlines need anti-aliasing: a list of L bools."""
    return is_slanted(np.abs(pixels[mesh.edges[0]] - pixels[mesh.edges[1]])).tolist()


def _element_colors(
    mesh: Mesh,
    plane_side: np.ndarray,
    turn: np.ndarray,
    own_color: tuple[int, int, int] | np.ndarray,
    light: Light,
    distance: float,
) -> list[list[int]]:
    """Colour of each element. Colours before haze are cached, as few objects turn all the time."""
    away = mesh.both & (plane_side < 0.0)
    key = (*(int(c) for c in own_color), light, turn.tobytes(), away.tobytes())
    shaded = mesh.lit_colors.get(key)
    if shaded is None:
        if len(mesh.lit_colors) > COLORS_KEPT:
            mesh.lit_colors.clear()
        shaded = _shaded(mesh, away, turn, np.asarray(own_color, float), light)
        mesh.lit_colors[key] = shaded
    return light.hazed(shaded, distance).astype(int).tolist()


def _shaded(
    mesh: Mesh, away: np.ndarray, turn: np.ndarray, own_color: np.ndarray, light: Light
) -> np.ndarray:
    """(E, 3) colours of the elements in this light; those away (E,) are seen from their back."""
    base = np.where(mesh.own[:, None], own_color, mesh.color) * mesh.shade[:, None]
    facing = mesh.normal @ (light.direction @ turn) * np.where(away, -1.0, 1.0)
    level = np.where(mesh.normal.any(axis=1), 0.5 + 0.5 * facing, ROUND_LEVEL)
    shaded = base * (light.ambient + light.sun * level[:, None])
    if light.glow and mesh.glow.any():
        shine = light.glow * mesh.glow
        if mesh.glow.sum() > FEW_LAMPS:
            # Not every window of a house is lit: six of ten are.
            shine = np.where(np.arange(len(shine)) * 7 % 10 < 6, shine, 0.12 * shine)
        shaded += (base + (LAMPLIGHT - base) * 0.6 - shaded) * shine[:, None]
    return shaded


@dataclass(slots=True)
class _Brush:
    """Draws the elements that are no polygons: balls and tubes."""

    surface: pygame.Surface
    # How far the light comes from the right and from above; factors of the dark and the pale tone.
    tones: tuple[float, float, float, float]
    smooth: bool

    def ball(self, color: list[int], centre: list[float], radius: float) -> None:
        """Draw a disc in three tones, the lighter ones shifted towards the light; radius in px."""
        x, y = centre
        if radius < 2.0:
            pygame.draw.circle(self.surface, color, centre, max(radius, 1.0))
            return
        right, up, dark, pale = self.tones
        red, green, blue = color
        rim = (int(red * dark), int(green * dark), int(blue * dark))
        if self.smooth and radius < 200.0:
            pygame.draw.aacircle(self.surface, rim, centre, radius)
        else:
            fill_disc(self.surface, rim, centre, radius)
        if radius < 4.0:
            return
        is_smooth = self.smooth and 24.0 < radius <= LARGEST_SMOOTH_PX
        circle = pygame.draw.aacircle if is_smooth else fill_disc
        spot = (x + 0.13 * radius * right, y - 0.13 * radius * up)
        circle(self.surface, color, spot, 0.86 * radius)
        lit = (min(255, int(red * pale)), min(255, int(green * pale)), min(255, int(blue * pale)))
        spot = (x + 0.30 * radius * right, y - 0.30 * radius * up)
        circle(self.surface, lit, spot, 0.52 * radius)

    def tube(
        self, color: list[int], a: list[float], b: list[float], wide_a: float, wide_b: float
    ) -> None:
        """Draw a piece of tube with radii in px at its ends, with round ends where they show."""
        dx, dy = b[0] - a[0], b[1] - a[1]
        length = (dx * dx + dy * dy) ** 0.5
        widest = max(wide_a, wide_b)
        if widest < 0.8:
            pygame.draw.aaline(self.surface, color, a, b)
            return
        if length > 0.5:
            nx, ny = -dy / length, dx / length
            outline = [
                (a[0] + nx * wide_a, a[1] + ny * wide_a),
                (b[0] + nx * wide_b, b[1] + ny * wide_b),
                (b[0] - nx * wide_b, b[1] - ny * wide_b),
                (a[0] - nx * wide_a, a[1] - ny * wide_a),
            ]
            fill_polygon(self.surface, color, outline)
            if self.smooth:
                pygame.draw.aalines(self.surface, color, True, outline)
        if widest > 1.5:
            fill_disc(self.surface, color, a, wide_a)
            fill_disc(self.surface, color, b, wide_b)
