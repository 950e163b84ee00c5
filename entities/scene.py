"""The scene file: everything a run needs, validated once.

``Scene.model_validate`` and ``load_scene`` raise; ``explain`` turns the error into one line. The
docstrings of models and enums are part of the JSON schema that users can print.
"""

import re
import reprlib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from entities.actions import ActionType
from entities.colors import to_rgb
from entities.files import parse_json, read_text
from entities.objects import ObjectType
from entities.skeleton import ACTOR_SCALES, ActorType
from entities.units import EARTH_GRAVITY

SCENE_VERSION = 1
MAX_SCENE_BYTES = 4 << 20
"""The largest scene file; what it becomes with all defaults written out is at most 16 MiB."""
MAX_ACTORS = 1_000
MAX_OBJECTS = 1_000
MAX_ENTRIES = 10_000
"""Of one list: an actor's actions, cues or path, the camera's keyframes, the scene's events."""
MAX_ENTRIES_IN_ALL = 100_000
"""Of all those lists of a scene together."""
MAX_DURATION_S = 3_600.0
MAX_PATH_SPEED = 12.0
"""m/s. A path that needs more is refused: nobody runs faster (Bolt's peak in 2009 was 12.3)."""
MAX_PATH_ACCELERATION = 10.0
"""m/s² sustained along a path."""
WORLD_EXTENT_M = 100_000.0

_Strict = ConfigDict(extra="forbid", allow_inf_nan=False)
Coordinate = Annotated[float, Field(ge=-WORLD_EXTENT_M, le=WORLD_EXTENT_M)]
Seconds = Annotated[float, Field(ge=0.0, le=MAX_DURATION_S)]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL letter, which nothing can draw; expected text")
    return text


Written = Annotated[str, AfterValidator(_without_nul)]
Name = Annotated[Written, Field(min_length=1, max_length=64)]
Text = Annotated[Written, Field(max_length=2_000)]

EventIndex = Annotated[int, Field(ge=0)]


_SHOWN = 60
"""Letters of a value in a refusal."""
_LISTED = 12
"""Names of a list in a refusal."""
_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = _brief.maxlong = _SHOWN


def _shown(value: Any) -> str:
    """A value as it is shown in a refusal: on one line, cut to _SHOWN letters."""
    text = _brief.repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _listed(kind: type[StrEnum]) -> BeforeValidator:
    """A validator that names the members of ``kind`` for an unknown value."""

    names = [member.value for member in kind]

    def check(value: Any) -> Any:
        if isinstance(value, str) and value in names:
            return value
        allowed = ", ".join(names)
        raise ValueError(f"unknown {_shown(value)}; expected one of {allowed}")

    return BeforeValidator(check)


Action = Annotated[ActionType, _listed(ActionType)]
Kind = Annotated[ActorType, _listed(ActorType)]
Thing = Annotated[ObjectType, _listed(ObjectType)]


def _color(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"a colour is text, not {_shown(value)}")
    if len(value) > _SHOWN or (value[:1] == "#" and not re.fullmatch("#[0-9a-fA-F]{6}", value)):
        raise ValueError(
            f"unknown colour {_shown(value)}; expected #rrggbb, six hexadecimal digits"
        )
    to_rgb(value)
    return value


Color = Annotated[str, BeforeValidator(_color)]


class TimeOfDay(StrEnum):
    """When a scene plays; it sets the light."""

    DAWN = "dawn"
    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


class Weather(StrEnum):
    """What falls from the sky."""

    CLEAR = "clear"
    CLOUDY = "cloudy"
    RAIN = "rain"
    SNOW = "snow"
    FOG = "fog"


class CameraMode(StrEnum):
    """How the camera moves by itself."""

    FOLLOW = "follow"
    FIT = "fit"
    FIXED = "fixed"
    ORBIT = "orbit"


class Point(BaseModel):
    """A place in the world, in metres."""

    model_config = _Strict
    x: Coordinate
    y: Coordinate
    z: Coordinate | None = None


class Cue(BaseModel):
    """What an actor attends to, says or holds from time ``t`` on."""

    model_config = _Strict
    t: Seconds
    target: Name | None = None
    say: Text | None = None
    gaze: Name | None = None
    style: Name | None = None
    intensity: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    prop: Name | None = None


PathKnot = tuple[Seconds, Point]


def _check_times(name: str, times: list[float], *, strict: bool) -> None:
    for i in range(1, len(times)):
        if times[i] < times[i - 1] or (strict and times[i] == times[i - 1]):
            order = "increasing" if strict else "sorted"
            raise ValueError(
                f"{name}[{i}][0]: {times[i]:g} s comes after {times[i - 1]:g} s; "
                f"times must be {order}"
            )


class Actor(BaseModel):
    """Somebody who acts. An actor with a ``movement_path`` is where it says, when it says.

    ``brought_by`` is the index of the event that brings the actor on stage; when the scene is
    played, that event makes it anew.
    """

    model_config = _Strict
    id: Name
    initial_position: Point
    actor_type: Kind = ActorType.HUMAN
    color: Color | None = None
    heading: Annotated[float, Field(ge=-1_000.0, le=1_000.0)] = 0.0
    actions: list[tuple[Seconds, Action]] = Field(
        default_factory=list, max_length=MAX_ENTRIES, fail_fast=True
    )
    team: Name | None = None
    role: Name | None = None
    scale: Annotated[float, Field(ge=0.1, le=10.0)] | None = None
    style: Name | None = None
    style_intensity: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    caption: Text = ""
    prop: Name | None = None
    cues: list[Cue] = Field(default_factory=list, max_length=MAX_ENTRIES, fail_fast=True)
    velocity: (
        tuple[
            Annotated[float, Field(ge=-MAX_PATH_SPEED, le=MAX_PATH_SPEED)],
            Annotated[float, Field(ge=-MAX_PATH_SPEED, le=MAX_PATH_SPEED)],
        ]
        | None
    ) = None
    movement_path: list[PathKnot] | None = Field(None, max_length=MAX_ENTRIES, fail_fast=True)
    brought_by: EventIndex | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Actor":
        if self.scale is None:
            self.scale = ACTOR_SCALES[self.actor_type]
        _check_times("actions", [t for t, _ in self.actions], strict=False)
        _check_times("cues", [cue.t for cue in self.cues], strict=False)
        if self.movement_path is not None:
            _check_times("movement_path", [t for t, _ in self.movement_path], strict=True)
        return self


class SceneObject(BaseModel):
    """A thing in the world; ``held_by`` names the actor who has it in hand.

    ``brought_by``: see Actor.
    """

    model_config = _Strict
    object_type: Thing
    position: Point
    id: Name | None = None
    heading: Annotated[float, Field(ge=-1_000.0, le=1_000.0)] = 0.0
    scale: Annotated[float, Field(ge=0.01, le=100.0)] = 1.0
    color: Color | None = None
    velocity: (
        tuple[
            Annotated[float, Field(ge=-100.0, le=100.0)],
            Annotated[float, Field(ge=-100.0, le=100.0)],
        ]
        | None
    ) = None
    movement_path: list[PathKnot] | None = Field(None, max_length=MAX_ENTRIES, fail_fast=True)
    held_by: Name | None = None
    brought_by: EventIndex | None = None

    @model_validator(mode="after")
    def _complete(self) -> "SceneObject":
        if self.movement_path is not None:
            _check_times("movement_path", [t for t, _ in self.movement_path], strict=True)
        return self


class CameraKeyframe(BaseModel):
    """Where the camera is asked to be at ``t``; what is left out stays with the mode.

    pan and crane move it along x and z and dolly along its view, in metres; zoom multiplies the
    focal length; orbit turns it round what it looks at, in radians.
    """

    model_config = _Strict
    t: Seconds
    mode: CameraMode | None = None
    follow: Name | None = None
    pan: Coordinate | None = None
    crane: Coordinate | None = None
    dolly: Coordinate | None = None
    zoom: Annotated[float, Field(gt=0.01, le=100.0)] | None = None
    orbit: Annotated[float, Field(ge=-1_000.0, le=1_000.0)] | None = None


class CameraPlan(BaseModel):
    """How a scene is filmed; ``follow`` is an actor's id, by default the first who moves."""

    model_config = _Strict
    mode: CameraMode = CameraMode.FOLLOW
    follow: Name | None = None
    keyframes: list[CameraKeyframe] = Field(
        default_factory=list, max_length=MAX_ENTRIES, fail_fast=True
    )

    @model_validator(mode="after")
    def _sorted(self) -> "CameraPlan":
        _check_times("keyframes", [key.t for key in self.keyframes], strict=False)
        return self


class Event(BaseModel):
    """A sentence that redirects a running scene at ``t``; ``actor`` None means everybody."""

    model_config = _Strict
    t: Seconds
    actor: Name | None = None
    text: Annotated[Written, Field(min_length=1, max_length=2_000)]


class Scene(BaseModel):
    """One run, whole: cast, things, stage, camera and everything that happens later."""

    model_config = _Strict
    version: Literal[1] = SCENE_VERSION
    prompt: Text = ""
    theme: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,31}$")] = "generic"
    weather: Annotated[Weather, _listed(Weather)] = Weather.CLEAR
    time_of_day: Annotated[TimeOfDay, _listed(TimeOfDay)] = TimeOfDay.DAY
    description: Annotated[Written, Field(max_length=10_000)] = ""
    duration: Annotated[float, Field(gt=0.0, le=MAX_DURATION_S)] = 10.0
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    gravity: Annotated[float, Field(ge=0.0, le=100.0)] = EARTH_GRAVITY
    actors: list[Actor] = Field(default_factory=list, max_length=MAX_ACTORS, fail_fast=True)
    objects: list[SceneObject] = Field(default_factory=list, max_length=MAX_OBJECTS, fail_fast=True)
    camera: CameraPlan = Field(default_factory=CameraPlan)
    events: list[Event] = Field(default_factory=list, max_length=MAX_ENTRIES, fail_fast=True)

    @model_validator(mode="after")
    def _bounded(self) -> "Scene":
        paths = [item.movement_path or () for item in (*self.actors, *self.objects)]
        lists = [*paths, self.events, self.camera.keyframes]
        lists += [entries for actor in self.actors for entries in (actor.actions, actor.cues)]
        if (n := sum(map(len, lists))) > MAX_ENTRIES_IN_ALL:
            raise ValueError(
                f"{n} actions, cues, events, keyframes and knots of paths; "
                f"expected {MAX_ENTRIES_IN_ALL} in all at most"
            )
        return self

    @model_validator(mode="after")
    def _consistent(self) -> "Scene":
        names: set[str] = set()
        for i, item in enumerate(self.objects):
            if item.id is None:
                item.id = f"{item.object_type.value}_{i}"
        for where, items in (("actors", self.actors), ("objects", self.objects)):
            for i, item in enumerate(items):
                if item.id in names:
                    raise ValueError(f"{where}[{i}].id: {item.id!r} is taken; ids must differ")
                names.add(item.id)
                if item.brought_by is not None and item.brought_by >= len(self.events):
                    raise ValueError(
                        f"{where}[{i}].brought_by: {item.brought_by}; "
                        f"expected one of the {len(self.events)} events"
                    )
        actors = {actor.id for actor in self.actors}
        for i, item in enumerate(self.objects):
            if item.held_by is not None and item.held_by not in actors:
                raise ValueError(f"objects[{i}].held_by: no actor {item.held_by!r}")
        for i, event in enumerate(self.events):
            if event.actor is not None and event.actor not in actors:
                raise ValueError(f"events[{i}].actor: no actor {event.actor!r}")
        followed = [("camera.follow", self.camera.follow)]
        followed += [
            (f"camera.keyframes[{i}].follow", key.follow)
            for i, key in enumerate(self.camera.keyframes)
        ]
        for where, name in followed:
            if name is not None and name not in actors:
                raise ValueError(f"{where}: no actor {name!r}; expected {_one_of(self.actors)}")
        return self


def _one_of(actors: list[Actor]) -> str:
    """The ids that may be named, the first of them where there are many."""
    names = [actor.id for actor in actors[:_LISTED]]
    more = ", …" if len(actors) > _LISTED else ""
    return f"one of {', '.join(names)}{more}" if names else "none, as there are no actors"


def explain(error: ValidationError) -> str:
    """One line for a person: the field's path, what came, what is allowed."""
    first = error.errors(include_url=False)[0]
    where = ""
    for part in first["loc"]:
        if isinstance(part, int):
            where += f"[{part}]"
        elif not part.startswith(("function-", "tuple[", "nullable[")):
            part = part if part.isidentifier() and len(part) <= _SHOWN else _shown(part)
            where += f".{part}" if where else part
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        inner = message.split(":", 1)[0]
        known = where and inner.split("[")[0].isidentifier() and ":" in message
        return f"{where}.{message}" if known else f"{where}: {message}" if where else message
    return f"{where or 'scene'}: {message} (came: {_shown(first['input'])})"


def parse_scene(text: str, where: str = "scene") -> Scene:
    """Scene from its JSON text; where: the file, for people. Raises ValueError in one line."""
    value = parse_json(text, where)
    try:
        return Scene.model_validate(value)
    except ValidationError as error:
        line = explain(error).removeprefix("scene: ")
        raise ValueError(line if where == "scene" else f"{where}: {line}") from None


def load_scene(path: str | Path) -> Scene:
    """Scene from a JSON file. Raises ValueError naming the file, OSError if it cannot be read."""
    return parse_scene(read_text(path, MAX_SCENE_BYTES), str(path))
