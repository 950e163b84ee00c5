"""Episodes as files that other programs open: BVH, JSON, Rerun."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from entities.atomic_write import check_target, write_whole
from entities.skeleton import JOINTS, PARENTS
from ml.capture.bvh import write_bvh
from ml.episodes.layout import FPS
from ml.episodes.reader import Episode
from ml.measure.metrics import foot_speed
from sim.inspect.export_bvh import to_bvh
from sim.inspect.reconstruct import POINTS, actions_of, body, changes, motion_of

LIMBS = (  # pairs of points that a line joins: trunk, left, right
    (("pelvis", "neck"), ("neck", "head"), ("l_shoulder", "r_shoulder"), ("l_hip", "r_hip")),
    (
        ("l_shoulder", "l_elbow"),
        ("l_elbow", "l_hand"),
        ("l_hip", "l_knee"),
        ("l_knee", "l_ankle"),
        ("l_ankle", "l_toe"),
    ),
    (
        ("r_shoulder", "r_elbow"),
        ("r_elbow", "r_hand"),
        ("r_hip", "r_knee"),
        ("r_knee", "r_ankle"),
        ("r_ankle", "r_toe"),
    ),
)
COLOURS = ((32, 38, 46), (232, 89, 12), (24, 100, 171))


def write_bvh_file(episode: Episode, path: Path) -> None:
    """Write a BVH file, for animation programs. Raises OSError if it cannot be written."""
    write_whole(path, write_bvh(to_bvh(episode)))


def write_json_file(episode: Episode, path: Path) -> None:
    """Write every point of the body in the world, to 0.1 mm, as JSON. Raises OSError as above."""
    document: dict[str, Any] = {
        "format": "stride motion",
        "version": 1,
        "fps": FPS,
        "unit": "m",
        "axes": "x right, y away, z up",
        "task": episode.task,
        "actor": {
            "id": episode.actor_id,
            "type": episode.actor_type,
            "scale": episode.scale,
            "style": episode.style,
        },
        "points": POINTS,
        "parents": dict(zip(JOINTS[1:], (JOINTS[i] for i in PARENTS[1:]), strict=True)),
        "actions": [(first / FPS, action.value) for first, action in actions_of(episode)],
        "clauses": [
            (first / FPS, episode.subtasks[i]) for first, i in changes(episode.subtask_index)
        ],
        "root": _rounded(episode.root),
        "heading": _rounded(episode.heading),
        "contact": episode.contact.astype(int).tolist(),
        "frames": _rounded(body(episode)),
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
    write_whole(path, text)


def write_rerun(episodes: list[Episode], path: Path) -> None:
    """Write a Rerun file: bodies, paths and clauses over time, speed and contacts as curves.

    Raises ValueError where Rerun is not installed, OSError if the file cannot be written.
    """
    try:
        import rerun as rr
    except ImportError:
        raise ValueError('--rerun: expected rerun-sdk; pip install "stride-sim[viz]"') from None
    check_target(path)
    with rr.RecordingStream("stride") as stream:
        encoded = stream.binary_stream()
        stream.log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        for episode in episodes:
            _log(rr, stream, episode)
        stream.disconnect()
    # Rerun's own writer only logs that a disk is full, so the bytes, 1 KB a frame, are written
    # here; all at once, for the file ends with a checksum.
    write_whole(path, encoded.read() or b"")


def _log(rr: Any, stream: Any, episode: Episode) -> None:
    where = f"world/episode_{episode.index:06d}"
    n = len(episode)
    time = rr.TimeColumn("time", duration=np.arange(n) / FPS)
    frame = rr.TimeColumn("frame", sequence=np.arange(n))
    points = body(episode)
    at = {name: i for i, name in enumerate(POINTS)}

    def send(entity: str, columns: Any) -> None:
        stream.send_columns(f"{where}/{entity}", indexes=[time, frame], columns=columns)

    for name, limbs, colour in zip(("trunk", "left", "right"), LIMBS, COLOURS, strict=True):
        ends = points[:, [[at[a], at[b]] for a, b in limbs]]  # (T, L, 2, 3)
        stream.log(
            f"{where}/{name}",
            rr.LineStrips3D.from_fields(colors=[colour], radii=[0.03 * episode.scale]),
            static=True,
        )
        strips = rr.LineStrips3D.columns(strips=ends.reshape(-1, 2, 3)).partition([len(limbs)] * n)
        send(name, strips)
    stream.log(
        f"{where}/points", rr.Points3D.from_fields(radii=[0.035 * episode.scale]), static=True
    )
    flat = points.reshape(-1, 3)
    send("points", rr.Points3D.columns(positions=flat).partition([len(POINTS)] * n))
    stream.log(
        f"{where}/path", rr.LineStrips3D([episode.root], colors=[(120, 120, 120)]), static=True
    )
    send("clause", rr.TextLog.columns(text=[episode.subtasks[i] for i in episode.subtask_index]))
    stream.log(f"{where}/task", rr.TextDocument(episode.task), static=True)
    send("speed", rr.Scalars.columns(scalars=np.hypot(*episode.velocity[:, :2].T)))
    slide = np.concatenate([foot_speed(motion_of(episode)), np.zeros((1, 2))])[:n]
    for foot, name in enumerate(("left", "right")):
        send(f"contact/{name}", rr.Scalars.columns(scalars=episode.contact[:, foot].astype(float)))
        send(f"foot_speed/{name}", rr.Scalars.columns(scalars=slide[:, foot]))


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(float), 4).tolist()
