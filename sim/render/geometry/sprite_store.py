"""Sprites kept by key, up to a number of bytes, not of entries: few large or many small.

A camera that zooms asks for every size once, so what counts is memory; what was used last stays.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

import pygame

K = TypeVar("K", bound=Hashable)

PLAIN_PX = 1280 * 720
"""Pixels of a picture up to which a store holds its plain number of bytes."""


class Sprite(NamedTuple):
    """A surface, and the pixels of its origin from the left and the top."""

    surface: pygame.Surface
    left: float = 0.0
    top: float = 0.0


class SpriteStore(Generic[K]):
    """Sprites made when first asked for; the one not used for longest is dropped first."""

    def __init__(self, most_bytes: int) -> None:
        """most_bytes: but the newest sprite stays, however large it is."""
        self._plain_bytes = self._most_bytes = most_bytes
        self._sprites: OrderedDict[K, Sprite] = OrderedDict()
        self.n_bytes = 0

    def fit(self, size: tuple[int, int]) -> None:
        """Hold more for pictures larger than PLAIN_PX, each of which needs larger sprites."""
        share = max(1.0, size[0] * size[1] / PLAIN_PX)
        self._most_bytes = round(self._plain_bytes * share)

    def get(self, key: K, make: Callable[[K], Sprite]) -> Sprite:
        """The sprite of a key, which ``make`` draws if it is not there."""
        # ``make`` is not kept: with its owner it would form a cycle that outlives both.
        sprite = self._sprites.get(key)
        if sprite is not None:
            self._sprites.move_to_end(key)
            return sprite
        sprite = self._sprites[key] = make(key)
        self.n_bytes += _size(sprite.surface)
        while self.n_bytes > self._most_bytes and len(self._sprites) > 1:
            self.n_bytes -= _size(self._sprites.popitem(last=False)[1].surface)
        return sprite


def _size(surface: pygame.Surface) -> int:
    """Bytes of a surface's pixels; a packed one takes less."""
    return surface.get_width() * surface.get_height() * surface.get_bytesize()
