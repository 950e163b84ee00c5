"""A captured clip as an episode: its columns, its action, and what may be learned from it."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.components import FACE_INDEX
from entities.skeleton import L_FOOT, R_FOOT
from entities.units import EARTH_GRAVITY
from ml.capture.index import IndexRow
from ml.capture.refit import smooth
from ml.capture.retarget import Clip
from ml.episodes.features import encode
from ml.episodes.reader import SOURCES, Episode, Source, TrainingUse
from ml.measure.metrics import (
    MOTION_FPS,
    Motion,
    mean_speed,
    runs,
    skating_ratio,
    world_to_body,
)

UNCERTAIN_SOURCES = frozenset({"deepmimic"})
"""Sources whose recordings are of unknown origin: models are measured against them, not trained."""
DESIRED_SIGMA_S = 0.4
"""s; smooths strides out of a clip's velocity, which gives the velocity taken as desired."""
FLIGHT_S = 0.2
"""s; a jump is in the air for longer, a runner for about 0.13 s in each step."""
_NOISE_WORDS = re.compile(
    r"^(\d+|[a-z]|dataset|subject|take|clip|trial|mocap|anim|bvh|mixamo|com|skeleton|\d*fps)$"
)
# Labels of the mocap pack and other sources that are not an action's own name. A label without a
# counterpart becomes the gait of its speed.
SYNONYMS: dict[str, ActionType] = {
    "zombie": ActionType.ZOMBIE_WALK,
    "running": ActionType.RUN,
    "walking": ActionType.WALK,
    "jogging": ActionType.JOG,
    "jumping": ActionType.JUMP,
    "hopping": ActionType.HOP,
    "marching": ActionType.MARCH,
    "crawling": ActionType.CRAWL,
    "dancing": ActionType.DANCE,
    "backflip": ActionType.JUMP,
    "flip": ActionType.JUMP,
    "jumping-jack": ActionType.CELEBRATE,
    "cheer": ActionType.CELEBRATE,
    "direct-traffic": ActionType.POINT,
    "gesture": ActionType.TALK,
    "aim": ActionType.POINT,
    "shoot": ActionType.POINT,
    "dribble": ActionType.DRIBBLING,
    "throw": ActionType.THROWING,
    "get-up": ActionType.GET_UP,
    "stand-up": ActionType.STAND,
    "sit-down": ActionType.SIT,
    "sitting": ActionType.SIT,
    "lie": ActionType.LIE_DOWN,
    "spin": ActionType.TURN_AROUND,
    "hit-react": ActionType.DODGE,
    "sword-attack": ActionType.BATTING,
    "cast-spell": ActionType.PUSH,
    "reach": ActionType.PICK_UP,
}
GAITS = (
    (0.3, ActionType.IDLE),
    (2.1, ActionType.WALK),
    (4.0, ActionType.JOG),
    (np.inf, ActionType.RUN),
)
"""Upper limit of speed, m/s, and gait."""


def to_episode(clip: Clip, row: IndexRow, about: dict[str, Any]) -> Episode:
    """The episode of a clip. about: more facts for the episode's own ``about``.

    Raises ValueError for a clip of less than two frames.
    """
    motion = clip.motion
    n = len(motion) - 1  # the last frame has no step to a next one
    if n < 1:
        raise ValueError(f"{row.path}: 1 frame; expected at least 2, at 30 a second")
    action = action_of(row.action or row.caption, motion)
    flight = flight_height(motion) if action is ActionType.JUMP else np.zeros(len(motion))
    root = motion.root + flight[:, None] * [0.0, 0.0, 1.0]
    pose = motion.pose - flight[:, None, None] * [0.0, 1.0]
    velocity = np.gradient(root, axis=0) * MOTION_FPS
    desired = world_to_body(smooth(velocity[:, :2], DESIRED_SIGMA_S), motion.heading)
    turn = smooth(np.gradient(motion.heading) * MOTION_FPS, DESIRED_SIGMA_S)
    state = encode(root, motion.heading, pose, motion.scale)
    columns: dict[str, np.ndarray] = {
        "state": state,
        "action": np.concatenate([desired, turn[:, None]], axis=1),
        "root": root,
        "heading": motion.heading,
        "velocity": velocity,
        "contact": motion.contact,
        "off_path": np.zeros(n + 1, bool),
        "lateral": motion.lateral,
        "roll": np.zeros(n + 1),
        "gaze": np.zeros((n + 1, 2)),
        "face": np.full(n + 1, FACE_INDEX["neutral"]),
        "mouth": np.zeros(n + 1),
        "action_id": np.full(n + 1, ACTION_INDEX[action]),
        "source": np.full(n + 1, SOURCES.index(Source.CAPTURED)),
        "subtask_index": np.zeros(n + 1, np.int64),
    }
    return Episode(
        **{
            name: values[:n].astype(np.float32) if values.dtype == float else values[:n]
            for name, values in columns.items()
        },
        subtasks=[row.caption],
        task=row.caption,
        actor_id="person",
        split=row.split,
        teaches=training_use(clip, row).value,
        about={
            **about,
            "file": row.path.name,
            "source": row.source,
            "licence": row.licence,
            "label": row.action,
            "root_motion": "full" if row.full_root else "none",
            "out_of_plane": clip.out_of_plane,
            "out_of_plane_share": round(clip.out_of_plane_share, 4),
            "whips": clip.too_fast,
            "speed_mps": round(mean_speed(motion), 3),
            "skating_source": round(skating_ratio(clip.raw), 4),
            "skating": round(skating_ratio(motion), 4),
        },
    )


def training_use(clip: Clip, row: IndexRow) -> TrainingUse:
    """What may be learned from a clip."""
    if row.source in UNCERTAIN_SOURCES:
        return TrainingUse.NOTHING
    return _faithful_part(clip.out_of_plane or clip.too_fast, row.full_root)


def evaluation_use(about: dict[str, Any]) -> TrainingUse:
    """What models may be measured against, given the ``about`` of an episode of ``to_episode``.

    It is what might be learned from the clip if its origin were certain. Raises ValueError if it is
    not of such an episode.
    """
    missing = {"out_of_plane", "whips", "root_motion"} - about.keys()
    if missing:
        raise ValueError(f"a captured episode that does not say {', '.join(sorted(missing))}")
    distorted = about["out_of_plane"] or about["whips"]
    return _faithful_part(distorted, about["root_motion"] == "full")


def _faithful_part(distorted: bool, full_root: bool) -> TrainingUse:
    """The part of a clip that is as it was recorded. distorted: by the projection to the plane."""
    if distorted:
        return TrainingUse.NOTHING
    return TrainingUse.ALL if full_root else TrainingUse.POSE


def action_of(label: str, motion: Motion) -> ActionType:
    """The action named in a source's label or a caption, else the gait of the motion's speed."""
    name = label.strip().lower()
    words = [name, *re.findall(r"[a-z]+", name)]
    actions = {action.value.replace("_", "-"): action for action in ActionType} | SYNONYMS
    found = next((actions[word] for word in words if word in actions), None)
    speed = mean_speed(motion)
    if found in (None, ActionType.RUN):  # sources label a jog as running
        gait = next(gait for limit, gait in GAITS if speed < limit)
        if found is None or gait is ActionType.JOG:
            return gait
    return found


def flight_height(motion: Motion) -> np.ndarray:
    """Ballistic height of a jump, (T,) m: a parabola from take-off to landing, 0 on the ground.

    It is nowhere above the lower foot, so that the pose relative to it stays above the ground.
    """
    lower = motion.pose[:, [L_FOOT, R_FOOT], 1].min(axis=1)
    height = np.zeros(len(motion))
    for first, last in runs(~motion.contact.any(axis=1)):
        seconds = (last - first + 1) / MOTION_FPS
        if seconds < FLIGHT_S or first == 0 or last == len(motion):
            continue
        t = np.arange(1, last - first + 1) / MOTION_FPS
        height[first:last] = 0.5 * EARTH_GRAVITY * t * (seconds - t)
    return np.clip(np.minimum(height, lower), 0.0, None)


def caption_of(path: Path) -> str:
    """A caption from a file's name. Raises ValueError for a name without words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", " ", path.stem)
    words = [word.lower() for word in re.split(r"[\W_]+", spaced) if word]
    words = [word for word in words if not _NOISE_WORDS.match(word)]
    if not words:
        raise ValueError(
            f"{path}: no words in its name; expected an index with its caption, or another name"
        )
    return " ".join(words)
