"""Stride in four names: a Scene, a sentence to make one, a run of it, a video of it."""

import os
from typing import TYPE_CHECKING, Any

from entities.scene import Scene

if TYPE_CHECKING:
    from sim.loop import simulate
    from sim.output.video import render_video
    from sim.story import parse_prompt

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # stdout is for what was asked for

__all__ = ["Scene", "parse_prompt", "render_video", "simulate"]

_HOMES = {"parse_prompt": "sim.story", "simulate": "sim.loop", "render_video": "sim.output.video"}


def __getattr__(name: str) -> Any:
    """Load the story engine, the physics and the video writer only when they are asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
