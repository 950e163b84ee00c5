"""Text on pictures: whatever is said or typed is drawn, with a box for what no font has.

pygame's own font has Latin letters. Other characters come from the first of the system's fonts that
has them; which ones there are differs between systems, and so do such pictures.
"""

import unicodedata
import warnings
from itertools import groupby

import pygame

from sim.render.geometry.sprite_store import Sprite, SpriteStore

Color = tuple[int, int, int]

TEXT_BYTES = 2_000_000
"""Most memory of the texts kept."""
FONTS_KEPT = 16
PROBE_PX = 24
"""Size at which a font is asked whether it has a character."""
MISSING = "\U0010fffe"
"""No font has this: a glyph that looks like it is none."""
OWN_SHARE = 0.6875
"""Size of pygame's own font, as a share of the size asked for; other fonts get no such discount."""
BOX_SHARE = 0.55
"""Width of the box for a missing character, as a share of the height of the letters."""
LARGEST_LETTERS = 2.5
"""Most height of another font, in heights of pygame's own."""
MOST_FONTS = 48
"""Fonts of the system that are searched."""
PREFERRED = ("cjk", "fallback", "unicode", "pingfang", "hiragino", "gothic", "yahei", "malgun",
             "simsun", "emoji", "symbol", "dejavusans", "noto")  # fmt: skip
"""Parts of the names of fonts with many characters, which are searched first."""
CHARS_KNOWN = 20_000


def drawable(text: str) -> str:
    """The text with all that has no shape taken out, and one space for every kind of space.

    A lone half of a surrogate pair, which no font takes, becomes the replacement character.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = []
    for char in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(char)
        if kind == "Cs":
            kept.append("\N{REPLACEMENT CHARACTER}")
        elif kind in ("Cc", "Zs", "Zl", "Zp"):
            kept.append(" " if char.isspace() else "")
        elif kind != "Cf" and not "\ufe00" <= char <= "\ufe0f":  # variation selectors
            kept.append(char)
    return "".join(kept)


def columns(text: str) -> int:
    """Width of a text in letters; Chinese, Japanese and Korean ones and emoji count twice."""
    if text.isascii():
        return len(text)
    return sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def wrapped(text: str, most: int) -> list[str]:
    """Lines of at most ``most`` columns. Words are kept whole unless one alone is longer."""
    lines = [""]
    for word in drawable(text).split():
        between = " " if lines[-1] else ""
        for piece in _pieces(word, most):
            if lines[-1] and columns(lines[-1] + between + piece) > most:
                lines.append(piece)
            else:
                lines[-1] += between + piece
            between = ""
    return lines


def _pieces(word: str, most: int) -> list[str]:
    """A word whole, or in parts where it may be broken: at wide characters, and where it must."""
    if columns(word) <= most:
        return [word]
    pieces = [""]
    for char in word:
        if columns(pieces[-1] + char) > most or columns(char) == 2:
            pieces.append("")
        pieces[-1] += char
    return [piece for piece in pieces if piece]


class Letters:
    """Draws text in the fonts there are."""

    def __init__(self) -> None:
        pygame.font.init()
        self._fonts: dict[tuple[str | None, int], pygame.font.Font] = {}
        self._texts = SpriteStore[tuple[str, int, Color]](TEXT_BYTES)
        self._paths: list[str] | None = None  # of the system's fonts, once they are needed
        self._probes: dict[str | None, tuple[pygame.font.Font, bytes]] = {}
        self._path_of: dict[str, str | None] = {}  # "" where no font has the character

    def draw(self, text: str, size: int, color: Color) -> pygame.Surface:
        """A picture of one line of text; ``size`` is that of pygame's own font."""
        return self._texts.get((drawable(text), size, color), self._render).surface

    def width(self, text: str, size: int) -> int:
        """Width of a line in px."""
        text = drawable(text)
        if not text:
            return 0
        if text.isascii():
            return self._font(None, size).size(text)[0]
        return sum(self._extent(path, part, size) for path, part in self._runs(text))

    def height(self, size: int) -> int:
        """Height of a line in px."""
        return self._font(None, size).get_height()

    def line_height(self, size: int) -> int:
        """Height from one line to the next in px."""
        return self._font(None, size).get_linesize()

    def _render(self, key: tuple[str, int, Color]) -> Sprite:
        text, size, color = key
        own = self._font(None, size)
        if not text:
            return Sprite(pygame.Surface((1, own.get_height()), pygame.SRCALPHA))
        if text.isascii():
            return Sprite(own.render(text, True, color))
        images = []
        for path, part in self._runs(text):
            if path == "":
                images += [(self._box(size, color), own.get_ascent())] * len(part)
                continue
            font = self._font(path, size)
            if not font.size(part)[0]:
                continue
            image, ascent = font.render(part, True, color), font.get_ascent()
            shrink = self._shrink(font, size)
            if shrink < 1.0:
                image, ascent = pygame.transform.smoothscale_by(image, shrink), ascent * shrink
            images.append((image, round(ascent)))
        if len(images) == 1:
            return Sprite(images[0][0])
        above = max((ascent for _, ascent in images), default=own.get_ascent())
        below = max((image.get_height() - up for image, up in images), default=1)
        room = max(1, sum(image.get_width() for image, _ in images)), max(1, above + below)
        line = pygame.Surface(room, pygame.SRCALPHA)
        line.fill((*color, 0))
        x = 0
        for image, ascent in images:
            line.blit(image, (x, above - ascent))
            x += image.get_width()
        return Sprite(line)

    def _extent(self, path: str | None, part: str, size: int) -> int:
        """Width in px of a run."""
        if path == "":
            return self._box_width(size) * len(part)
        font = self._font(path, size)
        return round(self._shrink(font, size) * font.size(part)[0])

    def _shrink(self, font: pygame.font.Font, size: int) -> float:
        """Factor on what a font draws: some have pictures of one size only, which may be large."""
        return min(1.0, LARGEST_LETTERS * self._font(None, size).get_height() / font.get_height())

    def _font(self, path: str | None, size: int) -> pygame.font.Font:
        font = self._fonts.get((path, size))
        if font is None:
            if len(self._fonts) >= FONTS_KEPT:
                self._fonts.clear()
            real = size if path is None else max(1, round(OWN_SHARE * size))
            font = self._fonts[path, size] = pygame.font.Font(path, real)
        return font

    def _box_width(self, size: int) -> int:
        return max(4, round(BOX_SHARE * self._font(None, size).get_height())) + 1

    def _box(self, size: int, color: Color) -> pygame.Surface:
        own = self._font(None, size)
        box = pygame.Surface((self._box_width(size), own.get_height()), pygame.SRCALPHA)
        tall = max(4, round(0.8 * own.get_ascent()))
        pygame.draw.rect(
            box, color, (0, own.get_ascent() - tall, box.get_width() - 1, tall), width=1
        )
        return box

    def _runs(self, text: str) -> list[tuple[str | None, str]]:
        """The text in parts of one font each: its path, None for pygame's own, "" for none."""
        return [(path, "".join(part)) for path, part in groupby(text, self._path)]

    def _path(self, char: str) -> str | None:
        if char.isascii():
            return None
        if char not in self._path_of:
            if len(self._path_of) >= CHARS_KNOWN:
                self._path_of.clear()
            self._path_of[char] = self._search(char)
        return self._path_of[char]

    def _search(self, char: str) -> str | None:
        if self._has(None, char):
            return None
        if self._paths is None:
            self._paths = _system_fonts()
        return next((path for path in self._paths if self._has(path, char)), "")

    def _has(self, path: str | None, char: str) -> bool:
        if path not in self._probes:
            try:
                font = pygame.font.Font(path, PROBE_PX)
                self._probes[path] = font, _pixels(font, MISSING)
            except (OSError, pygame.error):  # a file that pygame cannot read has no characters
                self._paths = [known for known in self._paths or [] if known != path]
                return False
        font, missing = self._probes[path]
        return _pixels(font, char) not in (b"", missing)


def _pixels(font: pygame.font.Font, char: str) -> bytes:
    """What a character looks like; b"" for nothing at all."""
    if not font.size(char)[0]:
        return b""
    image = font.render(char, True, (255, 255, 255))
    return str(image.get_size()).encode() + pygame.image.tobytes(image, "RGBA")


def _system_fonts() -> list[str]:
    """Paths of the system's fonts, those with many characters first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without fontconfig there are none: boxes are drawn
        names = pygame.font.get_fonts()
    ranks = {
        name: next((i for i, part in enumerate(PREFERRED) if part in name), len(PREFERRED))
        for name in names
    }
    ordered = sorted(names, key=lambda name: (ranks[name], name))[:MOST_FONTS]
    return [path for name in ordered if (path := pygame.font.match_font(name))]
