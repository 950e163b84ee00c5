"""A captured clip as an episode: whose it is, what it shows, and what may be learned from it."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.components import FACE_INDEX
from entities.skeleton import L_FOOT, R_FOOT
from entities.units import EARTH_GRAVITY
from ml.capture.index import PackRow
from ml.capture.refit import smooth
from ml.capture.retarget import Clip
from ml.episodes.features import encode, in_heading
from ml.episodes.reader import SOURCES, Episode, Source, Teaches
from ml.measure.metrics import MOTION_FPS, Motion, mean_speed, runs, skating_ratio

UNCERTAIN = frozenset({"deepmimic"})
"""Sources whose recordings nobody knows the origin of: they measure models and never teach one."""
WANTED_SIGMA_S = 0.4
"""Of the speed a clip is taken to have been asked for: what is left when strides are smoothed."""
FLIGHT_S = 0.2
"""A jump is in the air for longer; runners for about 0.13 s a step."""
NOISE_WORDS = re.compile(
    r"^(\d+|[a-z]|dataset|subject|take|clip|trial|mocap|anim|bvh|mixamo|com|skeleton|\d*fps)$"
)
# What the pack and others call an action, where it is not the action's own name. What has no
# counterpart is named by how fast it goes.
A = ActionType
SYNONYMS: dict[str, ActionType] = {
    "zombie": A.ZOMBIE_WALK,
    "running": A.RUN,
    "walking": A.WALK,
    "jogging": A.JOG,
    "jumping": A.JUMP,
    "hopping": A.HOP,
    "marching": A.MARCH,
    "crawling": A.CRAWL,
    "dancing": A.DANCE,
    "backflip": A.JUMP,
    "flip": A.JUMP,
    "jumping-jack": A.CELEBRATE,
    "cheer": A.CELEBRATE,
    "direct-traffic": A.POINT,
    "gesture": A.TALK,
    "aim": A.POINT,
    "shoot": A.POINT,
    "dribble": A.DRIBBLING,
    "throw": A.THROWING,
    "get-up": A.GET_UP,
    "stand-up": A.STAND,
    "sit-down": A.SIT,
    "sitting": A.SIT,
    "lie": A.LIE_DOWN,
    "spin": A.TURN_AROUND,
    "hit-react": A.DODGE,
    "sword-attack": A.BATTING,
    "cast-spell": A.PUSH,
    "reach": A.PICK_UP,
}
GAITS = ((0.3, A.IDLE), (2.1, A.WALK), (4.0, A.JOG), (np.inf, A.RUN))  # below so many m/s
del A


def to_episode(clip: Clip, row: PackRow, about: dict[str, Any]) -> Episode:
    """The contract's body of a clip. about: what else is to be known of it, for its record.

    Raises ValueError for a clip of less than two frames.
    """
    motion = clip.motion
    n = len(motion) - 1  # the last frame leads to none
    if n < 1:
        raise ValueError(f"{row.path}: 1 frame; expected at least 2, at 30 a second")
    action = action_of(row.action or row.caption, motion)
    lift = flight_height(motion) if action is ActionType.JUMP else np.zeros(len(motion))
    root = motion.root + lift[:, None] * [0.0, 0.0, 1.0]
    pose = motion.pose - lift[:, None, None] * [0.0, 1.0]
    velocity = np.gradient(root, axis=0) * MOTION_FPS
    wanted = in_heading(smooth(velocity[:, :2], WANTED_SIGMA_S), motion.heading)
    turn = smooth(np.gradient(motion.heading) * MOTION_FPS, WANTED_SIGMA_S)
    state = encode(root, motion.heading, pose, motion.scale)
    columns: dict[str, np.ndarray] = {
        "state": state,
        "action": np.concatenate([wanted, turn[:, None]], axis=1),
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
        teaches=teaches(clip, row).value,
        about={
            **about,
            "file": row.path.name,
            "source": row.source,
            "licence": row.licence,
            "label": row.action,
            "root_motion": "full" if row.full_root else "none",
            "out_of_plane": clip.out_of_plane,
            "out_of_plane_share": round(clip.out_of_plane_share, 4),
            "whips": clip.whips,
            "speed_mps": round(mean_speed(motion), 3),
            "skating_source": round(skating_ratio(clip.raw), 4),
            "skating": round(skating_ratio(motion), 4),
        },
    )


def teaches(clip: Clip, row: PackRow) -> Teaches:
    """What may be learned from a clip."""
    if row.source in UNCERTAIN:
        return Teaches.NOTHING
    return _shows(clip.out_of_plane or clip.whips, row.full_root)


def measures(about: dict[str, Any]) -> Teaches:
    """What may be measured against a clip that ``to_episode`` made, by its record: what it would
    teach if its origin were certain."""
    unlike = about["out_of_plane"] or about["whips"]
    return _shows(unlike, about["root_motion"] == "full")


def _shows(unlike: bool, full_root: bool) -> Teaches:
    """What of a clip is as it was in space; nothing where the plane makes another of it."""
    if unlike:
        return Teaches.NOTHING
    return Teaches.ALL if full_root else Teaches.POSE


def action_of(label: str, motion: Motion) -> ActionType:
    """The action that a source's label, or a caption, speaks of; else a gait, by its speed."""
    name = label.strip().lower()
    words = [name, *re.findall(r"[a-z]+", name)]
    actions = {action.value.replace("_", "-"): action for action in ActionType} | SYNONYMS
    found = next((actions[word] for word in words if word in actions), None)
    speed = mean_speed(motion)
    if found in (None, ActionType.RUN):  # nobody says "jog"
        gait = next(gait for limit, gait in GAITS if speed < limit)
        if found is None or gait is ActionType.JOG:
            return gait
    return found


def flight_height(motion: Motion) -> np.ndarray:
    """(T,) m a jump's ballistic height: a parabola from take-off to landing, 0 on the ground.

    Nowhere above the lower foot, so that the pose measured from it stays above its own ground.
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
    """A caption out of a file's name. Raises ValueError for a name without words."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", " ", path.stem)
    words = [word.lower() for word in re.split(r"[\W_]+", spaced) if word]
    words = [word for word in words if not NOISE_WORDS.match(word)]
    if not words:
        raise ValueError(
            f"{path}: no words in its name; expected an index with its caption, or another name"
        )
    return " ".join(words)
