"""Rain, snow and fog in front of everything.

Drops fill a box of the world round the camera and wrap round at its sides, so that they fall with
true parallax and never run out.
"""

import numpy as np
import pygame

from sim.camera.pinhole import Camera
from sim.render.geometry.mesh import Light
from sim.render.geometry.sprites import OVERSAMPLE, canvas, shrunk
from sim.render.stage.stage_file import StageFile

RAIN_DROPS = 620
RAIN_BOX_M = np.array([26.0, 26.0, 14.0])
RAIN_SPEED = np.array([-0.8, 0.3, -9.0])  # m/s; drops of 4 mm fall at about 9 (Gunn & Kinzer 1949)
RAIN_STREAK_S = 1.0 / 45.0
"""Time over which a drop is drawn as a streak."""
SNOW_FLAKES = 1100
SNOW_BOX_M = np.array([24.0, 24.0, 12.0])
SNOW_SPEED = np.array([0.5, 0.2, -1.1])  # m/s
FLAKE_M = 0.055
"""Size of a cluster of flakes, as single ones would not be seen (choice)."""
NEAREST_M = 1.2
LONGEST_PX = 90
LARGEST_FLAKE_PX = 16
FADES = 3
"""Steps in which drops fade with distance."""


class Weather:
    """Draws one weather; indoors and in space there is none."""

    def __init__(self, stage: StageFile, weather: str, light: Light, seed: int) -> None:
        self._kind = weather if stage.sky == "open" else "clear"
        rng = np.random.default_rng(seed % 2**32 + 17)
        level = float((light.ambient + light.sun).mean())
        bright = np.clip(np.array([232.0, 240.0, 248.0]) * (0.45 + 0.55 * level), 0, 255)
        self._spots = np.zeros((0, 3))
        if self._kind == "rain":
            self._spots = rng.random((RAIN_DROPS, 3))
            self._sprites = [
                [_streak(px, bright, fade) for px in range(1, LONGEST_PX + 1)]
                for fade in range(FADES)
            ]
        elif self._kind == "snow":
            self._spots = rng.random((SNOW_FLAKES, 3))
            self._sprites = [
                [_flake(px, bright, fade) for px in range(1, LARGEST_FLAKE_PX + 1)]
                for fade in range(FADES)
            ]
        self._phase = rng.uniform(0.0, 2.0 * np.pi, len(self._spots))
        self._veil = pygame.Surface((1, 1))
        self._haze = light.haze

    def draw(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        """Draw the rain, the snow or the veil of fog at a time in s."""
        if self._kind == "fog":
            self._draw_fog(surface, camera)
        elif len(self._spots):
            self._draw_drops(surface, camera, time)

    def _draw_drops(self, surface: pygame.Surface, camera: Camera, time: float) -> None:
        rain = self._kind == "rain"
        box, speed = (RAIN_BOX_M, RAIN_SPEED) if rain else (SNOW_BOX_M, SNOW_SPEED)
        spots = self._spots * box + speed * time
        if not rain:
            spots[:, 0] += 0.35 * np.sin(1.3 * time + self._phase)
            spots[:, 1] += 0.35 * np.cos(1.1 * time + self._phase)
        forward = camera.axes()[2]
        middle = camera.position + 0.42 * box * np.array([forward[0], forward[1], 0.0])
        low = middle - 0.5 * box
        low[2] = max(low[2], 0.0)
        spots = low + (spots - low) % box
        pixels, depth = camera.project(spots)
        width, height = camera.size
        scale = camera.focal_px / np.maximum(depth, NEAREST_M)
        size = scale * (-RAIN_SPEED[2] * RAIN_STREAK_S if rain else FLAKE_M)
        seen = (
            (depth > NEAREST_M)
            & (pixels[:, 0] > -20)
            & (pixels[:, 0] < width)
            & (pixels[:, 1] > -20)
            & (pixels[:, 1] < height + 60)
        )
        fade = np.clip(depth / (0.75 * box[0]) * FADES, 0, FADES - 1).astype(int)
        px = np.clip(size, 1, len(self._sprites[0])).astype(int) - 1
        corner = np.floor(pixels).astype(int)
        chosen = np.flatnonzero(seen)
        rows = zip(fade[chosen].tolist(), px[chosen].tolist(), corner[chosen].tolist(), strict=True)
        surface.fblits([(self._sprites[step][size], spot) for step, size, spot in rows])

    def _draw_fog(self, surface: pygame.Surface, camera: Camera) -> None:
        if self._veil.get_size() != camera.size:
            self._veil = pygame.Surface(camera.size, 0, surface)
            self._veil.fill(self._haze.astype(int).tolist())
            self._veil.set_alpha(34)
        surface.blit(self._veil, (0, 0))


def _streak(px: int, color: np.ndarray, fade: int) -> pygame.Surface:
    image = canvas(3, px)
    tone = [*color.astype(int).tolist(), (170, 130, 90)[fade]]
    height = image.get_height()
    pygame.draw.line(image, tone, (OVERSAMPLE * 1.8, 0), (OVERSAMPLE, height), OVERSAMPLE)
    return shrunk(image)


def _flake(px: int, color: np.ndarray, fade: int) -> pygame.Surface:
    image = canvas(px, px)
    middle = image.get_width() / 2
    tone = [*color.astype(int).tolist(), (235, 200, 150)[fade]]
    pygame.draw.circle(image, tone, (middle, middle), middle)
    return shrunk(image)
