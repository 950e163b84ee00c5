"""What passes between a running scene and the reader of a later sentence."""

from dataclasses import dataclass, field

from entities.actions import ActionType
from entities.scene import Actor, Cue, SceneObject
from sim.story.staging.timing import Knot


class NotUnderstoodError(ValueError):
    """A later sentence that says nothing to do, whatever the scene is like."""


@dataclass(slots=True)
class Now:
    """Where everything is when a later sentence is read; ids are those of the scene.

    Whoever and whatever is missing is where the scene has it at the start, at rest.
    """

    position: dict[str, tuple[float, float, float]] = field(default_factory=dict)  # m
    heading: dict[str, float] = field(default_factory=dict)  # rad
    velocity: dict[str, tuple[float, float]] = field(default_factory=dict)  # m/s, of actors
    action: dict[str, ActionType] = field(default_factory=dict)  # of actors, the one in force
    holder: dict[str, str | None] = field(default_factory=dict)  # of objects: who has it in hand
    seat: dict[str, str] = field(default_factory=dict)  # of actors that sit or lie on something


@dataclass(slots=True)
class Patch:
    """What a later sentence changes for one actor. Times are seconds of the scene, from now on.

    With ``path`` (t s, x, y, z m; times increase) the actor follows it: it starts where the actor
    is, at the speed the actor has. With ``heading`` alone it turns there and, if the action
    travels, goes on along it. With neither it keeps its course.
    """

    actor: str
    actions: list[tuple[float, ActionType]] = field(default_factory=list)
    heading: float | None = None  # rad, where the actor faces
    path: list[Knot] | None = None
    cues: list[Cue] = field(default_factory=list)  # whom it is aimed at, and what is said, when
    style: str | None = None
    caption: str = ""  # what the sentence says of this actor: "hugs the woman"


@dataclass(slots=True)
class Redirection:
    """What a later sentence changes in a running scene.

    ``actors`` come on stage with it, bare: their patches say what they do. ``objects`` stand there
    from now on, or in the hand of ``held_by``. Their ids are new in the scene.
    """

    patches: list[Patch] = field(default_factory=list)  # one an actor, in the scene's order, then
    # those of ``actors``
    actors: list[Actor] = field(default_factory=list)
    objects: list[SceneObject] = field(default_factory=list)
    ways: dict[str, list[Knot]] = field(default_factory=dict)  # of things in the scene that set
    # off by themselves, by id; a thing that comes on has its own movement_path
    notes: list[str] = field(default_factory=list)  # what comes on, and what is done otherwise
