"""The pinhole camera: world metres to screen pixels and back.

Everything in a picture is placed by this projection, so parallax, size by distance and depth order
follow from it.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

NEAR_M = 0.15
"""Depth of the near plane: nothing nearer to the camera is drawn."""


@dataclass(slots=True, eq=False)
class Camera:
    """A pinhole camera. Its horizon is level.

    ``focal`` is the focal length in picture heights, so a resized window shows the same height.
    """

    position: np.ndarray = field(default_factory=lambda: np.array([0.0, -12.0, 2.2]))  # m
    pitch: float = -0.05  # rad, negative looks down
    yaw: float = 0.0  # rad, 0 looks along +y, positive turns left
    focal: float = 1.6
    size: tuple[int, int] = (1280, 720)  # px, width and height

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.focal * self.size[1]

    def axes(self) -> np.ndarray:
        """(3, 3) world directions of the camera's right, up and forward, as rows."""
        return _axes(self.yaw, self.pitch)

    def to_view(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) m to the camera's right, up and forward (..., 3) m."""
        return (np.asarray(points, float) - self.position) @ self.axes().T

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (..., 3) m to pixels (..., 2) and depth (...) m along the view.

        Points nearer than NEAR_M or behind are projected as if at NEAR_M; check the depth.
        """
        view = self.to_view(points)
        depth = view[..., 2]
        scale = self.focal_px / np.maximum(depth, NEAR_M)
        pixels = np.empty((*view.shape[:-1], 2))
        pixels[..., 0] = self.size[0] / 2 + view[..., 0] * scale
        pixels[..., 1] = self.size[1] / 2 - view[..., 1] * scale
        return pixels, depth

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """World directions (..., 3) through pixels (..., 2), each one metre along the view."""
        pixels = np.asarray(pixels, float)
        right = (pixels[..., 0] - self.size[0] / 2) / self.focal_px
        up = (self.size[1] / 2 - pixels[..., 1]) / self.focal_px
        axes = self.axes()
        return right[..., None] * axes[0] + up[..., None] * axes[1] + axes[2]

    def to_ground(self, pixels: np.ndarray) -> np.ndarray:
        """Where the rays through pixels (..., 2) meet the ground: (..., 3) m, nan if nowhere."""
        rays = self.rays(pixels)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = -self.position[2] / rays[..., 2]
        reach = np.where(np.isfinite(reach) & (reach > 0.0), reach, np.nan)
        return self.position + reach[..., None] * rays

    def pixels_per_metre(self, depth: float | np.ndarray) -> float | np.ndarray:
        """Size in pixels of one metre across the view at a depth in metres."""
        return self.focal_px / np.maximum(depth, NEAR_M)


@lru_cache(maxsize=8)
def _axes(yaw: float, pitch: float) -> np.ndarray:
    """(3, 3) right, up and forward; cached, as a picture needs it a dozen times."""
    cy, sy = math.cos(yaw), math.sin(yaw)
    cp, sp = math.cos(pitch), math.sin(pitch)
    axes = np.array([[cy, sy, 0.0], [sp * sy, -sp * cy, cp], [-cp * sy, cp * cy, sp]])
    axes.flags.writeable = False
    return axes
