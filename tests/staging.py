"""Casts and frames made by hand, for tests of cameras and pictures."""

import numpy as np

from entities.objects import ObjectType
from entities.skeleton import (
    ACTOR_INDEX,
    ACTOR_SCALES,
    ACTOR_TYPES,
    BONE_LENGTHS,
    LATERAL,
    QUADRUPEDS,
    STANDING_PELVIS,
    ActorType,
)
from sim.frame import Cast, Frame

COLORS = [(226, 78, 66), (52, 120, 196), (244, 176, 52), (76, 164, 110)]


def make_cast(kinds, objects=(), theme="park"):
    """A cast of actor type names, called a0, a1 and so on, and of object type names."""
    types = [ActorType(kind) for kind in kinds]
    n, o = len(types), len(objects)
    return Cast(
        theme=theme,
        weather="clear",
        time_of_day="day",
        seed=3,
        gravity=9.81,
        actor_ids=[f"a{i}" for i in range(n)],
        actor_kind=np.array([ACTOR_INDEX[kind] for kind in types], np.int64),
        actor_scale=np.array([ACTOR_SCALES[kind] for kind in types]),
        actor_bones=np.array([BONE_LENGTHS[kind] for kind in types]).reshape(n, 5),
        actor_color=np.array([COLORS[i % 4] for i in range(n)], np.uint8).reshape(n, 3),
        object_ids=[f"o{i}" for i in range(o)],
        object_kind=np.array([list(ObjectType).index(ObjectType(x)) for x in objects], np.int64),
        object_scale=np.ones(o),
        object_color=np.full((o, 3), -1, np.int16),
    )


def standing(kind):
    """Joints (10, 2) m of a standing actor at scale 1."""
    trunk, upper, fore, thigh, shank = BONE_LENGTHS[kind]
    hip = STANDING_PELVIS[kind]
    joints = np.zeros((10, 2))
    joints[0] = (0.0, hip)
    if kind in QUADRUPEDS:
        joints[1] = (trunk, hip)
        for elbow, reach in ((2, 0.0), (4, 0.0)):
            drop = hip / (upper + fore)
            joints[elbow] = (trunk + reach, hip - drop * upper)
            joints[elbow + 1] = (trunk + reach, 0.0)
    else:
        joints[1] = (0.0, hip + trunk)
        for elbow in (2, 4):
            joints[elbow] = (0.02, hip + trunk - upper)
            joints[elbow + 1] = (0.06, hip + trunk - upper - fore)
    drop = hip / (thigh + shank)
    for knee in (6, 8):
        joints[knee] = (0.05, hip - drop * thigh)
        joints[knee + 1] = (0.08, 0.0)
    return joints


def make_frame(cast, *, root, time=0.0, heading=0.0, velocity=None, objects=(), **more):
    """A frame of standing actors at root (A, 3) m and objects at (O, 3) m; more: other columns."""
    n, o = len(cast.actor_kind), len(cast.object_kind)
    kinds = [ACTOR_TYPES[kind] for kind in cast.actor_kind]
    joints = np.array([standing(kind) for kind in kinds]).reshape(n, 10, 2)
    narrow = np.array([0.4 if kind in QUADRUPEDS else 1.0 for kind in kinds]).reshape(n, 1)
    columns = {
        "cast": cast,
        "time": time,
        "root": np.array(root, float).reshape(n, 3),
        "heading": np.broadcast_to(np.asarray(heading, float), (n,)).copy(),
        "velocity": np.zeros((n, 3)) if velocity is None else np.array(velocity, float),
        "action": np.zeros(n, np.int64),
        "joints": joints * cast.actor_scale[:, None, None],
        "lateral": np.tile(LATERAL, (n, 1)) * narrow * cast.actor_scale[:, None],
        "roll": np.zeros(n),
        "gaze": np.zeros((n, 2)),
        "face": np.zeros(n, np.int64),
        "mouth": np.zeros(n),
        "contact": np.ones((n, 2), bool),
        "object_position": np.array(objects, float).reshape(o, 3),
        "object_heading": np.zeros(o),
        "object_spin": np.zeros(o),
        "object_holder": np.full(o, -1),
        "object_hand": np.full(o, 3),
    }
    columns.update(more)
    return Frame(**columns)
