"""An episode in three dimensions: the points of its body, and a Motion to be measured."""

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.skeleton import ACTOR_INDEX, BONE_LENGTHS, JOINTS, QUADRUPEDS, ActorType, joints_world
from ml.episodes.reader import Episode
from ml.measure.metrics import MOTION_FPS, Motion
from sim.frame import Cast, Frame
from sim.render.figure import anatomy
from sim.render.figure.anatomy import Anatomy, body_points

POINTS = (
    *JOINTS,
    "head",
    "l_shoulder",
    "r_shoulder",
    "l_hip",
    "r_hip",
    "l_ankle",
    "r_ankle",
    "l_toe",
    "r_toe",
    "head_front",
    "tail_root",
    "tail_tip",
)
"""The points that ``body`` gives, in this order."""
_ROWS = [*range(len(JOINTS)), *(getattr(anatomy, name.upper()) for name in POINTS[len(JOINTS) :])]


def body(episode: Episode) -> np.ndarray:
    """World positions (T, P, 3) m of POINTS: the joints with their overlay, and points derived."""
    n = len(episode)
    kind = ActorType(episode.actor_type)
    none = np.zeros(0)
    cast = Cast(  # every frame as a body of its own
        theme="generic",
        weather="clear",
        time_of_day="day",
        seed=0,
        gravity=9.81,
        actor_ids=[episode.actor_id] * n,
        actor_kind=np.full(n, ACTOR_INDEX[kind]),
        actor_scale=np.full(n, episode.scale),
        actor_bones=np.tile(BONE_LENGTHS[kind], (n, 1)),
        actor_color=np.zeros((n, 3), np.uint8),
        object_ids=[],
        object_kind=none,
        object_scale=none,
        object_color=none,
    )
    frame = Frame(
        cast=cast,
        time=0.0,
        root=episode.root.astype(float),
        heading=episode.heading.astype(float),
        velocity=episode.velocity,
        action=episode.action_id,
        joints=episode.pose.astype(float),
        lateral=episode.lateral.astype(float),
        roll=episode.roll.astype(float),
        gaze=episode.gaze.astype(float),
        face=episode.face,
        mouth=episode.mouth,
        contact=episode.contact,
        object_position=none,
        object_heading=none,
        object_spin=none,
        object_holder=none,
        object_hand=none,
    )
    return body_points(Anatomy.of(cast), frame)[:, _ROWS]


def motion_of(episode: Episode) -> Motion:
    """The episode's motion, for ``ml.measure.metrics``."""
    root, heading = episode.root.astype(float), episode.heading.astype(float)
    pose, lateral = episode.pose.astype(float), episode.lateral.astype(float)
    roll = episode.roll.astype(float)
    return Motion(
        fps=MOTION_FPS,
        root=root,
        heading=heading,
        pose=pose,
        lateral=lateral,
        world=joints_world(root, heading, pose, lateral, roll),
        contact=episode.contact,
        scale=episode.scale,
        bones=np.array(BONE_LENGTHS[ActorType(episode.actor_type)]),
    )


def changes(values: np.ndarray) -> list[tuple[int, int]]:
    """First frame and value of every stretch of equal values (T,)."""
    starts = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    return [(int(first), int(values[first])) for first in starts]


def actions_of(episode: Episode) -> list[tuple[int, ActionType]]:
    """First frame and action of every stretch."""
    return [(first, ACTIONS[i]) for first, i in changes(episode.action_id)]


def walks_on_two_legs(episode: Episode) -> bool:
    """Whether the body has two legs."""
    return ActorType(episode.actor_type) not in QUADRUPEDS
