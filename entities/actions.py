"""Every action an actor can do: one JSON file each in ``assets/actions``, named after the action.

A new action is one new file. ``ActionType``, speeds, gestures and captions all come from there.
"""

from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_Strict = ConfigDict(extra="forbid", frozen=True)
Seconds = Annotated[float, Field(ge=0.0)]
KeyValues = dict[str, float | tuple[float, float] | tuple[float, float, float]]


class Jump(BaseModel):
    """When and how a gesture leaves the ground."""

    model_config = _Strict
    at: Seconds  # s, take-off
    speed: float  # m/s upwards
    waits: Seconds  # s at which the clock of the gesture waits for the landing


class Gesture(BaseModel):
    """Key poses in time; what a key leaves out stays as in the key before.

    Lengths are those of the 1.70 m human (neck 1.42 m, chest 1.25, hip 0.95); for animals, those of
    one whose hind legs are 0.97 m long. ``lh``/``rh`` place a hand (forward, up[, out]) and give
    the arm to the gesture; ``lf``/``rf`` place the ball of a foot (forward, up[, out]); the other
    names are pose parameters, see ``sim.animation.gestures.PARAMETERS``. All timings and places are
    choices, judged by eye on contact sheets.
    """

    model_config = _Strict
    keys: Annotated[tuple[tuple[Seconds, KeyValues], ...], Field(min_length=1)]  # ascending times
    loop: Seconds | None = (
        None  # s, time of the key that the last one returns to; None holds the last
    )
    by_phase: bool = False  # timed by the share of a stride instead of by the clock
    jump: Jump | None = None
    contact: Seconds | None = None  # s at which a ball leaves the hand or meets foot, head or bat
    trail: float = 0.0  # m, the walking feet are this far behind the hips
    face: str = "neutral"  # one of entities.components.FACES


class Gait(BaseModel):
    """The gait that an action insists on; an action without one walks or runs by its speed."""

    model_config = _Strict
    mode: Literal["walk", "run"]
    cadence: float  # relative to the free gait's at the same speed; a choice


class Action(BaseModel):
    """One action: the content of a file of ``assets/actions``."""

    model_config = _Strict
    index: Annotated[int, Field(ge=0)]  # its place in ``ActionType``, in traces and datasets
    velocity: float  # m/s along the bearing
    velocity_source: str = ""  # "seed": given by the project's brief; "pack": mean of takes in the
    # mocap pack; "choice": no source known
    bearing: float = 0.0  # rad from the heading of the actor to its direction of travel
    gait: Gait | None = None
    takes_seat: bool = False  # done on a seat, bed, bicycle or ladder where the target is one
    travels: bool = False  # its captions take a direction after them: "walks to the left"
    captions: Annotated[tuple[str, ...], Field(min_length=1)]  # third person, for generated data
    verbs: tuple[dict[str, Any], ...] = ()  # entries as in the lexicon's verbs.json, less "action";
    # an action that verbs.json does not name needs one
    gesture: Gesture
    stays_seated: bool = False  # done by a seated actor without getting up, legs on the seat
    on_seat: Gesture | None = None  # replaces ``gesture`` on a seat
    on_fours: Gesture | None = None  # replaces ``gesture`` for an animal


def _load() -> dict[str, Action]:
    """Every action by name, in the order of the indices.

    Raises ValueError, naming the file, for an invalid file or an index that is taken or missing.
    """
    found: dict[str, Action] = {}
    for path in Path(str(resources.files("assets"))).joinpath("actions").glob("*.json"):
        try:
            found[path.stem] = Action.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{path}: {where}: {first['msg']}") from None
    found = dict(sorted(found.items(), key=lambda item: (item[1].index, item[0])))
    for expected, (name, action) in enumerate(found.items()):
        if action.index != expected:
            raise ValueError(f"{name}.json: index: {action.index}; expected {expected}")
    return found


_FILES = _load()

ActionType = StrEnum("ActionType", {name.upper(): name for name in _FILES}, module=__name__)
ActionType.__doc__ = (
    "An action; the value is its name in scene files, the order its index in a trace."
)

ACTIONS: tuple[ActionType, ...] = tuple(ActionType)
ACTION_INDEX: dict[ActionType, int] = {action: i for i, action in enumerate(ACTIONS)}
ACTION_FILES: dict[ActionType, Action] = {ActionType(name): file for name, file in _FILES.items()}
ACTION_VELOCITIES: dict[ActionType, float] = {  # m/s; each file names its source
    action: file.velocity for action, file in ACTION_FILES.items()
}
SEATED: frozenset[ActionType] = frozenset(
    action for action, file in ACTION_FILES.items() if file.takes_seat
)
"""Actions done on a seat, a bed, a bicycle or a ladder where the actor's target is one."""


def contact_time(action: ActionType) -> float | None:
    """Seconds into the gesture at which the ball leaves the hand or meets foot, head or bat."""
    return ACTION_FILES[action].gesture.contact
