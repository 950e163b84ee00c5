"""Gates that a generated track must pass to be kept: each is a measurement and its limit."""

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from ml.episodes.reader import Episode
from ml.measure.metrics import (
    bone_deviation,
    foot_penetration,
    joint_speed,
    mean_speed,
    skating_ratio,
)
from sim.inspect.reconstruct import motion_of

BONES, SINK_M, SKATING, OFF_PATH, JOINT_MPS = 0.005, 0.03, 0.10, 0.10, 25.0
SPEED_SHARE, SPEED_MPS = 0.10, 0.10
"""How far the speed may be from the one asked for: this share of it, and this many m/s besides."""
ON_FEET = frozenset(ACTION_INDEX.values()) - {
    ACTION_INDEX[action]
    for action in (
        *(ActionType.SWIM, ActionType.FLY, ActionType.RIDE, ActionType.CLIMB, ActionType.CRAWL),
        *(ActionType.ROLL, ActionType.CARTWHEEL, ActionType.DIVE, ActionType.TACKLE),
        *(ActionType.FALL, ActionType.LIE_DOWN, ActionType.SLEEP, ActionType.GET_UP),
        *(ActionType.SIT, ActionType.KNEEL, ActionType.CROUCH, ActionType.EATING),
        *(ActionType.READING, ActionType.DRINKING, ActionType.TYPING, ActionType.PHONE),
    )
}
"""Actions whose feet stand or step; the feet of other actions are not measured."""


def faults(episode: Episode, asked_mps: float | None) -> list[str]:
    """The name and measurement of every gate that a track does not pass.

    asked_mps: mean speed over the ground that was asked for, or None.
    """
    motion = motion_of(episode)
    found = {
        "bones": (bone_deviation(motion), BONES),
        "pops": (float(joint_speed(motion).max(initial=0.0)), JOINT_MPS * episode.scale),
        "off_path": (float(episode.off_path.mean()), OFF_PATH),
    }
    if set(np.unique(episode.action_id).tolist()) <= ON_FEET:
        found["skates"] = (skating_ratio(motion), SKATING)
        found["sinks"] = (foot_penetration(motion)[0], SINK_M * episode.scale)
    if asked_mps is not None:
        miss = abs(mean_speed(motion) - asked_mps)
        found["speed"] = (miss, SPEED_MPS + SPEED_SHARE * asked_mps)
    return [f"{name} {value:.3g}" for name, (value, limit) in found.items() if value > limit]
