"""Effects of motion: dust, flashes and speed lines.

Every particle is a function of its mark's age and a hash of the mark; nothing is kept between
frames, so that any frame can be drawn alone and in any order.
"""

import math
from functools import lru_cache

import numpy as np
import pygame

from entities.components import Mark
from entities.units import DT
from sim.camera.pinhole import NEAR_M, Camera
from sim.frame import Frame
from sim.render.geometry.sprite_cache import DrawCall, DrawItem
from sim.render.geometry.sprite_store import Sprite, SpriteStore
from sim.render.geometry.sprites import stretched

Color = tuple[int, int, int]

DUST_S = 0.85
"""How long dust is seen."""
DUST_SPEED = 2.2
"""m/s below which a step raises no dust."""
PUFFS = 4
"""Puffs of dust per step."""
FLASH_S = 0.20
FLASH_SPEED = 3.0
"""m/s below which a hit gives no flash."""
SPEED_LINE_SPEED = 6.5
"""m/s from which an actor has speed lines."""
SPEED_LINE_HEIGHTS = (0.34, 0.62, 0.86)
"""Heights of speed lines, as shares of the actor's stature."""
LONGEST_LINE_PX = 2_000
"""Speed lines longer than this are no lines any more."""
FLASH_COLOR: Color = (255, 240, 190)
SPEED_LINE_COLOR: Color = (255, 255, 255)
SMALLEST_PX = 1.5
LARGEST_PX = 160
LARGEST_DISC_PX = 400_000
"""Soft discs that cover more than this are stretched from one that does not."""
DISC_BYTES = 4_000_000
"""Most memory of the discs kept."""
REACH_M = 1.5
"""Marks farther outside the picture have no effect in it."""


def soft_disc(width: int, height: int, color: Color) -> pygame.Surface:
    """A soft-edged ellipse, opaque in its middle; ``blit_soft`` sets its strength."""
    x = (np.arange(width) + 0.5) / width * 2.0 - 1.0
    y = (np.arange(height) + 0.5) / height * 2.0 - 1.0
    away = np.clip(1.0 - (x[:, None] ** 2 + y[None, :] ** 2), 0.0, 1.0)
    disc = pygame.Surface((width, height), pygame.SRCALPHA)
    disc.fill((*color, 0))
    alpha = pygame.surfarray.pixels_alpha(disc)
    alpha[:] = np.rint(255.0 * away * (2.0 - away) * np.sqrt(away)).astype(np.uint8)
    return disc


_DISCS = SpriteStore[tuple[int, int, Color]](DISC_BYTES)


def _kept_disc(width: int, height: int, color: Color) -> pygame.Surface:
    return _DISCS.get((width, height, color), lambda look: Sprite(soft_disc(*look))).surface


def blit_soft(
    surface: pygame.Surface,
    color: Color,
    centre: tuple[float, float],
    half: tuple[float, float],
    strength: float,
) -> None:
    """Blit a soft ellipse at a centre with half axes in pixels; strength 0..1."""
    # Sizes go in steps of 1/8 so that the cache serves a camera that never stands still.
    width, height = _step(2.0 * half[0]), _step(2.0 * half[1])
    corner = round(centre[0] - width / 2), round(centre[1] - height / 2)
    shrink = math.sqrt(width * height / LARGEST_DISC_PX)
    if shrink > 1.0:
        small = max(2, round(width / shrink)), max(2, round(height / shrink))
        large = stretched(_kept_disc(*small, color), corner, (width, height), surface.get_size())
        if large is None:
            return
        disc, corner = large
    else:
        disc = _kept_disc(width, height, color)
    disc.set_alpha(round(255 * min(1.0, max(0.0, strength))))
    surface.blit(disc, corner)


def _step(length: float) -> int:
    """A length in pixels, rounded down to an eighth of its power of two."""
    size = max(2, round(min(length, 8.0 * LARGEST_PX)))
    grain = max(1, 1 << max(0, size.bit_length() - 4))
    return max(2, size // grain * grain)


@lru_cache(maxsize=4096)
def _mark_uniforms(tick: int, position: tuple[float, float, float], count: int) -> list[float]:
    """``count`` numbers in 0..1 of a mark, the same in every frame (PCG's integer hash)."""
    x, y, z = (round(1000.0 * value) for value in position)
    state = (tick * 747796405 + x * 2891336453 + y * 277803737 + z * 1013904223) & 0xFFFFFFFF
    values = []
    for _ in range(count):
        state = (state * 747796405 + 2891336453) & 0xFFFFFFFF
        word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737 & 0xFFFFFFFF
        values.append(((word >> 22) ^ word) / 2**32)
    return values


def mark_effects(frame: Frame, camera: Camera, dust: Color) -> list[DrawItem]:
    """Dust and flashes of a frame's marks; dust: its colour."""
    fresh = [mark for mark in frame.marks if 0.0 <= frame.time - mark.tick * DT <= DUST_S]
    if not fresh:
        return []
    pixels, depths = camera.project(np.array([mark.position for mark in fresh]))
    scales = camera.pixels_per_metre(depths).tolist()
    width, height = camera.size
    items: list[DrawItem] = []
    rows = zip(fresh, pixels.tolist(), depths.tolist(), scales, strict=True)
    for mark, pixel, depth, scale in rows:
        reach = REACH_M * scale
        if depth < NEAR_M or not (
            -reach < pixel[0] < width + reach and -reach < pixel[1] < height + reach
        ):
            continue
        age = frame.time - mark.tick * DT
        if mark.kind in ("step", "land", "crash") and mark.strength > DUST_SPEED:
            items.append((depth, _puff(mark, age, pixel, scale, dust)))
        if mark.kind in ("kick", "hit", "crash") and mark.strength > FLASH_SPEED and age < FLASH_S:
            items.append((depth - 0.3, _flash(mark, age, pixel, scale)))
    return items


def _puff(mark: Mark, age: float, pixel: list[float], scale: float, dust: Color) -> DrawCall:
    share = age / DUST_S
    vigour = min(1.0, (mark.strength - DUST_SPEED) / 6.0 + 0.25)
    spread = 1.0 - math.exp(-4.0 * age)
    fade = 0.62 * vigour * (1.0 - share) ** 1.6

    def draw(surface: pygame.Surface) -> None:
        uniforms = _mark_uniforms(mark.tick, mark.position, 3 * PUFFS)
        for i in range(0, 3 * PUFFS, 3):
            across, rise, size = uniforms[i : i + 3]
            radius = scale * (0.03 + (0.06 + 0.10 * size) * spread) * (0.6 + 0.6 * vigour)
            if radius > SMALLEST_PX:
                x = pixel[0] + scale * (across - 0.5) * (0.12 + 0.75 * spread * vigour)
                y = pixel[1] - scale * (0.03 + rise * spread * 0.30 * vigour)
                blit_soft(surface, dust, (x, y), (radius, 0.8 * radius), fade)

    return draw


def _flash(mark: Mark, age: float, pixel: list[float], scale: float) -> DrawCall:
    share = age / FLASH_S
    reach = scale * (0.12 + 0.04 * min(mark.strength, 12.0)) * (0.35 + 0.65 * share)
    start = _mark_uniforms(mark.tick, mark.position, 1)[0] * np.pi

    def draw(surface: pygame.Surface) -> None:
        blit_soft(surface, FLASH_COLOR, pixel, (0.7 * reach, 0.7 * reach), 0.8 * (1.0 - share))
        width_px = max(1, round(0.025 * scale * (1.0 - share)))
        for ray in range(7):
            angle = start + ray * 2.0 * np.pi / 7.0
            direction = np.array([np.cos(angle), np.sin(angle)])
            inner = np.array(pixel) + (0.45 + 0.45 * share) * reach * direction
            outer = np.array(pixel) + (1.0 if ray % 2 else 0.8) * reach * direction
            pygame.draw.aaline(surface, FLASH_COLOR, inner, outer, width_px)

    return draw


def speed_lines(frame: Frame, camera: Camera, stature: np.ndarray) -> list[tuple[int, DrawCall]]:
    """Speed lines behind every sprinting actor: its row and a draw call. stature: (A,) m."""
    speed = np.hypot(frame.velocity[:, 0], frame.velocity[:, 1])
    found = []
    for row in np.flatnonzero(speed > SPEED_LINE_SPEED).tolist():
        direction = frame.velocity[row] * (1.0, 1.0, 0.0) / speed[row]
        length = min(2.2, 0.35 + 0.7 * (float(speed[row]) - SPEED_LINE_SPEED))
        # The lines flutter slowly, so that they do not look fixed to the actor.
        flutter = 0.16 * np.sin(9.0 * frame.time + 2.1 * np.arange(3) + row)
        starts = frame.root[row] + np.outer(-0.42 - 0.1 * flutter, direction)
        starts[:, 2] += stature[row] * np.array(SPEED_LINE_HEIGHTS)
        ends = starts - np.outer(length * (1.0 + 2.0 * flutter), direction)
        pixels, depth = camera.project(np.stack([starts, ends], axis=1))
        if depth.min() > NEAR_M:
            strength = min(1.0, (float(speed[row]) - SPEED_LINE_SPEED) / 1.2)
            width_px = 0.016 * float(camera.pixels_per_metre(depth[0, 0]))
            found.append((row, _speed_line(pixels, width_px, strength)))
    return found


def _speed_line(pixels: np.ndarray, width_px: float, strength: float) -> DrawCall:
    def draw(surface: pygame.Surface) -> None:
        low = np.floor(pixels.min(axis=(0, 1)) - 3.0)
        high = np.ceil(pixels.max(axis=(0, 1)) + 3.0)
        if (high - low > LONGEST_LINE_PX).any():
            return
        low = np.clip(low, 0.0, surface.get_size()).astype(int)
        room = np.clip(high, 0.0, surface.get_size()).astype(int) - low
        if not room.all():
            return
        canvas = pygame.Surface(room.tolist(), pygame.SRCALPHA)
        for start, end in pixels - low:
            across = np.array([start[1] - end[1], end[0] - start[0]])
            across = across / max(1e-6, float(np.hypot(*across))) * max(0.7, width_px)
            for share, alpha in ((1.0, 34), (0.66, 62), (0.33, 96)):
                tip = start + share * (end - start)
                color = (*SPEED_LINE_COLOR, round(alpha * strength))
                pygame.draw.polygon(canvas, color, [start + across, tip, start - across])
        surface.blit(canvas, low.tolist())

    return draw
