"""BVH files: reading, writing and joint positions. Any joint names; ``rigs`` interprets them.

The format is described at https://research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/BVH.html.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

_AXES = {"X": 0, "Y": 1, "Z": 2}


@dataclass(slots=True, eq=False)
class Bvh:
    """A file's content: J joints in file order, parents first; lengths in the file's own unit."""

    names: list[str]
    parents: list[int]  # -1 for the root
    offsets: np.ndarray  # (J, 3)
    channels: list[tuple[str, ...]]  # per joint, such as ("Zrotation", "Xrotation", "Yrotation")
    ends: dict[int, np.ndarray]  # joint -> offset (3,) of its end site
    frame_s: float
    motion: np.ndarray  # (T, C) all channels, angles in degrees


def read_bvh(path: str | Path) -> Bvh:
    """Read a file. Raises ValueError naming the file and what is wrong with it."""
    try:
        return parse_bvh(Path(path).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file; expected BVH") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_bvh(text: str) -> Bvh:
    """Parse the text of a BVH file. Raises ValueError saying what is wrong with it."""
    head, found, tail = text.partition("MOTION")
    if not found or not head.lstrip().upper().startswith("HIERARCHY"):
        raise ValueError("not a BVH file; expected HIERARCHY, then MOTION")
    bvh = Bvh([], [], np.zeros((0, 3)), [], {}, 0.0, np.zeros((0, 0)))
    bvh.offsets = np.array(_read_hierarchy(head, bvh)).reshape(-1, 3)
    bvh.frame_s, bvh.motion = _read_motion(tail, sum(map(len, bvh.channels)))
    return bvh


def _read_hierarchy(head: str, bvh: Bvh) -> list[list[float]]:
    """Fill in names, parents, channels and ends of ``bvh``; gives the joints' offsets."""
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
    """Seconds per frame and the channels' values (T, C)."""
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
    """The text of a BVH file, with six decimals and the joints depth first, as the format wants."""
    lines = ["HIERARCHY"]
    first_column = np.cumsum([0, *map(len, bvh.channels)]).tolist()
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
        columns.extend(range(first_column[joint], first_column[joint + 1]))
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


def rest_positions(bvh: Bvh) -> np.ndarray:
    """Positions (J, 3) of the joints with all rotations zero and no position channels."""
    position = np.zeros_like(bvh.offsets)
    for joint, parent in enumerate(bvh.parents):
        if parent >= 0:
            position[joint] = position[parent] + bvh.offsets[joint]
    return position


def joint_positions(bvh: Bvh) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Positions (T, J, 3) of joints, and (T, 3) of end sites by joint, in the file's unit.

    A joint's position channels replace its OFFSET, the root's and any other's; rotations apply in
    the order in which the channels are listed.
    """
    motion = bvh.motion
    n_frames = len(motion)
    position = np.zeros((n_frames, len(bvh.names), 3))
    world_rotation = np.zeros((len(bvh.names), n_frames, 3, 3))
    ends: dict[int, np.ndarray] = {}
    column = 0
    for joint, names in enumerate(bvh.channels):
        offset = np.tile(bvh.offsets[joint], (n_frames, 1))
        rotation = np.tile(np.eye(3), (n_frames, 1, 1))
        for name in names:
            axis = _AXES[name[0].upper()]
            if name[1:].lower() == "position":
                offset[:, axis] = motion[:, column]
            else:
                rotation = rotation @ rotation_about(axis, np.radians(motion[:, column]))
            column += 1
        parent = bvh.parents[joint]
        if parent < 0:
            position[:, joint], world_rotation[joint] = offset, rotation
        else:
            position[:, joint] = position[:, parent] + _apply(world_rotation[parent], offset)
            world_rotation[joint] = world_rotation[parent] @ rotation
        if joint in bvh.ends:
            ends[joint] = position[:, joint] + world_rotation[joint] @ bvh.ends[joint]
    return position, ends


def _apply(rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Vectors (T, 3) turned by rotations (T, 3, 3)."""
    return np.einsum("tij,tj->ti", rotation, vector)


def rotation_about(axis: int, angle: np.ndarray) -> np.ndarray:
    """Rotation matrices (T, 3, 3) about an axis (0 x, 1 y, 2 z) by angles (T,) rad."""
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.tile(np.eye(3), (len(angle), 1, 1))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, one, one] = matrix[:, two, two] = cos
    matrix[:, one, two], matrix[:, two, one] = -sin, sin
    return matrix
