"""Any text is drawn: letters as ever, others from a font that has them or as a box."""

import numpy as np
import pygame
import pytest

from sim.render.text import Letters, columns, drawable, wrapped

ODD = (
    "",
    "\u200b",
    "\x00",
    "a\x00b",
    "\ud800",
    "\u0301",
    "e\u0301\u0300\u0308",
    "one\u2028two\u2029three\tfour\nfive",
    "\u202eabc",
    "שלום עולם",
    "你好世界 こんにちは 한국어",
    "🎉👩\u200d👩\u200d👧❤\ufe0f",
    "\U0010fffe\ue000",
    "a" * 2_000,
)


@pytest.fixture(scope="module")
def letters() -> Letters:
    return Letters()


def ink(image: pygame.Surface) -> int:
    """How many pixels are not empty."""
    return int((pygame.surfarray.array_alpha(image) > 0).sum())


@pytest.mark.parametrize("text", ODD)
def test_any_text_has_a_picture(letters, text):
    image = letters.draw(text, 24, (0, 0, 0))
    assert image.get_width() >= 1
    assert (ink(image) > 0) == bool(drawable(text).strip())
    assert letters.width(text, 24) >= 0


def test_plain_text_is_drawn_by_the_font_alone(letters):
    pygame.font.init()
    image = letters.draw("A woman runs, 4.2 m/s", 30, (10, 20, 30))
    expected = pygame.font.Font(None, 30).render("A woman runs, 4.2 m/s", True, (10, 20, 30))
    assert image.get_size() == expected.get_size()
    assert pygame.image.tobytes(image, "RGBA") == pygame.image.tobytes(expected, "RGBA")


def test_what_no_font_has_is_a_box_each(letters):
    one, three = (letters.draw("\U0010fffe" * n, 24, (0, 0, 0)) for n in (1, 3))
    assert three.get_width() == 3 * one.get_width()
    alpha = pygame.surfarray.array_alpha(one)
    rows = np.flatnonzero(alpha.any(axis=0))
    assert (alpha[:-1, rows[0]] == 255).all()  # a line along the top
    assert not alpha[1:-2, rows[0] + 1 : rows[-1]].any()  # round nothing


def test_words_break_where_they_must():
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped("x" * 20, 8) == ["x" * 8, "x" * 8, "xxxx"]
    assert wrapped("你好世界你好", 8) == ["你好世界", "你好"]
    assert wrapped("\u200b", 8) == [""]
    assert columns("你a") == 3
