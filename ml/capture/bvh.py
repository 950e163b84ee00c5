"""BVH files: reading, writing and joint positions. Any joint names; ``rigs`` interprets them.

The format is described at https://research.cs.wisc.edu/graphics/Courses/cs-838-1999/Jeff/BVH.html.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from entities.files import read_text, shortened
from entities.scene import MAX_DURATION_S

MAX_BVH_BYTES = 64 << 20
MAX_JOINTS = 512
MAX_POSES = 4_000_000
"""Joints times frames: 14 minutes of 38 joints at 120 frames a second; more takes gigabytes."""
MIN_FRAME_S, MAX_FRAME_S = 1e-4, 1.0
"""s. A frame time of 33.3 is meant in milliseconds."""
MAX_NUMBER = 1e7
"""Of lengths, in the file's unit, and of degrees."""
MAX_NAME = 128
_AXES = {"X": 0, "Y": 1, "Z": 2}
_CHANNEL = re.compile("[XYZ](position|rotation)", re.IGNORECASE)
_MOTION = re.compile(r"^[ \t]*MOTION[ \t]*$", re.IGNORECASE | re.MULTILINE)
_HEADER = re.compile(
    r"\s*Frames:[ \t]*(?P<frames>\S+)\s+Frame[ \t]+Time:[ \t]*(?P<frame_s>\S+)", re.IGNORECASE
)
_CHUNK = 1 << 20
"""Letters of numbers that are read at once: as words they take twenty times the room."""


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
    """Read a file. Raises ValueError naming the file and what is wrong, OSError if it cannot."""
    text = read_text(path, MAX_BVH_BYTES)
    try:
        return parse_bvh(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse_bvh(text: str) -> Bvh:
    """Parse the text of a BVH file. Raises ValueError saying what is wrong with it, and where."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _MOTION.search(text)
    if found is None or not text.lstrip()[:9].upper() == "HIERARCHY":
        raise ValueError("not a BVH file; expected HIERARCHY, then MOTION")
    bvh = Bvh([], [], np.zeros((0, 3)), [], {}, 0.0, np.zeros((0, 0)))
    bvh.offsets = np.array(_read_hierarchy(text[: found.start()], bvh)).reshape(-1, 3)
    bvh.frame_s, bvh.motion = _read_motion(text, found.end(), bvh)
    return bvh


def _read_hierarchy(head: str, bvh: Bvh) -> list[list[float]]:
    """Fill in names, parents, channels and ends of ``bvh``; gives the joints' offsets."""
    offsets: list[list[float]] = []
    open_joints: list[int] = []
    at_end = started = False
    for number, line in enumerate(head.split("\n"), start=1):
        words = line.split()
        if not started:  # with the first word, HIERARCHY
            started, words = bool(words), words[1:]
        if not words or words[0] == "{":
            continue
        key = words[0].upper()
        if key in ("ROOT", "JOINT") and not at_end:
            if len(bvh.names) == MAX_JOINTS:
                raise ValueError(f"line {number}: expected {MAX_JOINTS} joints at most")
            if len(offsets) != len(bvh.names):
                raise ValueError(f"line {number}: expected an OFFSET before another joint")
            bvh.parents.append(open_joints[-1] if open_joints else -1)
            open_joints.append(len(bvh.names))
            name = words[1:-1] if words[-1] == "{" else words[1:]
            bvh.names.append(" ".join(name)[:MAX_NAME])
            bvh.channels.append(())
        elif key == "END" and open_joints:
            at_end = True
        elif key == "OFFSET" and len(words) == 4 and open_joints:
            offset = [_number(word, number) for word in words[1:]]
            if at_end:
                bvh.ends[open_joints[-1]] = np.array(offset)
            elif len(offsets) == open_joints[-1]:
                offsets.append(offset)
            else:
                raise ValueError(f"line {number}: an OFFSET too many")
        elif key == "CHANNELS" and len(words) > 1 and open_joints and not at_end:
            names = words[2:]
            if words[1] != str(len(names)):
                raise ValueError(
                    f"line {number}: {shortened(words[1])} channels; {len(names)} are named"
                )
            for name in names:
                if not _CHANNEL.fullmatch(name):
                    raise ValueError(
                        f"line {number}: channel {shortened(name)}; expected X, Y or Z, then "
                        "position or rotation"
                    )
            if len(names) > 6:
                raise ValueError(f"line {number}: {len(names)} channels; expected 6 at most")
            bvh.channels[open_joints[-1]] = tuple(names)
        elif key == "}" and (at_end or open_joints):
            if not at_end:
                open_joints.pop()
            at_end = False
        else:
            raise ValueError(f"line {number}: cannot read {shortened(line.strip(), 40)}")
    if open_joints or len(offsets) != len(bvh.names) or bvh.parents.count(-1) != 1:
        raise ValueError("hierarchy: expected one ROOT, an OFFSET per joint and matching braces")
    return offsets


def _number(word: str, line: int) -> float:
    try:
        value = float(word)
    except ValueError:
        value = np.nan
    if not abs(value) <= MAX_NUMBER:
        raise ValueError(f"line {line}: {shortened(word)}; expected a number up to {MAX_NUMBER:g}")
    return value


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _read_motion(text: str, start: int, bvh: Bvh) -> tuple[float, np.ndarray]:
    """Seconds per frame and the channels' values (T, C), of the text after MOTION."""
    found = _HEADER.match(text, start)
    if found is None:
        raise ValueError("motion: expected 'Frames: N', then 'Frame Time: S'")
    try:
        n_frames = int(found["frames"])
        frame_s = float(found["frame_s"])
    except ValueError:
        raise ValueError("motion: expected 'Frames: N', then 'Frame Time: S'") from None
    n_channels = sum(map(len, bvh.channels))
    if not MIN_FRAME_S <= frame_s <= MAX_FRAME_S:
        raise ValueError(
            f"motion: Frame Time {shortened(found['frame_s'])}; expected seconds, {MIN_FRAME_S:g} "
            f"to {MAX_FRAME_S:g}"
        )
    if n_channels == 0:
        raise ValueError("hierarchy: expected joints with CHANNELS")
    most = min(MAX_POSES // len(bvh.names), int(MAX_DURATION_S / frame_s))
    if not 1 <= n_frames <= most:
        raise ValueError(
            f"motion: {shortened(found['frames'])} frames; expected 1 to {most} of "
            f"{len(bvh.names)} joints, {frame_s:g} s each"
        )
    numbers = _read_numbers(text, found.end(), n_frames * n_channels)
    if len(numbers) != n_frames * n_channels:
        raise ValueError(
            f"motion: {len(numbers)} numbers; expected {n_frames} frames of {n_channels} channels"
        )
    if not (np.abs(numbers) <= MAX_NUMBER).all():
        raise ValueError(f"motion: expected finite numbers up to {MAX_NUMBER:g}")
    return frame_s, numbers.reshape(n_frames, n_channels)


def _read_numbers(text: str, start: int, n: int) -> np.ndarray:
    """The numbers from ``start`` on, or one more than ``n`` of them."""
    numbers = np.zeros(n + 1)
    filled = 0
    while start < len(text) and filled <= n:
        end = min(start + _CHUNK, len(text))
        while end < len(text) and not text[end].isspace():
            end += 1
        words = text[start:end].split()[: n + 1 - filled]
        try:
            numbers[filled : filled + len(words)] = np.array(words, float)
        except ValueError:
            word = next(word for word in words if not _is_number(word))
            at = text.count("\n", 0, text.index(word, start)) + 1
            raise ValueError(f"line {at}: {shortened(word)}; expected a number") from None
        filled, start = filled + len(words), end
    return numbers[:filled]


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
