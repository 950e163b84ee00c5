"""A dataset as a gallery page: one folder that any browser opens, without a server or a network.

The page itself is in ``assets/gallery``. This module writes its data: ``data.js`` with an entry for
each episode, and a script for the motion of each, fetched when it is played.
"""

import base64
import json
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from entities.skeleton import JOINTS
from ml.episodes.layout import FPS
from ml.episodes.reader import Episode, EpisodeDataset
from sim.inspect.figures import FAR_EDGES, SPEED_EDGES, Sample, by_action, histogram, worst
from sim.inspect.reconstruct import POINTS, actions_of, body, changes

PAGE_FILES = ("index.html", "gallery.css", "figure.js", "player.js", "gallery.js")
MOTIONS = "episodes"
STRIP_POSES = 7
STRIP_UNIT_M = 0.02
"""m of a unit of a thumbnail: its numbers fit a byte, 2.5 m either way."""
SHOWN_FACTS = ("source", "file", "licence", "label")
"""Fields of ``about`` that say where an episode comes from."""
WORST_KEPT = 6
"""Worst episodes shown for each figure, where not all episodes are on the page."""


def choose(samples: list[Sample], most: int) -> list[int]:
    """Indices of the episodes a page shows: all, or the worst and as many others, evenly spread."""
    if len(samples) <= most:
        return [sample.index for sample in samples]
    kept = dict.fromkeys(sample.index for _, sample in worst(samples, WORST_KEPT))
    kept = dict.fromkeys(list(kept)[:most])
    rest = [sample.index for sample in samples if sample.index not in kept]
    even = np.linspace(0, len(rest) - 1, most - len(kept)).round().astype(int)
    return sorted([*kept, *(rest[i] for i in even)])


def write_gallery(
    folder: Path,
    dataset: EpisodeDataset,
    samples: list[Sample],
    shown: list[int],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the page of the episodes ``shown``; its histograms count all ``samples``.

    Raises ValueError for a folder that holds something else, OSError if it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or not _is_ours(folder)):
        raise ValueError(f"{folder}: holds something else; expected a new or an empty folder")
    (folder / MOTIONS).mkdir(parents=True, exist_ok=True)
    for old in (folder / MOTIONS).glob("*.js"):
        old.unlink()
    source = files("assets") / "gallery"
    for name in PAGE_FILES:
        with (source / name).open("rb") as page, (folder / name).open("wb") as copy:
            shutil.copyfileobj(page, copy)
    of_index = {sample.index: sample for sample in samples}
    entries = []
    for done, index in enumerate(shown, start=1):
        episode = dataset.episode(index)
        entries.append(_entry(episode, of_index[index]))
        text = f"takeEpisode({_json(_motion(episode, of_index[index]))});\n"
        (folder / MOTIONS / f"{index:06d}.js").write_text(text, encoding="utf-8")
        if progress is not None:
            progress(done, len(shown))
    seconds, episodes = by_action(samples)
    page = {
        "name": dataset.root.resolve().name,
        "totals": f"{len(samples)} episodes, {sum(s.seconds for s in samples) / 60.0:.1f} minutes, "
        f"{dataset.n_scenes} scenes",
        "terms": f"{dataset.own_info['origin']} Licence: {dataset.own_info['licence']}.",
        "total": len(samples),
        "fps": FPS,
        "points": POINTS,
        "files": f"{MOTIONS}/#.js",
        "actions": [
            {"name": name, "seconds": round(total, 2), "episodes": episodes[name]}
            for name, total in seconds.most_common()
        ],
        "far": {"edges": FAR_EDGES, "counts": histogram((s.far for s in samples), FAR_EDGES)},
        "speed": {
            "edges": SPEED_EDGES,
            "counts": histogram((s.speed for s in samples), SPEED_EDGES),
        },
        "episodes": entries,
    }
    (folder / "data.js").write_text(f"const DATASET = {_json(page)};\n", encoding="utf-8")


def _is_ours(folder: Path) -> bool:
    """Whether a folder is empty or holds a page written earlier."""
    return set(folder.glob("*")) <= {folder / name for name in (*PAGE_FILES, MOTIONS, "data.js")}


def _entry(episode: Episode, sample: Sample) -> dict[str, Any]:
    """An episode's entry in the list."""
    return {
        "i": episode.index,
        "task": episode.task,
        "actions": list(sample.actions),
        "kind": episode.actor_type,
        "style": episode.style,
        "split": episode.split,
        "teaches": episode.teaches,
        "seconds": round(sample.seconds, 2),
        "speed": round(sample.speed, 3),
        "far": round(sample.far, 3),
        "skate": round(sample.skate, 4),
        "jerk": round(sample.jerk),
        "strip": _packed(_strip(episode), np.int8),
    }


def _strip(episode: Episode) -> np.ndarray:
    """(STRIP_POSES, 20) a few poses, seen from the side, in STRIP_UNIT_M."""
    at = np.linspace(0, len(episode) - 1, STRIP_POSES).round().astype(int)
    poses = episode.pose[at].astype(float)
    poses[:, :, 1] += episode.root[at, 2:3]
    return np.clip(np.rint(poses / STRIP_UNIT_M), -127, 127).reshape(STRIP_POSES, 2 * len(JOINTS))


def _motion(episode: Episode, sample: Sample) -> dict[str, Any]:
    """What the page plays of an episode: root in m, points in mm from under the root."""
    points = body(episode)
    points[:, :, :2] -= episode.root[:, None, :2]
    away = episode.root[-1] - episode.root[0]
    travels = np.hypot(away[0], away[1]) > 0.5
    facing = np.arctan2(away[1], away[0]) if travels else float(episode.heading[0])
    facts = {
        "episode": episode.index,
        "scene": episode.scene,
        "actor": f"{episode.actor_id}, {episode.actor_type}, scale {episode.scale:g}",
        "split": episode.split,
        "teaches": episode.teaches,
        "style": episode.style or "none",
        "length": f"{sample.seconds:.2f} s",
        "mean speed": f"{sample.speed:.2f} m/s",
        "displacement": f"{sample.far:.2f} m",
        "skating": f"{sample.skate:.2%}",
        "below floor": f"{1000.0 * sample.sink:.0f} mm",
        "jerk": f"{sample.jerk:.0f} m/s³",
        **{name: episode.about[name] for name in SHOWN_FACTS if episode.about.get(name)},
    }
    return {
        "index": episode.index,
        "task": episode.task,
        "frames": len(episode),
        "kind": episode.actor_type,
        "scale": episode.scale,
        "course": round(float(facing), 4),
        "actions": [(first, action.value) for first, action in actions_of(episode)],
        "clauses": [(first, episode.subtasks[i]) for first, i in changes(episode.subtask_index)],
        "facts": facts,
        "root": _packed(episode.root, np.float32),
        "body": _packed(np.clip(np.rint(1000.0 * points), -32767, 32767), np.int16),
        "contact": _packed(episode.contact @ [1, 2], np.uint8),
    }


def _packed(values: np.ndarray, kind: type) -> str:
    """Little-endian numbers as base64 text."""
    little = np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode()


def _json(value: Any) -> str:
    """JSON that is safe in a script element: ``</`` and U+2028 and U+2029 are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("</", "<\\/").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
