"""Every component: plain tables of arrays, one row for each entity that has it.

A component knows nothing of the others. Rows are in the order of the ids in the World; systems take
whole columns. ``N`` is the number of rows; angles are radians, everything else SI.
"""

from dataclasses import dataclass, fields
from typing import Annotated, Self

import numpy as np

from entities.skeleton import L_FOOT, L_HAND, LATERAL, N_JOINTS, R_FOOT, R_HAND

LIMBS = (L_HAND, R_HAND, L_FOOT, R_FOOT)
"""The joints that limb IK can bring to a target."""


EntityIds = Annotated[np.ndarray, "entity ids"]
"""A column of entity ids, below 0 for none; it is renumbered when ids move."""


class Component:
    """Base of all tables: rows in, rows out. Columns are arrays or lists, row by row."""

    def __len__(self) -> int:
        return len(getattr(self, self.__slots__[0]))

    def with_rows(self, other: Self, at: int) -> Self:
        """A new table with the rows of ``other`` before row ``at`` of this one."""
        columns = []
        for each in fields(self):  # type: ignore[arg-type]
            mine, more = getattr(self, each.name), getattr(other, each.name)
            columns.append(
                mine[:at] + more + mine[at:]
                if isinstance(mine, list)
                else np.concatenate([mine[:at], more, mine[at:]])
            )
        return type(self)(*columns)

    def renumber(self, first: int, by: int) -> None:
        """Follow entities whose ids, from ``first`` on, have grown by ``by``."""
        for each in fields(self):  # type: ignore[arg-type]
            if each.type is EntityIds:
                column = getattr(self, each.name)
                setattr(self, each.name, column + by * (column >= first))

    def keep(self, mask: np.ndarray) -> None:
        """Drop the rows where ``mask`` (N,) is False."""
        for each in fields(self):  # type: ignore[arg-type]
            column = getattr(self, each.name)
            kept = (
                [value for value, wanted in zip(column, mask, strict=True) if wanted]
                if isinstance(column, list)
                else column[mask]
            )
            setattr(self, each.name, kept)


@dataclass(slots=True, eq=False)
class Name(Component):
    """The id of each entity in the scene file."""

    text: list[str]


@dataclass(slots=True, eq=False)
class Transform(Component):
    """Where each entity is. An actor's position is under its pelvis, z the height of its ground."""

    position: np.ndarray  # (N, 3) m
    heading: np.ndarray  # (N,) rad, continuous (never wrapped)


@dataclass(slots=True, eq=False)
class Velocity(Component):
    """How each entity moved over the last tick."""

    linear: np.ndarray  # (N, 3) m/s
    turn: np.ndarray  # (N,) rad/s


@dataclass(slots=True, eq=False)
class Body(Component):
    """The physical properties of each entity; the pymunk bodies are in ``sim.physics``."""

    kind: np.ndarray  # (N,) index in list(BodyKind); actors are MOVABLE
    mass: np.ndarray  # (N,) kg
    size: np.ndarray  # (N, 3) m, length, width, height
    round: np.ndarray  # (N,) bool, a disc of diameter size[0] rather than a block
    asked: np.ndarray  # (N, 3) m/s, velocity wanted in this tick (actors, driven objects)
    grounded: np.ndarray  # (N,) bool, supported by the ground, a ladder, a seat or a hand


@dataclass(slots=True, eq=False)
class Person(Component):
    """The body and character of each actor, fixed for the whole run."""

    kind: np.ndarray  # (N,) index in ACTOR_TYPES
    scale: np.ndarray  # (N,)
    bones: np.ndarray  # (N, 5) m at scale 1, in the order of skeleton.BONES
    stand: np.ndarray  # (N,) m at scale 1, pelvis height when standing
    color: np.ndarray  # (N, 3) uint8
    traits: np.ndarray  # (N, 6) draws from the seeded generator in [-1, 1]: cadence, amplitude,
    # posture, arm carriage, tempo, phase


@dataclass(slots=True, eq=False)
class Script(Component):
    """The actions planned for each actor, and the one in force."""

    plan: list[list[tuple[int, int]]]  # per actor, sorted (tick, action index)
    cues: list[list[object]]  # per actor, sorted (tick, target entity id) still to come
    next_tick: np.ndarray  # (N,) int64, when the plan next changes the action
    action: np.ndarray  # (N,) int64, index in ACTIONS: the action in force
    since: np.ndarray  # (N,) int64, tick at which it came into force
    target: EntityIds  # (N,) int64, entity id the action is aimed at, -1 none

    def renumber(self, first: int, by: int) -> None:
        """Follow entities whose ids, from ``first`` on, have grown by ``by``."""
        Component.renumber(self, first, by)
        self.cues = [[(t, e + by * (e >= first)) for t, e in cues] for cues in self.cues]


@dataclass(slots=True, eq=False)
class Route(Component):
    """What each actor follows: a timed path, a velocity, or its heading."""

    path: list[object]  # per actor, sim.navigation.path.Path or None
    velocity: np.ndarray  # (N, 2) m/s, nan for actors without one
    course: np.ndarray  # (N,) rad, direction of an actor without path or velocity
    detour: list[object]  # per actor, (K, 2) array of waypoints round an obstacle, or None
    off_path: np.ndarray  # (N,) bool, further than 0.10 m from its place on the path


@dataclass(slots=True, eq=False)
class Intent(Component):
    """The motion each actor intends in this tick; locomotion makes a velocity of the body of it."""

    velocity: np.ndarray  # (N, 2) m/s on the ground
    climb: np.ndarray  # (N,) m/s along z (ladders, flight)
    heading: np.ndarray  # (N,) rad


@dataclass(slots=True, eq=False)
class Gait(Component):
    """The state of procedural motion; poses are pure functions of these rows."""

    phase: (
        np.ndarray
    )  # (N,) stride cycles since the start; the left foot touches down at whole numbers
    run: np.ndarray  # (N,) 0 walking .. 1 running, eased
    running: np.ndarray  # (N,) bool, the gait chosen (with hysteresis round 2.0 m/s)
    moving: np.ndarray  # (N,) 0 standing .. 1 stepping, eased
    speed: np.ndarray  # (N,) m/s, smoothed forward speed of the body
    acceleration: np.ndarray  # (N, 2) m/s², smoothed, forward and left
    planted: np.ndarray  # (N, 2) bool, left and right foot on the ground
    plant: np.ndarray  # (N, 2, 2) m, spot in the world where each foot is planted or was lifted
    swing: np.ndarray  # (N, 2) 0..1, progress of the swing of a foot in the air
    clock: np.ndarray  # (N,) s, time in the gesture of the action; waits in the air for a landing
    side: np.ndarray  # (N,) m/s, smoothed leftward speed of the body
    stepping: np.ndarray  # (N,) bool, the stride cycle runs; otherwise feet step on the spot
    lift: np.ndarray  # (N, 2, 4) offset of a foot when its swing began, which fades: rad forward
    # about the hip, m left, m away from the hip, m slack of the leg; canonical
    action: np.ndarray  # (N,) int64, index in ACTIONS: the action whose gesture the clock times
    seat: np.ndarray  # (N,) m, height of the seat under the actor, 0 for the ground
    reach: np.ndarray  # (N, 4, 3) m, forward, left, up: targets of hands and feet (LIMBS)
    grip: np.ndarray  # (N, 4) 0 the limb follows the gesture .. 1 it is at its target
    stoop: np.ndarray  # (N, 2) rad, m: lean of the trunk and drop of the hips to reach the targets
    paws: np.ndarray  # (N, 2, 6) walking hands and front paws; see sim.animation.quadruped
    right_phase: np.ndarray  # (N,) cycles by which the right (hind) foot follows the left
    climbed: np.ndarray  # (N,) cycles of climbing, two rungs each
    size: np.ndarray  # (N,) leg length over sim.animation.gait.LEG_M, fixed
    step: np.ndarray  # (N,) stride cycles per tick; updated every few ticks, as are the next four
    duty: np.ndarray  # (N,) duty factor: share of the stride a foot is on the ground
    tempo: np.ndarray  # (N,) seconds of the gesture per second
    gain: np.ndarray  # (N, 2) progress per tick of the swing of each foot
    due: np.ndarray  # (N, 2) phase at which each foot is due to lift or to land
    animal: np.ndarray  # (N,) bool, an animal on four legs
    seated_on: EntityIds  # (N,) int64, the seat the actor is on or at, -1 none
    partner: EntityIds  # (N,) int64, the partner in an action of two, -1 none


@dataclass(slots=True, eq=False)
class Blend(Component):
    """What remains of the pose before the last change of action."""

    pose: np.ndarray  # (N, D) pose parameters at the change
    rate: np.ndarray  # (N, D) 1/s, their rate of change there
    duration: np.ndarray  # (N,) s over which it fades
    since: np.ndarray  # (N,) int64 tick of the change
    rise: np.ndarray  # (N,) canonical m by which the pelvis has to rise or sink to stand


@dataclass(slots=True, eq=False)
class StyleState(Component):
    """The style of each actor; see sim.animation.style for the C columns."""

    now: np.ndarray  # (N, C) parameters in force
    goal: np.ndarray  # (N, C) parameters that ``now`` goes over to
    rate: np.ndarray  # (N, C) 1/s, speed of that
    face: np.ndarray  # (N,) int64, index in FACES, -1 for the face of the action
    style: list[str]  # the name of the style of ``goal``, "" for none
    intensity: np.ndarray  # (N,) 0..1, its intensity


@dataclass(slots=True, eq=False)
class Learned(Component):
    """The output of the motion model; actors of a run without a model have no such rows."""

    joints: np.ndarray  # (N, 10, 2) m, scaled, forward and up from the root
    foot_lateral: np.ndarray  # (N, 2) m, scaled, left of the root, left and right foot
    contact: np.ndarray  # (N, 2) bool, left and right ball of the foot on the ground
    share: np.ndarray  # (N,) 0 the pose is procedural .. 1 it is learned

    @classmethod
    def none(cls, n: int) -> "Learned":
        """``n`` rows of procedural motion only."""
        feet = np.tile(LATERAL[[L_FOOT, R_FOOT]], (n, 1))
        return cls(np.zeros((n, N_JOINTS, 2)), feet, np.ones((n, 2), bool), np.zeros(n))


@dataclass(slots=True, eq=False)
class Attention(Component):
    """What each actor looks at and says."""

    cues: list[list[tuple[int, str | None, float, int | None]]]  # per actor, sorted (tick, style,
    # intensity, value of look); None leaves style or look as it is
    next_tick: np.ndarray  # (N,) int64 tick of the first of them
    look: EntityIds  # (N,) int64; -1 the target of the action; below that, -2 - index
    # in sim.animation.attention.GAZES
    wanted: (
        np.ndarray
    )  # (N, 3) yaw and pitch, rad, of the gaze target, and 1 if there is one, else 0
    aim: np.ndarray  # (N, 3) the same, as the head has turned so far
    voice: np.ndarray  # (N,) 0..1 how far words open the mouth, -1 for actors without words

    def renumber(self, first: int, by: int) -> None:
        """Follow entities whose ids, from ``first`` on, have grown by ``by``."""
        Component.renumber(self, first, by)
        self.cues = [
            [(*cue, look if look is None or look < first else look + by) for *cue, look in cues]
            for cues in self.cues
        ]


@dataclass(slots=True, eq=False)
class Knockdown(Component):
    """Actors that were knocked down; neither script nor intent moves them until they are up."""

    since: np.ndarray  # (N,) int64 tick of the hit, -1 for an actor on its feet
    slide: np.ndarray  # (N, 2) m/s, remaining velocity of sliding on the ground
    resume: np.ndarray  # (N,) int64, index in ACTIONS of the action to resume afterwards

    @classmethod
    def none(cls, n: int) -> "Knockdown":
        """``n`` rows of actors on their feet."""
        return cls(np.full(n, -1, np.int64), np.zeros((n, 2)), np.zeros(n, np.int64))


@dataclass(slots=True, eq=False)
class Handling(Component):
    """The time in its gesture that each actor's handling of objects has been processed up to."""

    time: np.ndarray  # (N,) s in the gesture

    @classmethod
    def none(cls, n: int) -> "Handling":
        """``n`` rows at the start of their gestures."""
        return cls(np.zeros(n))


@dataclass(slots=True, eq=False)
class Pose(Component):
    """The joints of each actor and the procedural overlay, in scaled metres."""

    joints: np.ndarray  # (N, 10, 2) m, forward and up from the root
    lateral: np.ndarray  # (N, 10) m, left of the sagittal plane
    roll: np.ndarray  # (N,) rad about the forward axis
    gaze: np.ndarray  # (N, 2) rad, yaw and pitch of the head
    face: np.ndarray  # (N,) int64, index in FACES
    mouth: np.ndarray  # (N,) 0 closed .. 1 open
    contact: np.ndarray  # (N, 2) bool, left and right ball of the foot on the ground

    @classmethod
    def rest(cls, n: int) -> "Pose":
        """``n`` rows of zeros with default widths, filled by ``sim.animation.pose``."""
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
    """The type, look and state of each object."""

    kind: np.ndarray  # (N,) index in list(ObjectType)
    scale: np.ndarray  # (N,)
    color: np.ndarray  # (N, 3) int16, -1 for the default colour of the kind
    holder: EntityIds  # (N,) int64, the actor that holds it, -1 none
    hand: np.ndarray  # (N,) int64, joint that holds it: L_HAND or R_HAND
    spin: np.ndarray  # (N,) rad that a ball has rolled or turned in flight
    path: list[object]  # per object, sim.navigation.path.Path or None


@dataclass(slots=True, eq=False)
class Flight(Component):
    """The last throw, kick or hit of each object."""

    by: EntityIds  # (N,) int64, the actor, -1 none
    since: np.ndarray  # (N,) int64 tick of the launch
    to: EntityIds  # (N,) int64, the receiver, -1 none

    @classmethod
    def none(cls, n: int) -> "Flight":
        """``n`` rows of objects that nobody has launched."""
        return cls(np.full(n, -1, np.int64), np.zeros(n, np.int64), np.full(n, -1, np.int64))


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that is drawn: a footfall that raises dust, a kick, a hit, a crash."""

    tick: int
    kind: str  # "step", "kick", "hit", "bounce", "land", "crash"
    position: tuple[float, float, float]  # m
    strength: float  # m/s, the speed of the impact


FACES = ("neutral", "happy", "sad", "surprised", "angry", "excited")
FACE_INDEX = {face: i for i, face in enumerate(FACES)}


@dataclass(slots=True, eq=False)
class Contacts:
    """The contacts of the last tick: one row for each pair; not a component of an entity."""

    first: np.ndarray  # (C,) entity ids
    second: np.ndarray  # (C,)
    point: np.ndarray  # (C, 3) m
    normal: np.ndarray  # (C, 2) from first to second
    impulse: np.ndarray  # (C,) N s
    closing: np.ndarray  # (C,) m/s, closing speed

    @classmethod
    def none(cls) -> "Contacts":
        """No contacts."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0), np.zeros(0))
