"""BVH files: read, write, and where every joint is. Text in, arrays out; no names are known here.

The format is described at https://research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/BVH.html.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

_AXES = {"X": 0, "Y": 1, "Z": 2}


@dataclass(slots=True, eq=False)
class Bvh:
    """One file as it stands: J joints in file order, parents first; lengths in the file's unit."""

    names: list[str]
    parents: list[int]  # -1 for the root
    offsets: np.ndarray  # (J, 3)
    channels: list[tuple[str, ...]]  # per joint, such as ("Zrotation", "Xrotation", "Yrotation")
    ends: dict[int, np.ndarray]  # joint -> (3,) offset of its end site
    frame_s: float
    motion: np.ndarray  # (T, C) all channels, angles in degrees


def read_bvh(path: str | Path) -> Bvh:
    """A file's skeleton and motion. Raises ValueError naming the file and what is wrong."""
    try:
        return parse_bvh(Path(path).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file; expected BVH") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_bvh(text: str) -> Bvh:
    """The skeleton and motion of a BVH text. Raises ValueError saying what is wrong."""
    head, found, tail = text.partition("MOTION")
    if not found or not head.lstrip().upper().startswith("HIERARCHY"):
        raise ValueError("not a BVH file; expected HIERARCHY, then MOTION")
    bvh = Bvh([], [], np.zeros((0, 3)), [], {}, 0.0, np.zeros((0, 0)))
    bvh.offsets = np.array(_read_hierarchy(head, bvh)).reshape(-1, 3)
    bvh.frame_s, bvh.motion = _read_motion(tail, sum(map(len, bvh.channels)))
    return bvh


def _read_hierarchy(head: str, bvh: Bvh) -> list[list[float]]:
    offsets: list[list[float]] = []
    open_joints: list[int] = []
    at_end = False
    for number, line in enumerate(head.splitlines()[1:], start=2):
        words = line.split()
        if not words or words[0] == "{":
            continue
        key = words[0].upper()
        if key in ("ROOT", "JOINT"):
            bvh.parents.append(open_joints[-1] if open_joints else -1)
            open_joints.append(len(bvh.names))
            bvh.names.append(" ".join(words[1:]))
            bvh.channels.append(())
        elif key == "END":
            at_end = True
        elif key == "OFFSET" and len(words) == 4:
            offset = [float(word) for word in words[1:]]
            if at_end:
                bvh.ends[open_joints[-1]] = np.array(offset)
            else:
                offsets.append(offset)
        elif key == "CHANNELS" and len(words) == int(words[1]) + 2:
            bvh.channels[open_joints[-1]] = tuple(words[2:])
        elif key == "}" and (at_end or open_joints):
            if not at_end:
                open_joints.pop()
            at_end = False
        else:
            raise ValueError(f"line {number}: cannot read {line.strip()[:40]!r}")
    if open_joints or len(offsets) != len(bvh.names) or bvh.parents.count(-1) != 1:
        raise ValueError("hierarchy: expected one ROOT, an OFFSET per joint and matching braces")
    return offsets


def _read_motion(tail: str, n_channels: int) -> tuple[float, np.ndarray]:
    lines = tail.split("\n", 3)
    try:
        n_frames = int(lines[1].split(":")[1])
        frame_s = float(lines[2].split(":")[1])
    except (IndexError, ValueError):
        raise ValueError("motion: expected 'Frames: N', then 'Frame Time: S'") from None
    numbers = np.array((lines[3] if len(lines) > 3 else "").split(), float)
    if n_frames < 1 or numbers.size != n_frames * n_channels:
        raise ValueError(
            f"motion: {numbers.size} numbers; expected {n_frames} frames of {n_channels} channels"
        )
    if not (np.isfinite(numbers).all() and np.isfinite(frame_s) and frame_s > 0.0):
        raise ValueError("motion: expected finite numbers and a positive frame time")
    return frame_s, numbers.reshape(n_frames, n_channels)


def write_bvh(bvh: Bvh) -> str:
    """The text of a BVH file, six decimals; joints come depth first, as the format has them."""
    lines = ["HIERARCHY"]
    first = np.cumsum([0, *map(len, bvh.channels)]).tolist()
    columns: list[int] = []
    children: dict[int, list[int]] = {}
    for joint, parent in enumerate(bvh.parents):
        children.setdefault(parent, []).append(joint)

    def number(values: np.ndarray) -> str:
        return " ".join(f"{value:.6f}" for value in values)

    def write(joint: int, depth: int) -> None:
        pad, inner = "  " * depth, "  " * (depth + 1)
        lines.append(f"{pad}{'JOINT' if depth else 'ROOT'} {bvh.names[joint]}")
        lines.append(f"{pad}{{")
        lines.append(f"{inner}OFFSET {number(bvh.offsets[joint])}")
        names = bvh.channels[joint]
        columns.extend(range(first[joint], first[joint + 1]))
        lines.append(f"{inner}CHANNELS {len(names)} {' '.join(names)}")
        for child in children.get(joint, []):
            write(child, depth + 1)
        if joint in bvh.ends:
            lines.append(f"{inner}End Site")
            lines.append(f"{inner}{{")
            lines.append(f"{inner}  OFFSET {number(bvh.ends[joint])}")
            lines.append(f"{inner}}}")
        lines.append(f"{pad}}}")

    write(0, 0)
    lines += ["MOTION", f"Frames: {len(bvh.motion)}", f"Frame Time: {bvh.frame_s:.7f}"]
    lines += [number(frame) for frame in bvh.motion[:, columns]]
    return "\n".join(lines) + "\n"


def joint_positions(bvh: Bvh) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Positions (T, J, 3) of the joints, and of their end sites (T, 3) by joint, file's unit.

    A joint's position channels replace its OFFSET, for the root as for any other; rotations
    apply in the order the channels are listed.
    """
    return _forward(bvh, bvh.motion)


def rest_positions(bvh: Bvh) -> np.ndarray:
    """Positions (J, 3) of the joints with every rotation zero and no position channel."""
    position = np.zeros_like(bvh.offsets)
    for joint, parent in enumerate(bvh.parents):
        if parent >= 0:
            position[joint] = position[parent] + bvh.offsets[joint]
    return position


def _forward(bvh: Bvh, motion: np.ndarray) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    n_frames = len(motion)
    position = np.zeros((n_frames, len(bvh.names), 3))
    turned = np.zeros((len(bvh.names), n_frames, 3, 3))
    ends: dict[int, np.ndarray] = {}
    column = 0
    for joint, names in enumerate(bvh.channels):
        place = np.tile(bvh.offsets[joint], (n_frames, 1))
        rotation = np.tile(np.eye(3), (n_frames, 1, 1))
        for name in names:
            axis = _AXES[name[0].upper()]
            if name[1:].lower() == "position":
                place[:, axis] = motion[:, column]
            else:
                rotation = rotation @ about(axis, np.radians(motion[:, column]))
            column += 1
        parent = bvh.parents[joint]
        if parent < 0:
            position[:, joint], turned[joint] = place, rotation
        else:
            position[:, joint] = position[:, parent] + _apply(turned[parent], place)
            turned[joint] = turned[parent] @ rotation
        if joint in bvh.ends:
            ends[joint] = position[:, joint] + turned[joint] @ bvh.ends[joint]
    return position, ends


def _apply(rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return np.einsum("tij,tj->ti", rotation, vector)


def about(axis: int, angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3) about one axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.tile(np.eye(3), (len(angle), 1, 1))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, one, one] = matrix[:, two, two] = cos
    matrix[:, one, two], matrix[:, two, one] = -sin, sin
    return matrix
