"""Named places of a stage: home plate, the mound, the penalty spot. Reads only the stage files."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

FALLBACK = "generic"
"""The stage of every theme that has no file of its own."""


def stage_path(theme: str) -> Path:
    """The file of a theme's stage, or of the fallback."""
    folder = Path(str(files("assets"))) / "stages"
    path = folder / f"{theme}.json"
    return path if path.is_file() else folder / f"{FALLBACK}.json"


@cache
def places(theme: str) -> dict[str, tuple[float, float]]:
    """Named spots of a theme's stage in metres on the ground."""
    stage = json.loads(stage_path(theme).read_text(encoding="utf-8"))
    return {name: (float(x), float(y)) for name, (x, y) in stage.get("places", {}).items()}
