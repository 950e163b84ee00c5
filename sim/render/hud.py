"""Text over the picture: speech bubbles, names and speeds, a scale bar, the clock."""

from functools import lru_cache

import numpy as np
import pygame

from sim.camera.pinhole import Camera
from sim.frame import Cast, Frame
from sim.render.text import Color, Letters, drawable, wrapped

PAPER: Color = (255, 255, 252)
DARK: Color = (34, 40, 54)
PLATE_ALPHA = 150
BUBBLE_CHARS = 26
"""Characters of a line of a bubble."""
BUBBLE_LINES = 4
BARS_M = tuple(step * 10.0**power for power in range(-3, 3) for step in (1.0, 2.0, 5.0))
BAR_SHARE = 0.22
"""Longest scale bar, as a share of the picture's width."""


class Hud:
    """Draws text over pictures of a cast; its size follows the picture's height."""

    def __init__(self, cast: Cast, size: tuple[int, int]) -> None:
        self._ids = list(cast.actor_ids)
        self._text_px = max(9, round(size[1] / 40))
        self._letters = Letters()

    def _text(self, text: str, size: int, color: Color) -> pygame.Surface:
        return self._letters.draw(text, round(1.35 * size), color)

    def _plate(
        self,
        surface: pygame.Surface,
        text: str,
        middle: tuple[float, float],
        taken: list[pygame.Rect] | None = None,
    ) -> None:
        """Draw light text on a dark rounded plate, unless it would cover one of ``taken``."""
        text_px = max(8, round(0.85 * self._text_px))
        image = self._text(text, text_px, PAPER)
        area = pygame.Rect(0, 0, image.get_width() + text_px, image.get_height() + text_px // 2)
        area.center = (round(middle[0]), round(middle[1]))
        if taken is not None:
            if area.collidelist(taken) >= 0:
                return
            taken.append(area)
        surface.blit(_rounded(*area.size, area.height // 2, (*DARK, PLATE_ALPHA)), area)
        surface.blit(image, image.get_rect(center=area.center))

    def names(
        self, surface: pygame.Surface, frame: Frame, places: dict[int, tuple[float, float]]
    ) -> None:
        """Draw name and speed below each actor; places: row -> pixel below the feet.

        Where there is no room for all, the first in ``places`` are drawn.
        """
        speed = np.hypot(frame.velocity[:, 0], frame.velocity[:, 1])
        taken: list[pygame.Rect] = []
        for row, (x, y) in places.items():
            text = f"{self._ids[row].replace('_', ' ')}  {speed[row]:.1f} m/s"
            self._plate(surface, text, (x, y + self._text_px), taken)

    def speech(
        self,
        surface: pygame.Surface,
        texts: dict[int, str],
        heads: dict[int, tuple[float, float]],
    ) -> None:
        """Draw a bubble for each speaker; heads: row -> pixel above the head."""
        taken: list[pygame.Rect] = []
        for row, text in sorted(texts.items()):
            if row in heads and drawable(text).strip():
                taken.append(self._bubble(surface, text, heads[row], taken))

    def _bubble(
        self,
        surface: pygame.Surface,
        text: str,
        tip: tuple[float, float],
        taken: list[pygame.Rect],
    ) -> pygame.Rect:
        text_px = self._text_px
        lines = [self._text(line, text_px, DARK) for line in _wrap(text)]
        width = max(line.get_width() for line in lines) + round(1.4 * text_px)
        step = lines[0].get_height()
        if not text.isascii():  # letters of several fonts, which differ in height
            step = max(line.get_height() for line in lines)
        height = step * len(lines) + round(0.9 * text_px)
        frame_width, frame_height = surface.get_size()
        box = pygame.Rect(0, 0, width, height)
        box.midbottom = (round(tip[0]), round(tip[1] - 0.9 * text_px))
        box.clamp_ip(pygame.Rect(4, 4, frame_width - 8, frame_height - 8))
        for other in taken:
            if box.colliderect(other):
                box.bottom = other.top - 4
        foot = (min(max(round(tip[0]), box.left + text_px), box.right - text_px), box.bottom)
        tail = [(foot[0] - text_px // 2, foot[1] - 2), (foot[0] + text_px // 2, foot[1] - 2)]
        for color, grow in ((DARK, 2), (PAPER, 0)):
            shape = box.inflate(2 * grow, 2 * grow)
            pygame.draw.rect(surface, color, shape, border_radius=text_px // 2 + grow)
            end = (round(tip[0]), round(tip[1]) + grow)
            left, right = (tail[0][0] - grow, tail[0][1]), (tail[1][0] + grow, tail[1][1])
            if end[1] > box.bottom:
                pygame.draw.polygon(surface, color, [left, right, end])
        for i, line in enumerate(lines):
            x = box.centerx - line.get_width() // 2
            surface.blit(line, (x, box.top + round(0.45 * text_px) + i * step))
        return box

    def scale_bar(self, surface: pygame.Surface, camera: Camera, depth: float) -> None:
        """Draw a scale bar for a depth in m, bottom left."""
        scale = float(camera.pixels_per_metre(depth))
        most = BAR_SHARE * surface.get_width()
        fitting = [metres for metres in BARS_M if metres * scale <= most]
        metres = fitting[-1] if fitting else BARS_M[0]
        length, text_px = round(metres * scale), self._text_px
        left, bottom = round(1.2 * text_px), surface.get_height() - round(1.2 * text_px)
        for color, wide in ((DARK, 5), (PAPER, 2)):
            spots = [
                (left, bottom - 6),
                (left, bottom),
                (left + length, bottom),
                (left + length, bottom - 6),
            ]
            pygame.draw.lines(surface, color, False, spots, wide)
        self._plate(surface, f"{metres:g} m", (left + length / 2, bottom - round(1.3 * text_px)))

    def clock(self, surface: pygame.Surface, time: float) -> None:
        """Draw the time since the start, top right."""
        minutes, seconds = divmod(time, 60.0)
        text = f"{int(minutes)}:{seconds:04.1f}"
        text_px = self._text_px
        self._plate(surface, text, (surface.get_width() - 3.2 * text_px, 1.6 * text_px))


@lru_cache(maxsize=128)
def _rounded(
    width: int, height: int, radius: int, color: tuple[int, int, int, int]
) -> pygame.Surface:
    plate = pygame.Surface((width, height), pygame.SRCALPHA)
    pygame.draw.rect(plate, color, plate.get_rect(), border_radius=radius)
    return plate


def _wrap(text: str) -> list[str]:
    """Lines of about BUBBLE_CHARS columns; what is too long ends in dots."""
    lines = wrapped(text, BUBBLE_CHARS)
    if len(lines) > BUBBLE_LINES:
        lines = [*lines[: BUBBLE_LINES - 1], lines[BUBBLE_LINES - 1] + " …"]
    return lines
