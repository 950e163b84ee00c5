"""An episode as a BVH hierarchy: rigid bones of the body's size, turned as in the episode.

Y is up, metres, 30 frames a second; at rest the figure stands in a T facing +z, its left at +x.
Read back by ``ml.capture`` it is the same motion. That package measures a body from hip to knee
to ankle; our thigh starts at the pelvis, so the ankle is put a few centimetres above a real one,
where the lengths add up to the same.
"""

from dataclasses import dataclass

import numpy as np

from entities.skeleton import BONE_LENGTHS, SHANK, THIGH, ActorType
from ml.capture.bvh import Bvh, rotation_about
from ml.capture.retarget import LEG_BONES_M
from ml.episodes.reader import Episode
from ml.measure.metrics import MOTION_FPS
from sim.inspect.reconstruct import POINTS, body

X, Y, Z = 0, 1, 2  # the file's axes: left, up, forward
SPINE_SHARE = 0.3
"""Share of the trunk below its spine joint, which never bends but which rigs want."""
FOOT_M = 0.17
"""Ankle to ball of the foot of a 1.70 m adult; with the shin it reaches a little too far."""
TIP_M = 0.03
ROTATIONS = ("Zrotation", "Xrotation", "Yrotation")


@dataclass(frozen=True, slots=True)
class _Joint:
    name: str
    parent: str | None
    offset: tuple[float, float, float]  # m, at rest
    turn: np.ndarray  # (T, 3, 3) from rest, in axes that turn with the heading
    end: tuple[float, float, float] | None = None


def to_bvh(episode: Episode) -> Bvh:
    """An episode's motion as BVH."""
    points = _points(episode)
    joints = [*_trunk(points)]
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        joints += _arm(points, side, sign, joints[1])
        joints += _leg(points, side, sign, _leg_scale(episode))
    names = [joint.name for joint in joints]
    turns = {joint.name: joint.turn for joint in joints}
    heading = rotation_about(Y, episode.heading.astype(float))
    columns = [_to_file(episode.root.astype(float)) + _about_heading(heading, points["pelvis"])]
    for joint in joints:
        if joint.parent is None:
            local = heading @ joint.turn
        else:
            local = turns[joint.parent].swapaxes(1, 2) @ joint.turn
        columns.append(np.degrees(_angles(local)))
    return Bvh(
        names=names,
        parents=[-1 if joint.parent is None else names.index(joint.parent) for joint in joints],
        offsets=np.array([joint.offset for joint in joints]),
        channels=[("Xposition", "Yposition", "Zposition", *ROTATIONS)]
        + [ROTATIONS] * (len(joints) - 1),
        ends={
            place: np.array(joint.end)
            for place, joint in enumerate(joints)
            if joint.end is not None
        },
        frame_s=1.0 / MOTION_FPS,
        motion=np.concatenate(columns, axis=1),
    )


def _points(episode: Episode) -> dict[str, np.ndarray]:
    """POINTS (T, 3) from under the root, in the file's axes but turned with the heading."""
    world = _to_file(body(episode) - episode.root[:, None])
    back = rotation_about(Y, -episode.heading.astype(float))
    local = np.einsum("tij,tpj->tpi", back, world)
    return {name: local[:, i] for i, name in enumerate(POINTS)}


def _to_file(world: np.ndarray) -> np.ndarray:
    """World x, y, z as the file's: forward, left and up of heading 0 are z, x and y."""
    return world[..., [1, 2, 0]]


def _about_heading(heading: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.einsum("tij,tj->ti", heading, points)


def _leg_scale(episode: Episode) -> float:
    """Length of a body's legs over those of a 1.70 m adult."""
    own, adult = (BONE_LENGTHS[ActorType(kind)] for kind in (episode.actor_type, ActorType.HUMAN))
    return episode.scale * (own[THIGH] + own[SHANK]) / (adult[THIGH] + adult[SHANK])


def _trunk(points: dict[str, np.ndarray]) -> list[_Joint]:
    trunk, head = points["neck"] - points["pelvis"], points["head"] - points["neck"]
    long, high = _mean_length(trunk), _mean_length(head)
    turn, nod = _turned(trunk, 1.0), _turned(head, 1.0)
    radius = _mean_length(points["head_front"] - points["head"])
    return [
        _Joint("Hips", None, (0.0, 0.0, 0.0), turn),
        _Joint("Spine", "Hips", (0.0, SPINE_SHARE * long, 0.0), turn),
        _Joint("Neck", "Spine", (0.0, (1.0 - SPINE_SHARE) * long, 0.0), nod),
        _Joint("Head", "Neck", (0.0, high, 0.0), nod, (0.0, radius, 0.0)),
    ]


def _arm(points: dict[str, np.ndarray], side: str, sign: float, spine: _Joint) -> list[_Joint]:
    """An arm from the neck's height: that is where the contract's upper arm begins."""
    wide = _mean_length(points["l_shoulder"] - points["r_shoulder"]) / 2.0
    s = side[0].lower()
    shoulder = points["neck"] + (points[f"{s}_shoulder"] - points[_other(s, "shoulder")]) / 2.0
    upper = points[f"{s}_elbow"] - shoulder
    lower = points[f"{s}_hand"] - points[f"{s}_elbow"]
    down = rotation_about(Z, np.array([-sign * np.pi / 2.0]))  # from the T to hanging
    first, second = _turned(upper, -1.0) @ down, _turned(lower, -1.0) @ down
    height = spine.offset[Y] * (1.0 - SPINE_SHARE) / SPINE_SHARE
    return [
        _Joint(f"{side}Arm", "Spine", (sign * wide, height, 0.0), first),
        _Joint(f"{side}ForeArm", f"{side}Arm", (sign * _mean_length(upper), 0.0, 0.0), second),
        _Joint(
            f"{side}Hand",
            f"{side}ForeArm",
            (sign * _mean_length(lower), 0.0, 0.0),
            second,
            (sign * TIP_M, 0.0, 0.0),
        ),
    ]


def _leg(points: dict[str, np.ndarray], side: str, sign: float, scale: float) -> list[_Joint]:
    s = side[0].lower()
    knee, ball = points[f"{s}_knee"], points[f"{s}_foot"]
    wide = _mean_length(points["l_hip"] - points["r_hip"]) / 2.0
    hip = points["pelvis"] + (points[f"{s}_hip"] - points[_other(s, "hip")]) / 2.0
    thigh = _mean_length(knee - hip)
    shin, foot = LEG_BONES_M * scale - thigh, FOOT_M * scale
    ankle = _ankle(knee, ball, shin, foot)
    sole = ball - ankle
    toe = points[f"{s}_toe"] - ball
    low = foot * np.sin(np.median(np.arctan2(-sole[:, Y], sole[:, Z])))
    rest = (0.0, -low, float(np.sqrt(max(foot**2 - low**2, 0.0))))
    flat = (0.0, 0.0, _mean_length(toe))
    return [
        _Joint(f"{side}UpLeg", "Hips", (sign * wide, 0.0, 0.0), _turned(knee - hip, -1.0)),
        _Joint(f"{side}Leg", f"{side}UpLeg", (0.0, -thigh, 0.0), _turned(ankle - knee, -1.0)),
        _Joint(f"{side}Foot", f"{side}Leg", (0.0, -shin, 0.0), _pitched(sole, rest)),
        _Joint(f"{side}ToeBase", f"{side}Foot", rest, _pitched(toe, flat), flat),
    ]


def _other(side: str, name: str) -> str:
    return f"{'r' if side == 'l' else 'l'}_{name}"


def _ankle(knee: np.ndarray, ball: np.ndarray, shin: float, foot: float) -> np.ndarray:
    """(T, 3) behind the line from knee to ball, at its distances from both."""
    way = ball - knee
    reach = np.linalg.norm(way, axis=1)
    way = way / np.maximum(reach, 1e-9)[:, None]
    reach = np.clip(reach, abs(shin - foot) + 1e-6, shin + foot)
    along = (shin**2 - foot**2 + reach**2) / (2.0 * reach)
    across = np.sqrt(np.maximum(shin**2 - along**2, 0.0))
    back = np.stack([np.zeros(len(way)), -way[:, Z], way[:, Y]], axis=1)
    back /= np.maximum(np.linalg.norm(back, axis=1), 1e-9)[:, None]
    return knee + along[:, None] * way + across[:, None] * back


def _mean_length(bone: np.ndarray) -> float:
    return float(np.linalg.norm(bone, axis=1).mean())


def _turned(bone: np.ndarray, sign: float) -> np.ndarray:
    """(T, 3, 3) turning a bone that at rest points up (sign 1) or down (-1) to where it points.

    First across the plane, then in it, so that a bone does not twist about itself.
    """
    direction = bone / np.maximum(np.linalg.norm(bone, axis=1), 1e-9)[:, None]
    across = np.arcsin(np.clip(-sign * direction[:, X], -1.0, 1.0))
    inside = np.arctan2(sign * direction[:, Z], sign * direction[:, Y])
    return rotation_about(X, inside) @ rotation_about(Z, across)


def _pitched(bone: np.ndarray, rest: tuple[float, float, float]) -> np.ndarray:
    """(T, 3, 3) turning a bone in the plane from where it points at rest."""
    angle = np.arctan2(bone[:, Y], bone[:, Z])
    return rotation_about(X, np.arctan2(rest[Y], rest[Z]) - angle)


def _angles(turn: np.ndarray) -> np.ndarray:
    """(T, 3) rad, continuous: about z, x and y of turns (T, 3, 3) that are Rz Rx Ry."""
    x = np.arcsin(np.clip(turn[:, 2, 1], -1.0, 1.0))
    z = np.arctan2(-turn[:, 0, 1], turn[:, 1, 1])
    y = np.arctan2(-turn[:, 2, 0], turn[:, 2, 2])
    return np.unwrap(np.stack([z, x, y], axis=1), axis=0)
