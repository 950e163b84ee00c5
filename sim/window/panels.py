"""What a window writes over its picture: its state, messages, the keys, a line being typed."""

from dataclasses import dataclass

import pygame

Color = tuple[int, int, int]
INK: Color = (255, 255, 252)
GROUND: Color = (34, 40, 54)
GROUND_ALPHA = 205
TYPED: Color = (255, 214, 64)
TROUBLE: Color = (255, 150, 130)
MARGIN_PX = 14
TEXT_SHARE = 1 / 32
"""Height of the text as a share of the picture's, as far as a person can still read it."""
MIN_TEXT_PX, MAX_TEXT_PX = 14, 30
COLUMN_GAP = 1.2
"""Between keys and what they do, in text heights."""


@dataclass(slots=True)
class Entry:
    """A line being typed; ``trouble`` is why the last one could not be played."""

    whom: str | None = None  # the actor it is said to; None asks for a new scene
    text: str = ""
    trouble: str = ""


class Panels:
    """Text on dark panels, sized to the picture's height."""

    def __init__(self, size: tuple[int, int]) -> None:
        pygame.font.init()
        text_px = min(max(round(size[1] * TEXT_SHARE), MIN_TEXT_PX), MAX_TEXT_PX)
        self._font = pygame.font.Font(None, text_px)

    def state(self, surface: pygame.Surface, text: str) -> None:
        """One line, bottom right."""
        words = [[(text, INK)]]
        width, height = self._extent(words)
        right, bottom = surface.get_width() - MARGIN_PX, surface.get_height() - MARGIN_PX
        self._panel(surface, words, (right - width, bottom - height))

    def message(self, surface: pygame.Surface, text: str) -> None:
        """One line at the top, in the middle."""
        words = [[(line, INK)] for line in self._wrapped(text, surface.get_width() // 2)]
        self._panel(surface, words, (self._middle(surface, words)[0], MARGIN_PX))

    def keys(self, surface: pygame.Surface, keys: list[tuple[str, str]]) -> None:
        """Two columns in the middle: which key does what."""
        words = [[(key, TYPED), (binding, INK)] for key, binding in keys]
        self._panel(surface, words, self._middle(surface, words))

    def entry(self, surface: pygame.Surface, entry: Entry) -> None:
        """The line being typed, its end in view, and what was wrong with the last one; low down."""
        room = surface.get_width() - 8 * MARGIN_PX
        shown = entry.text
        while shown and self._font.size(shown)[0] > room:
            shown = shown[1:]
        asked = "New scene; Enter plays it" if entry.whom is None else f"What {entry.whom} does now"
        words = [
            [(f"{asked}, Esc goes back", INK)],
            [(shown + "|", TYPED)],
            *([(line, TROUBLE)] for line in self._wrapped(entry.trouble, room)),
        ]
        left, middle = self._middle(surface, words, room)
        self._panel(surface, words, (left, round(1.5 * middle)), room)

    def _wrapped(self, text: str, room: int) -> list[str]:
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self._font.size(longer)[0] <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def _columns(self, words: list[list[tuple[str, Color]]]) -> list[float]:
        """Width of each column but for the gaps."""
        return [
            max(self._font.size(line[i][0])[0] for line in words if len(line) > i)
            for i in range(max(len(line) for line in words))
        ]

    def _extent(self, words: list[list[tuple[str, Color]]], room: int = 0) -> tuple[int, int]:
        columns = self._columns(words)
        gaps = COLUMN_GAP * self._font.get_height() * (len(columns) - 1)
        step = self._font.get_linesize() + 2
        return max(round(sum(columns) + gaps), room) + 2 * MARGIN_PX, len(words) * step + MARGIN_PX

    def _middle(
        self, surface: pygame.Surface, words: list[list[tuple[str, Color]]], room: int = 0
    ) -> tuple[int, int]:
        width, height = self._extent(words, room)
        return (surface.get_width() - width) // 2, (surface.get_height() - height) // 2

    def _panel(
        self,
        surface: pygame.Surface,
        words: list[list[tuple[str, Color]]],
        corner: tuple[int, int],
        room: int = 0,
    ) -> None:
        ground = pygame.Surface(self._extent(words, room), pygame.SRCALPHA, 32)
        pygame.draw.rect(
            ground, (*GROUND, GROUND_ALPHA), ground.get_rect(), border_radius=MARGIN_PX // 2
        )
        surface.blit(ground, corner)
        columns = self._columns(words)
        gap = COLUMN_GAP * self._font.get_height()
        for row, line in enumerate(words):
            x = corner[0] + MARGIN_PX
            y = corner[1] + MARGIN_PX // 2 + row * (self._font.get_linesize() + 2)
            for (text, color), width in zip(line, columns, strict=False):
                surface.blit(self._font.render(text, True, color), (x, y))
                x += width + gap
