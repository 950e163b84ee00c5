"""Script files: timed sentences that change a scene after it began.

Either lines ``3.5 now she sits`` or ``3.5 anna: now she sits`` (blank lines and lines that begin
with # are skipped), or a JSON list of a scene file's events.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from entities.files import parse_json, read_text, shortened, text_lines
from entities.scene import MAX_ENTRIES, Event, Scene, explain

MAX_SCRIPT_BYTES = 1 << 20
LINE = re.compile(
    r"(?P<t>\d+(?:\.\d*)?|\.\d+)\s+(?:(?P<actor>[\w-]+):\s+)?(?P<text>\S.*)", re.DOTALL
)
_EVENTS = TypeAdapter(Annotated[list[Event], Field(max_length=MAX_ENTRIES, fail_fast=True)])


def with_script(scene: Scene, path: Path) -> Scene:
    """The scene with the sentences of a script file added to its events, in order of time.

    Raises ValueError naming the file and line, OSError if the file cannot be read.
    """
    text = read_text(path, MAX_SCRIPT_BYTES)
    added = _from_json(path, text) if text.lstrip().startswith("[") else _from_lines(path, text)
    events = [*scene.events, *added]
    if len(events) > MAX_ENTRIES:
        raise ValueError(f"{path}: {len(events)} sentences; expected {MAX_ENTRIES} at most")
    known = {actor.id for actor in scene.actors}
    for event in added:
        if event.actor is not None and event.actor not in known:
            raise ValueError(
                f"{path}: {event.t:g} s: no actor {event.actor!r}; "
                f"expected one of {', '.join(sorted(known)) or 'none: the scene is empty'}"
            )
    return scene.model_copy(update={"events": sorted(events, key=lambda event: event.t)})


def _from_json(path: Path, text: str) -> list[Event]:
    try:
        return _EVENTS.validate_python(parse_json(text, str(path)))
    except ValidationError as error:
        raise ValueError(f"{path}: {explain(error).removeprefix('scene: ')}") from None


def _from_lines(path: Path, text: str) -> list[Event]:
    events = []
    for number, line in enumerate(text_lines(text), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if found is None:
            raise ValueError(
                f"{path}:{number}: {shortened(line)}; expected '3.5 [actor:] now she sits'"
            )
        try:
            events.append(Event(t=float(found["t"]), actor=found["actor"], text=found["text"]))
        except ValidationError as error:
            raise ValueError(f"{path}:{number}: {explain(error)}") from None
    return events
