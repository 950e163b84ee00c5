"""Sprites drawn by hand: specks, clouds, halos, discs, spectators.

Each is drawn OVERSAMPLE times too large and scaled down, which smooths its edges.
"""

import numpy as np
import pygame

OVERSAMPLE = 4
ALL_BUT_SOLID = 248
"""Opacity, 0..255, from which on a pixel of a scaled sprite counts as opaque."""
SPECK_PX = 40
"""Width of the largest speck."""
SPECK_FADES = 4
"""Steps in which specks fade with distance."""
CLOUD_SHAPES = 5


def canvas(width: int, height: int) -> pygame.Surface:
    """An empty surface to draw a width x height px sprite on, OVERSAMPLE times too large."""
    return pygame.Surface((width * OVERSAMPLE, height * OVERSAMPLE), pygame.SRCALPHA)


def shrunk(image: pygame.Surface, alpha: float = 1.0) -> pygame.Surface:
    """The sprite drawn on a ``canvas``, at its own size; alpha scales its opacity."""
    width, height = image.get_size()
    small = pygame.transform.smoothscale(
        _spread(image), (max(1, width // OVERSAMPLE), max(1, height // OVERSAMPLE))
    )
    if alpha < 1.0:
        small.fill((255, 255, 255, int(255 * alpha)), special_flags=pygame.BLEND_RGBA_MULT)
    return small


def _spread(image: pygame.Surface) -> pygame.Surface:
    """A copy whose empty pixels have the mean colour, so that scaling does not darken edges."""
    filled = image.copy()
    pixels = pygame.surfarray.pixels2d(filled)
    *masks, alpha = (np.uint32(mask) for mask in image.get_masks())
    solid = (pixels & alpha) != 0
    drawn = pixels[solid]
    if len(drawn):
        mean = 0
        for mask, shift in zip(masks, image.get_shifts(), strict=False):
            total = int(((drawn & mask) >> np.uint32(shift)).sum(dtype=np.uint64))
            mean |= total // len(drawn) << shift
        np.copyto(pixels, np.uint32(mean), where=~solid)
    del pixels
    return filled


def stretched(
    sprite: pygame.Surface,
    corner: tuple[float, float],
    size: tuple[float, float],
    picture: tuple[int, int],
) -> tuple[pygame.Surface, tuple[int, int]] | None:
    """What is seen of a sprite that is stretched over a part of a picture, and where it begins.

    corner, size: px, of the whole stretched sprite. Only the part inside the picture is made, so
    its cost does not grow with the size; None if there is none.
    """
    part, spot, room = [], [], []
    for low, length, have, most in zip(corner, size, sprite.get_size(), picture, strict=True):
        per_px = length / have
        first = max(0, int(np.floor(-low / per_px)))
        last = min(have, int(np.ceil((most - low) / per_px)))
        if last <= first:
            return None
        begin = round(low + first * per_px)
        part.append((first, last - first))
        spot.append(begin)
        room.append(max(1, round(low + last * per_px) - begin))
    (x, wide), (y, tall) = part
    seen = pygame.transform.smoothscale(sprite.subsurface((x, y, wide, tall)), room)
    return seen, (spot[0], spot[1])


def packed(image: pygame.Surface) -> pygame.Surface:
    """The sprite run-length encoded: opaque runs are copied, empty ones skipped. Changes its input.

    Scaling leaves opaque pixels slightly translucent, which is mended first.
    """
    alpha = pygame.surfarray.pixels_alpha(image)
    np.copyto(alpha, 255, where=alpha >= ALL_BUT_SOLID)
    del alpha
    image.set_alpha(255, pygame.RLEACCEL)
    return image


def speck_height(kind: str, px: int | np.ndarray) -> int | np.ndarray:
    """Height in pixels of specks that are px wide."""
    tall = {"tuft": 0.9, "flower": 1.2, "crater": 0.34, "wave": 0.16}.get(kind, 0.45)
    return np.maximum(1, np.rint(px * tall)).astype(int)


def speck(kind: str, color: np.ndarray, px: int, fade: int) -> pygame.Surface:
    """A speck, px wide; fade 0 .. SPECK_FADES - 1 makes it fainter."""
    image = canvas(px, int(speck_height(kind, px)))
    width, height = image.get_size()
    tone = color.astype(int).tolist()
    dark = (color * 0.72).astype(int).tolist()
    pale = np.minimum(color * 1.16, 255).astype(int).tolist()
    if kind in ("tuft", "flower"):
        for foot, tip, top in ((0.42, 0.12, 0.35), (0.5, 0.5, 0.0), (0.58, 0.88, 0.28)):
            blade = [(foot - 0.08, 1.0), (foot + 0.08, 1.0), (tip, top)]
            shade = tone if kind == "tuft" else (74, 128, 62)
            pygame.draw.polygon(image, shade, [(x * width, y * height) for x, y in blade])
        if kind == "flower":
            pygame.draw.circle(image, tone, (width * 0.5, height * 0.22), width * 0.22)
            pygame.draw.circle(image, (250, 224, 120), (width * 0.5, height * 0.22), width * 0.09)
    elif kind == "crater":
        pygame.draw.ellipse(image, pale, (0, 0, width, height))
        pygame.draw.ellipse(image, dark, (0, 0, width, height * 0.86))
        pygame.draw.ellipse(image, tone, (width * 0.08, height * 0.22, width * 0.84, height * 0.64))
    elif kind == "wave":
        pygame.draw.ellipse(image, tone, (0, height * 0.3, width, height * 0.6))
    else:
        pygame.draw.ellipse(image, dark, (0, 0, width, height))
        pygame.draw.ellipse(image, tone, (0, 0, width * 0.94, height * 0.8))
    return shrunk(image, (1.0, 0.8, 0.5, 0.25)[fade])


def glow(radius: int, color: np.ndarray, core: float, power: float) -> pygame.Surface:
    """A soft disc of light on black, to be added; full out to the share ``core`` of its radius."""
    axis = (np.arange(2 * radius) - radius + 0.5) / radius
    away = np.hypot(axis[:, None], axis[None, :])
    level = np.clip((1.0 - away) / max(1.0 - core, 1e-6), 0.0, 1.0) ** power
    image = pygame.Surface((2 * radius, 2 * radius), 0, 32)
    pixels = pygame.surfarray.pixels3d(image)
    pixels[:] = (level[..., None] * color).astype(np.uint8)
    del pixels
    return image


def disc(radius: int, color: np.ndarray) -> pygame.Surface:
    """A smooth disc."""
    image = canvas(2 * radius, 2 * radius)
    middle = radius * OVERSAMPLE
    pygame.draw.circle(image, color.astype(int).tolist(), (middle, middle), middle)
    return shrunk(image)


def cloud(shape: int, width: int, lit: np.ndarray, base: np.ndarray) -> pygame.Surface:
    """Cloud number ``shape`` of CLOUD_SHAPES: puffs on a flat base, lit above, darker below."""
    height = width // 3
    rng = np.random.default_rng(shape)
    puffs = []
    n = 7
    for i in range(n):
        x = 0.12 + 0.76 * i / (n - 1) + rng.uniform(-0.02, 0.02)
        arch = np.sin(np.pi * (i + 0.5) / n)
        radius = 0.05 + 0.085 * arch * rng.uniform(0.75, 1.15)
        puffs.append((x, 0.31 - radius - 0.04 * arch * rng.uniform(0.0, 1.0), radius))
    image = pygame.Surface((width * 2, height * 2), pygame.SRCALPHA)
    wide = image.get_width()
    for tone, drop, grow in ((base, 0.0, 1.0), (0.5 * (lit + base), 0.012, 0.93), (lit, 0.03, 0.8)):
        color = tone.astype(int).tolist()
        for x, y, radius in puffs:
            centre = (x * wide, (y - drop) * wide)
            pygame.draw.circle(image, color, centre, radius * grow * wide)
        if grow == 1.0:
            pygame.draw.rect(
                image, color, (0.1 * wide, 0.25 * wide, 0.8 * wide, 0.06 * wide),
                border_radius=int(0.03 * wide),
            )  # fmt: skip
    small = pygame.transform.smoothscale(_spread(image), (width, height))
    small.fill((255, 255, 255, 216), special_flags=pygame.BLEND_RGBA_MULT)
    return small


def spectator(shirt: np.ndarray, skin: np.ndarray, px: int) -> pygame.Surface:
    """Head and shoulders of a spectator, px wide."""
    image = canvas(px, max(1, round(px * 1.35)))
    width, height = image.get_size()
    pygame.draw.ellipse(image, shirt.astype(int).tolist(), (0, height * 0.42, width, height * 0.9))
    head = (width * 0.5, height * 0.28)
    pygame.draw.circle(image, skin.astype(int).tolist(), head, width * 0.27)
    return shrunk(image)
