"""What is visible at one instant: all that camera, renderer and window read.

A ``Cast`` is fixed until somebody comes on stage, a ``Frame`` is one instant of a run. Frames come
from a running World, from a block of headless ticks or from a recorded episode; the renderer cannot
tell which.
"""

from dataclasses import dataclass, field

import numpy as np

from entities.components import Mark
from entities.skeleton import PARENTS


@dataclass(slots=True, eq=False)
class Cast:
    """The A actors and O objects on stage; nothing here changes with time.

    When a later sentence brings more, a longer Cast follows, in which the rows so far are the same.
    """

    theme: str
    weather: str
    time_of_day: str
    seed: int
    gravity: float
    actor_ids: list[str]
    actor_kind: np.ndarray  # (A,) index in ACTOR_TYPES
    actor_scale: np.ndarray  # (A,)
    actor_bones: np.ndarray  # (A, 5) m at scale 1, in the order of skeleton.BONES
    actor_color: np.ndarray  # (A, 3) uint8
    object_ids: list[str]
    object_kind: np.ndarray  # (O,) index in list(ObjectType)
    object_scale: np.ndarray  # (O,)
    object_color: np.ndarray  # (O, 3) int16, -1 for the default colour of the kind


@dataclass(slots=True, eq=False)
class Frame:
    """One instant. World positions in metres, joints in scaled metres from the root."""

    cast: Cast  # the A actors and O objects of the arrays
    time: float  # s
    root: np.ndarray  # (A, 3)
    heading: np.ndarray  # (A,) rad
    velocity: np.ndarray  # (A, 3) m/s
    action: np.ndarray  # (A,) index in ACTIONS
    joints: np.ndarray  # (A, 10, 2) forward, up
    lateral: np.ndarray  # (A, 10) left
    roll: np.ndarray  # (A,) rad about the forward axis
    gaze: np.ndarray  # (A, 2) rad, yaw left and pitch up
    face: np.ndarray  # (A,) index in FACES
    mouth: np.ndarray  # (A,) 0..1
    contact: np.ndarray  # (A, 2) bool
    object_position: np.ndarray  # (O, 3) the middle of the base; of a ball, its centre
    object_heading: np.ndarray  # (O,) rad
    object_spin: np.ndarray  # (O,) rad that a ball has rolled
    object_holder: np.ndarray  # (O,) row of the actor that holds it, -1 none
    object_hand: np.ndarray  # (O,) joint that holds it
    speech: dict[int, str] = field(default_factory=dict)  # actor row -> the words being said
    marks: list[Mark] = field(default_factory=list)


def interpolate(before: Frame, after: Frame, u: float) -> Frame:
    """The instant a share ``u`` of the way from ``before`` to ``after``.

    Poses are interpolated by bone angles, so that bones keep their length. What cannot be
    interpolated (action, face, contacts, holders, speech, marks) is that of ``before``; so is the
    whole frame if somebody has come on stage in between.
    """
    if u <= 0.0 or (before.cast is not after.cast and u < 1.0):
        return before
    if u >= 1.0:
        return after

    def mix(name: str) -> np.ndarray:
        first = getattr(before, name)
        return first + u * (getattr(after, name) - first)

    return Frame(
        cast=before.cast,
        time=before.time + u * (after.time - before.time),
        root=mix("root"),
        heading=mix("heading"),
        velocity=mix("velocity"),
        action=before.action,
        joints=turn_bones(before.joints, after.joints, u),
        lateral=mix("lateral"),
        roll=mix("roll"),
        gaze=mix("gaze"),
        face=before.face,
        mouth=mix("mouth"),
        contact=before.contact,
        object_position=mix("object_position"),
        object_heading=mix("object_heading"),
        object_spin=mix("object_spin"),
        object_holder=before.object_holder,
        object_hand=before.object_hand,
        speech=before.speech,
        marks=before.marks,
    )


def turn_bones(first: np.ndarray, second: np.ndarray, u: float | np.ndarray) -> np.ndarray:
    """Pose between two poses (..., 10, 2), interpolated by the angle and length of each bone.

    u: share of the way from first to second, one number or one for each pose (...,).
    """
    a, b = (pose[..., 1:, :] - pose[..., PARENTS[1:], :] for pose in (first, second))
    u = np.asarray(u)[..., None]
    cross = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    angle = u * np.arctan2(cross, a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1])
    length = np.hypot(a[..., 0], a[..., 1])
    grow = 1.0 + u * (np.hypot(b[..., 0], b[..., 1]) / np.maximum(length, 1e-9) - 1.0)
    cos, sin = np.cos(angle) * grow, np.sin(angle) * grow
    result = np.empty_like(first)
    result[..., 0, :] = first[..., 0, :] + u * (second[..., 0, :] - first[..., 0, :])
    result[..., 1:, 0] = cos * a[..., 0] - sin * a[..., 1]
    result[..., 1:, 1] = sin * a[..., 0] + cos * a[..., 1]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        result[..., joint, :] += result[..., parent, :]
    return result
