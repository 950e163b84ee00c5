"""Every component: plain tables of arrays, one row per entity that has it.

A component knows nothing of the others. Rows are in the order of the World's ids; systems take
whole columns. ``N`` is the number of rows; angles are radians, everything else SI.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from entities.skeleton import L_FOOT, L_HAND, LATERAL, N_JOINTS, R_FOOT, R_HAND

LIMBS = (L_HAND, R_HAND, L_FOOT, R_FOOT)
"""The joints that can be made to reach for a place."""


class Component:
    """What all tables share: rows in, rows out. Columns are arrays or lists, row by row."""

    def __len__(self) -> int:
        return len(getattr(self, self.__slots__[0]))

    def extend(self, other: Self) -> None:
        """Append the rows of ``other``."""
        for field in fields(self):  # type: ignore[arg-type]
            mine, more = getattr(self, field.name), getattr(other, field.name)
            joined = mine + more if isinstance(mine, list) else np.concatenate([mine, more])
            setattr(self, field.name, joined)

    def keep(self, mask: np.ndarray) -> None:
        """Drop the rows where ``mask`` (N,) is False."""
        for field in fields(self):  # type: ignore[arg-type]
            column = getattr(self, field.name)
            kept = (
                [value for value, wanted in zip(column, mask, strict=True) if wanted]
                if isinstance(column, list)
                else column[mask]
            )
            setattr(self, field.name, kept)

    def row(self, index: int) -> dict[str, object]:
        """One entity's component: array entries are views, so writing them writes the table."""
        return {field.name: getattr(self, field.name)[index] for field in fields(self)}  # type: ignore[arg-type]


@dataclass(slots=True, eq=False)
class Name(Component):
    """What the scene file calls each entity."""

    text: list[str]


@dataclass(slots=True, eq=False)
class Transform(Component):
    """Where each entity stands. For an actor, position is under the pelvis and z his ground."""

    position: np.ndarray  # (N, 3) m
    heading: np.ndarray  # (N,) rad, continuous (never wrapped)


@dataclass(slots=True, eq=False)
class Velocity(Component):
    """How each entity moved over the last tick."""

    linear: np.ndarray  # (N, 3) m/s
    turn: np.ndarray  # (N,) rad/s


@dataclass(slots=True, eq=False)
class Body(Component):
    """What physics knows of each entity; the pymunk bodies themselves live in ``physics.py``."""

    kind: np.ndarray  # (N,) index in list(BodyKind); actors are MOVABLE
    mass: np.ndarray  # (N,) kg
    size: np.ndarray  # (N, 3) m, length, width, height
    round: np.ndarray  # (N,) bool, a disc of diameter size[0] rather than a block
    asked: np.ndarray  # (N, 3) m/s, the velocity its driver asks for this tick (actors, driven)
    grounded: np.ndarray  # (N,) bool, resting on the ground (or a ladder, a seat, a hand)


@dataclass(slots=True, eq=False)
class Person(Component):
    """Who each actor is: fixed for the whole run."""

    kind: np.ndarray  # (N,) index in ACTOR_TYPES
    scale: np.ndarray  # (N,)
    bones: np.ndarray  # (N, 5) m at scale 1, in the order of skeleton.BONES
    stand: np.ndarray  # (N,) m at scale 1, pelvis height when standing
    color: np.ndarray  # (N, 3) uint8
    traits: np.ndarray  # (N, 6) draws from the seeded generator in [-1, 1]: cadence, amplitude,
    # posture, arm carriage, tempo, phase


@dataclass(slots=True, eq=False)
class Script(Component):
    """What each actor is to do, and what he is doing."""

    plan: list[list[tuple[int, int]]]  # per actor, sorted (tick, action index)
    cues: list[list[object]]  # per actor, sorted scene Cues not yet reached
    next_tick: np.ndarray  # (N,) int64, when the plan next changes the action
    action: np.ndarray  # (N,) int64, index in ACTIONS: the action in force
    since: np.ndarray  # (N,) int64, tick at which it came into force
    target: np.ndarray  # (N,) int64, entity id the action is aimed at, -1 none


@dataclass(slots=True, eq=False)
class Route(Component):
    """The reference each actor follows: a timed path, a velocity, or his heading."""

    path: list[object]  # per actor, sim.navigation.path.Path or None
    velocity: np.ndarray  # (N, 2) m/s, nan where the actor has none
    course: np.ndarray  # (N,) rad, where an actor without path or velocity is headed
    detour: list[object]  # per actor, (K, 2) array of way points round an obstacle, or None
    off_path: np.ndarray  # (N,) bool, further than 0.10 m from where the path says


@dataclass(slots=True, eq=False)
class Intent(Component):
    """What each actor wants this tick; motion turns it into a velocity of the body."""

    velocity: np.ndarray  # (N, 2) m/s on the ground
    climb: np.ndarray  # (N,) m/s along z (ladders, flight)
    heading: np.ndarray  # (N,) rad


@dataclass(slots=True, eq=False)
class Gait(Component):
    """The stateful part of procedural motion; poses are pure functions of these rows."""

    phase: np.ndarray  # (N,) stride cycles since the start, left touch-down at whole numbers
    run: np.ndarray  # (N,) 0 walking .. 1 running, eased
    running: np.ndarray  # (N,) bool, which gait is chosen (hysteresis round 2.0 m/s)
    moving: np.ndarray  # (N,) 0 standing .. 1 stepping, eased
    speed: np.ndarray  # (N,) m/s, smoothed forward speed of the body
    acceleration: np.ndarray  # (N, 2) m/s², smoothed, forward and left
    planted: np.ndarray  # (N, 2) bool, left and right foot on the ground
    plant: np.ndarray  # (N, 2, 2) m, world spot of each foot: planted there or lifted from there
    swing: np.ndarray  # (N, 2) 0..1, progress of the swing of a foot in the air
    clock: np.ndarray  # (N,) s into the action's gesture; waits in the air for a jump to land
    side: np.ndarray  # (N,) m/s, smoothed leftward speed of the body
    stepping: np.ndarray  # (N,) bool, the stride cycle runs; otherwise he stands and shuffles
    lift: np.ndarray  # (N, 2, 4) from where its swing starts to where a foot left: rad round the
    # hip, m to the left, m away from the hip
    action: np.ndarray  # (N,) int64, index in ACTIONS: whose gesture the clock times
    seat: np.ndarray  # (N,) m, height of the seat under him, 0 the ground
    reach: np.ndarray  # (N, 4, 3) m, forward, left, up: where hands and feet are to be (LIMBS)
    grip: np.ndarray  # (N, 4) 0 the limb does as its gesture says .. 1 it is where it is to be
    stoop: np.ndarray  # (N, 2) rad, m: what the trunk leans and the hips sink to reach that
    paws: np.ndarray  # (N, 2, 6) hands and front paws that walk; see sim.animation.quadruped
    apart: np.ndarray  # (N,) share of a stride by which the right hind foot is behind the left
    climbed: np.ndarray  # (N,) cycles of hands and feet on a ladder, two rungs each
    size: np.ndarray  # (N,) his legs' length over sim.animation.gait.LEG_M, fixed
    step: np.ndarray  # (N,) stride cycles a tick, as he last thought about it, like the next four
    duty: np.ndarray  # (N,) share of the stride a foot is on the ground
    tempo: np.ndarray  # (N,) seconds of the gesture that go by in one
    gain: np.ndarray  # (N, 2) progress of each foot's swing in a tick
    turn: np.ndarray  # (N, 2) phase at which its time to lift or to land comes
    animal: np.ndarray  # (N,) bool, goes on four legs
    seated_on: np.ndarray  # (N,) int64, entity id of the seat he is on or at, -1 none
    partner: np.ndarray  # (N,) int64, row of whom he does something together with, -1 nobody


@dataclass(slots=True, eq=False)
class Blend(Component):
    """What is left of the pose before the last change of action."""

    pose: np.ndarray  # (N, D) pose parameters at the change
    rate: np.ndarray  # (N, D) 1/s, their rate of change there
    spell: np.ndarray  # (N,) s until they have faded
    since: np.ndarray  # (N,) int64 tick of the change
    rise: np.ndarray  # (N,) m, canonical, that the pelvis has to go up or down to stand


@dataclass(slots=True, eq=False)
class StyleState(Component):
    """In what style each actor moves; see sim.animation.style for the C columns."""

    now: np.ndarray  # (N, C) parameters in force
    goal: np.ndarray  # (N, C) parameters he goes over to
    pace: np.ndarray  # (N, C) 1/s, how fast
    face: np.ndarray  # (N,) int64, index in FACES, -1 as the action has it
    style: list[str]  # the word for what he goes over to, "" for none
    intensity: np.ndarray  # (N,) 0..1, how much of it


@dataclass(slots=True, eq=False)
class Learned(Component):
    """What the motion model has each actor do; actors without a model have no such rows."""

    joints: np.ndarray  # (N, 10, 2) m, scaled, forward and up from the root
    aside: np.ndarray  # (N, 2) m, scaled, how far left of the root each foot is
    contact: np.ndarray  # (N, 2) bool, left and right ball of the foot on the ground
    share: np.ndarray  # (N,) 0 the pose is procedural .. 1 it is learned

    @classmethod
    def none(cls, n: int) -> "Learned":
        """``n`` rows of people whom no model moves yet."""
        feet = np.tile(LATERAL[[L_FOOT, R_FOOT]], (n, 1))
        return cls(np.zeros((n, N_JOINTS, 2)), feet, np.ones((n, 2), bool), np.zeros(n))


@dataclass(slots=True, eq=False)
class Attention(Component):
    """What each actor looks at and says."""

    cues: list[list[tuple[int, str | None, float, int | None]]]  # per actor, sorted (tick, style,
    # intensity, entity to look at), None where it stays as it is
    next_tick: np.ndarray  # (N,) int64 tick of the first of them
    look: (
        np.ndarray
    )  # (N,) int64 entity id, -1 whom he deals with, below that sim.animation.attention.GAZES
    wanted: np.ndarray  # (N, 3) yaw and pitch rad of what he looks at; 1 if there is something
    aim: np.ndarray  # (N, 3) the same, as far as the head has turned
    voice: np.ndarray  # (N,) 0..1 how far words open the mouth, -1 where none are ever given


@dataclass(slots=True, eq=False)
class Knockdown(Component):
    """Who has been knocked off his feet; while it lasts, neither script nor intent move him."""

    since: np.ndarray  # (N,) int64 tick he was hit, -1 while he stands
    slide: np.ndarray  # (N, 2) m/s, what is left of the push on the ground
    resume: np.ndarray  # (N,) int64, index in ACTIONS to take up again afterwards

    @classmethod
    def none(cls, n: int) -> "Knockdown":
        """``n`` rows of people on their feet."""
        return cls(np.full(n, -1, np.int64), np.zeros((n, 2)), np.zeros(n, np.int64))


@dataclass(slots=True, eq=False)
class Handling(Component):
    """How far into his action each actor was when his hands and feet were last looked after."""

    time: np.ndarray  # (N,) s on the gesture's own axis

    @classmethod
    def none(cls, n: int) -> "Handling":
        """``n`` rows of people who have done nothing yet."""
        return cls(np.zeros(n))


@dataclass(slots=True, eq=False)
class Pose(Component):
    """Each actor's joints and the procedural overlay, in scaled metres."""

    joints: np.ndarray  # (N, 10, 2) m, forward and up from the root
    lateral: np.ndarray  # (N, 10) m, left of the sagittal plane
    roll: np.ndarray  # (N,) rad about the forward axis
    gaze: np.ndarray  # (N, 2) rad, yaw and pitch of the head
    face: np.ndarray  # (N,) int64, index in FACES
    mouth: np.ndarray  # (N,) 0 closed .. 1 open
    contact: np.ndarray  # (N, 2) bool, left and right ball of the foot on the ground

    @classmethod
    def rest(cls, n: int) -> "Pose":
        """``n`` rows of zeros with default widths, to be filled by the animator."""
        return cls(
            joints=np.zeros((n, N_JOINTS, 2)),
            lateral=np.tile(LATERAL, (n, 1)),
            roll=np.zeros(n),
            gaze=np.zeros((n, 2)),
            face=np.zeros(n, np.int64),
            mouth=np.zeros(n),
            contact=np.ones((n, 2), bool),
        )


@dataclass(slots=True, eq=False)
class Thing(Component):
    """What each object is."""

    kind: np.ndarray  # (N,) index in list(ObjectType)
    scale: np.ndarray  # (N,)
    color: np.ndarray  # (N, 3) int16, -1 where the kind's own colour serves
    holder: np.ndarray  # (N,) int64, entity id of the actor who has it in hand, -1 none
    hand: np.ndarray  # (N,) int64, joint that holds it: L_HAND or R_HAND
    spin: np.ndarray  # (N,) rad a ball has rolled or turned in flight
    path: list[object]  # per object, sim.navigation.path.Path or None


@dataclass(slots=True, eq=False)
class Flight(Component):
    """Who last threw, kicked or hit each object, when, and for whom."""

    by: np.ndarray  # (N,) int64 entity id, -1 nobody
    since: np.ndarray  # (N,) int64 tick it was launched
    to: np.ndarray  # (N,) int64 entity id it is meant for, -1 nobody

    @classmethod
    def none(cls, n: int) -> "Flight":
        """``n`` rows of objects nobody has launched."""
        return cls(np.full(n, -1, np.int64), np.zeros(n, np.int64), np.full(n, -1, np.int64))


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth drawing: a footfall that raises dust, a kick, a hit, a crash."""

    tick: int
    kind: str  # "step", "kick", "hit", "bounce", "land", "crash"
    position: tuple[float, float, float]  # m
    strength: float  # m/s, the speed of what met


FACES = ("neutral", "happy", "sad", "surprised", "angry", "excited")
FACE_INDEX = {face: i for i, face in enumerate(FACES)}


@dataclass(slots=True, eq=False)
class Contacts:
    """What touched what during the last tick: one row a pair, not an entity's component."""

    first: np.ndarray  # (C,) entity ids
    second: np.ndarray  # (C,)
    point: np.ndarray  # (C, 3) m
    normal: np.ndarray  # (C, 2) from first to second
    impulse: np.ndarray  # (C,) N s
    closing: np.ndarray  # (C,) m/s, speed at which they met

    @classmethod
    def none(cls) -> "Contacts":
        """No contacts."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0), np.zeros(0))
