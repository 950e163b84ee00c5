"""Text over the picture of a window: state, messages, the list of keys, a line being typed."""

import pygame

from sim.render.text import Color, Letters, drawable
from sim.window.entry import Entry

INK: Color = (255, 255, 252)
GROUND: Color = (34, 40, 54)
GROUND_ALPHA = 205
ENTRY_ALPHA = 240
"""Opacity of the ground under a line being typed, which names below it do not shine through."""
TYPED: Color = (255, 214, 64)
ERROR: Color = (255, 150, 130)
MARGIN_PX = 14
TEXT_SHARE = 1 / 32
"""Height of the text as a share of the picture's height."""
MIN_TEXT_PX, MAX_TEXT_PX = 14, 30
"""Limits of that height, between which text is readable and lines stay short (choice)."""
LEAST_TEXT_PX = 8
"""Height of the list of keys where the picture has no room for more."""
COLUMN_GAP = 1.2
"""Gap between two columns, in text heights."""
FOOT_SHARE = 0.1
"""Share of the picture's height at its bottom that is left to the scale bar."""

Lines = list[list[tuple[str, Color]]]
"""Lines of a panel, each a text and its colour per column."""


class Panels:
    """Text on dark panels, sized to the picture's height."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._letters = Letters()
        self._px = min(max(round(size[1] * TEXT_SHARE), MIN_TEXT_PX), MAX_TEXT_PX)

    def state(self, surface: pygame.Surface, text: str) -> None:
        """Draw one line at the bottom right."""
        lines = [[(self._cut(text, surface.get_width() - 4 * MARGIN_PX), INK)]]
        width, height = self._extent(lines, self._px)
        right, bottom = surface.get_width() - MARGIN_PX, surface.get_height() - MARGIN_PX
        self._panel(surface, lines, (right - width, bottom - height), self._px)

    def message(self, surface: pygame.Surface, text: str, bottom: int) -> int:
        """Draw a message at the top middle, in half the width; what has no room ends in dots.

        bottom: px it may reach. Returns the px that it reaches, 0 if there is no room at all.
        """
        most = (bottom - 2 * MARGIN_PX) // self._step(self._px)
        lines = self._wrapped(text, surface.get_width() // 2, most)
        if not lines:
            return 0
        rows = [[(line, INK)] for line in lines]
        width, height = self._extent(rows, self._px)
        self._panel(surface, rows, ((surface.get_width() - width) // 2, MARGIN_PX), self._px)
        return MARGIN_PX + height

    def keys(self, surface: pygame.Surface, keys: list[tuple[str, str]]) -> pygame.Rect:
        """Draw two columns in the middle: keys and what they do. Returns the area."""
        lines: Lines = [[(key, TYPED), (what, INK)] for key, what in keys]
        room, px = surface.get_size(), self._px
        while px > LEAST_TEXT_PX:
            extent = self._extent(lines, px)
            if extent[0] <= room[0] - MARGIN_PX and extent[1] <= room[1] - MARGIN_PX:
                break
            px -= 1
        area = pygame.Rect((0, 0), self._extent(lines, px))
        area.center = surface.get_rect().center
        self._panel(surface, lines, area.topleft, px)
        return area

    def entry(self, surface: pygame.Surface, entry: Entry, top: int) -> None:
        """Draw the line being typed, its cursor in view, and its error, above the picture's foot.

        top: px that the message above reaches, which the panel keeps below.
        """
        height = surface.get_height()
        room = max(surface.get_width() - 8 * MARGIN_PX, 4 * self._px)
        foot = max(round(FOOT_SHARE * height), self._step(self._px) + 3 * MARGIN_PX)
        bottom = height - foot
        actor = entry.actor
        asked = "New scene; Enter plays it" if actor is None else f"What {actor} does now"
        most = max(1, (bottom - top - 2 * MARGIN_PX) // self._step(self._px) - 2)
        lines: Lines = [
            [(self._cut(f"{asked}, Esc goes back", room), INK)],
            [(self._in_view(entry, room), TYPED)],
            *([(line, ERROR)] for line in self._wrapped(entry.error, room, most)),
        ]
        width, tall = self._extent(lines, self._px, room)
        corner = (surface.get_width() - width) // 2, bottom - tall
        self._panel(surface, lines, corner, self._px, room, ENTRY_ALPHA)

    def _in_view(self, entry: Entry, room: int) -> str:
        """The part of a line round its cursor that fits in ``room`` pixels, with the cursor."""
        text, cursor = entry.text, entry.cursor
        left = room - self._letters.width("|", self._px)
        first, last = cursor, cursor
        # To the left of the cursor there is more to see than to its right.
        for share in (0.75, 1.0):
            while (
                first > 0 and self._letters.width(text[first - 1 : last], self._px) <= share * left
            ):
                first -= 1
            while (
                last < len(text) and self._letters.width(text[first : last + 1], self._px) <= left
            ):
                last += 1
        return text[first:cursor] + "|" + text[cursor:last]

    def _cut(self, text: str, room: int) -> str:
        """The text, or as much of it as fits in ``room`` pixels and dots."""
        text = drawable(text[:400])
        if self._letters.width(text, self._px) <= room:
            return text
        while text and self._letters.width(text + "…", self._px) > room:
            text = text[:-1]
        return text + "…"

    def _wrapped(self, text: str, room: int, most: int) -> list[str]:
        """The text in at most ``most`` lines of ``room`` pixels, cut within words where it must."""
        lines: list[str] = []
        for word in drawable(text).split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self._letters.width(longer, self._px) <= room:
                lines[-1] = longer
                continue
            while len(word) > 1 and self._letters.width(word, self._px) > room:
                fits = max(1, room // max(1, self._letters.width(word, self._px) // len(word)))
                while fits > 1 and self._letters.width(word[:fits], self._px) > room:
                    fits -= 1
                lines.append(word[:fits])
                word = word[fits:]
                if len(lines) > most:
                    break
            lines.append(word)
            if len(lines) > most:
                break
        if len(lines) > most > 0:
            lines = [*lines[: most - 1], self._cut(lines[most - 1] + " …", room)]
        return lines[: max(0, most)]

    def _step(self, px: int) -> int:
        """Pixels from one line to the next."""
        return self._letters.line_height(px) + 2

    def _columns(self, lines: Lines, px: int) -> list[float]:
        """Width of each column in pixels, without the gaps."""
        return [
            max(self._letters.width(line[i][0], px) for line in lines if len(line) > i)
            for i in range(max(len(line) for line in lines))
        ]

    def _extent(self, lines: Lines, px: int, room: int = 0) -> tuple[int, int]:
        columns = self._columns(lines, px)
        gaps = COLUMN_GAP * self._letters.height(px) * (len(columns) - 1)
        width = max(round(sum(columns) + gaps), room) + 2 * MARGIN_PX
        return width, len(lines) * self._step(px) + MARGIN_PX

    def _panel(
        self,
        surface: pygame.Surface,
        lines: Lines,
        corner: tuple[int, int],
        px: int,
        room: int = 0,
        alpha: int = GROUND_ALPHA,
    ) -> None:
        ground = pygame.Surface(self._extent(lines, px, room), pygame.SRCALPHA, 32)
        pygame.draw.rect(ground, (*GROUND, alpha), ground.get_rect(), border_radius=MARGIN_PX // 2)
        surface.blit(ground, corner)
        columns = self._columns(lines, px)
        gap = COLUMN_GAP * self._letters.height(px)
        for row, line in enumerate(lines):
            x = corner[0] + MARGIN_PX
            y = corner[1] + MARGIN_PX // 2 + row * self._step(px)
            for (text, color), width in zip(line, columns, strict=False):
                surface.blit(self._letters.draw(text, px, color), (x, y))
                x += width + gap
