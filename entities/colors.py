"""Colours by name: one palette, so that any cast looks well together."""

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (214, 64, 69),
    "blue": (52, 108, 196),
    "green": (58, 148, 92),
    "yellow": (238, 190, 62),
    "orange": (232, 126, 52),
    "purple": (128, 84, 172),
    "pink": (232, 122, 160),
    "brown": (128, 88, 60),
    "black": (38, 40, 46),
    "white": (244, 244, 240),
    "gray": (128, 134, 142),
    "grey": (128, 134, 142),
    "silver": (178, 184, 192),
    "gold": (214, 168, 60),
    "teal": (44, 142, 148),
    "navy": (36, 56, 104),
    "maroon": (126, 44, 54),
    "cyan": (70, 180, 206),
    "lime": (140, 196, 72),
    "beige": (222, 204, 170),
    "tan": (202, 170, 126),
    "violet": (150, 106, 200),
    "turquoise": (62, 184, 168),
    "crimson": (182, 36, 62),
    "olive": (124, 128, 60),
}

ACTOR_COLORS: tuple[str, ...] = (
    "blue", "red", "purple", "orange", "teal", "crimson", "navy", "violet", "maroon", "turquoise",
)  # fmt: skip
"""What actors without a colour wear, in turn: bright, and none of them grass, sand or earth."""


def to_rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue 0-255 of a name or ``#rrggbb``. Raises ValueError for an unknown name."""
    if color.startswith("#"):
        return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
    if color not in COLORS:
        raise ValueError(
            f"unknown colour {color!r}; expected #rrggbb or one of {', '.join(COLORS)}"
        )
    return COLORS[color]
