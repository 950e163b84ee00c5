"""Text over the picture of a window: state, messages, the list of keys, a line being typed."""

from dataclasses import dataclass

import pygame

Color = tuple[int, int, int]
INK: Color = (255, 255, 252)
GROUND: Color = (34, 40, 54)
GROUND_ALPHA = 205
TYPED: Color = (255, 214, 64)
ERROR: Color = (255, 150, 130)
MARGIN_PX = 14
TEXT_SHARE = 1 / 32
"""Height of the text as a share of the picture's height."""
MIN_TEXT_PX, MAX_TEXT_PX = 14, 30
"""Limits of that height, between which text is readable and lines stay short (choice)."""
COLUMN_GAP = 1.2
"""Gap between two columns, in text heights."""

Lines = list[list[tuple[str, Color]]]
"""Lines of a panel, each a text and its colour per column."""


@dataclass(slots=True)
class Entry:
    """A line being typed; ``error`` says why the one before was refused."""

    actor: str | None = None  # who is told; None: the line is a new scene
    text: str = ""
    error: str = ""


class Panels:
    """Text on dark panels, sized to the picture's height."""

    def __init__(self, size: tuple[int, int]) -> None:
        pygame.font.init()
        text_px = min(max(round(size[1] * TEXT_SHARE), MIN_TEXT_PX), MAX_TEXT_PX)
        self._font = pygame.font.Font(None, text_px)

    def state(self, surface: pygame.Surface, text: str) -> None:
        """Draw one line at the bottom right."""
        lines = [[(text, INK)]]
        width, height = self._extent(lines)
        right, bottom = surface.get_width() - MARGIN_PX, surface.get_height() - MARGIN_PX
        self._panel(surface, lines, (right - width, bottom - height))

    def message(self, surface: pygame.Surface, text: str) -> None:
        """Draw a message at the top middle, wrapped to half the picture's width."""
        lines = [[(line, INK)] for line in self._wrapped(text, surface.get_width() // 2)]
        self._panel(surface, lines, (self._middle(surface, lines)[0], MARGIN_PX))

    def keys(self, surface: pygame.Surface, keys: list[tuple[str, str]]) -> None:
        """Draw two columns in the middle: keys and what they do."""
        lines = [[(key, TYPED), (what, INK)] for key, what in keys]
        self._panel(surface, lines, self._middle(surface, lines))

    def entry(self, surface: pygame.Surface, entry: Entry) -> None:
        """Draw the line being typed, its end in view, and its error; in the lower half."""
        room = surface.get_width() - 8 * MARGIN_PX
        shown = entry.text
        while shown and self._font.size(shown)[0] > room:
            shown = shown[1:]
        actor = entry.actor
        asked = "New scene; Enter plays it" if actor is None else f"What {actor} does now"
        lines = [
            [(f"{asked}, Esc goes back", INK)],
            [(shown + "|", TYPED)],
            *([(line, ERROR)] for line in self._wrapped(entry.error, room)),
        ]
        left, middle = self._middle(surface, lines, room)
        self._panel(surface, lines, (left, round(1.5 * middle)), room)

    def _wrapped(self, text: str, room: int) -> list[str]:
        """The text in lines of at most ``room`` pixels, where words allow."""
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self._font.size(longer)[0] <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def _columns(self, lines: Lines) -> list[float]:
        """Width of each column in pixels, without the gaps."""
        return [
            max(self._font.size(line[i][0])[0] for line in lines if len(line) > i)
            for i in range(max(len(line) for line in lines))
        ]

    def _extent(self, lines: Lines, room: int = 0) -> tuple[int, int]:
        columns = self._columns(lines)
        gaps = COLUMN_GAP * self._font.get_height() * (len(columns) - 1)
        step = self._font.get_linesize() + 2
        return max(round(sum(columns) + gaps), room) + 2 * MARGIN_PX, len(lines) * step + MARGIN_PX

    def _middle(self, surface: pygame.Surface, lines: Lines, room: int = 0) -> tuple[int, int]:
        width, height = self._extent(lines, room)
        return (surface.get_width() - width) // 2, (surface.get_height() - height) // 2

    def _panel(
        self,
        surface: pygame.Surface,
        lines: Lines,
        corner: tuple[int, int],
        room: int = 0,
    ) -> None:
        ground = pygame.Surface(self._extent(lines, room), pygame.SRCALPHA, 32)
        pygame.draw.rect(
            ground, (*GROUND, GROUND_ALPHA), ground.get_rect(), border_radius=MARGIN_PX // 2
        )
        surface.blit(ground, corner)
        columns = self._columns(lines)
        gap = COLUMN_GAP * self._font.get_height()
        for row, line in enumerate(lines):
            x = corner[0] + MARGIN_PX
            y = corner[1] + MARGIN_PX // 2 + row * (self._font.get_linesize() + 2)
            for (text, color), width in zip(line, columns, strict=False):
                surface.blit(self._font.render(text, True, color), (x, y))
                x += width + gap
