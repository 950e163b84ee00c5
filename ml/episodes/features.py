"""Pose <-> the 22 numbers: twenty for the joints, two for how the root goes on from here."""

import numpy as np

from entities.skeleton import JOINTS, N_JOINTS

N_POSE = 2 * N_JOINTS
N_FEATURES = N_POSE + 2
FEATURE_NAMES = (
    *(f"{joint}_{axis}" for joint in JOINTS for axis in ("forward", "up")),
    "root_forward",
    "root_left",
)


def encode(root: np.ndarray, heading: np.ndarray, pose: np.ndarray, scale: float) -> np.ndarray:
    """State (T, 22): joints forward and up, then the root's step to the next frame, canonical.

    root: (T, 3) m. heading: (T,) rad. pose: (T, 10, 2) scaled metres. The step is turned by the
    frame's own heading, forward before left; the last frame, which has no next, repeats the one
    before it. Raises ValueError for fewer than two frames.
    """
    if len(root) < 2:
        raise ValueError(f"encode: {len(root)} frames; expected at least 2")
    step = np.diff(root[:, :2], axis=0, append=2.0 * root[-1:, :2] - root[-2:-1, :2])
    step = in_heading(step, heading)
    step[-1] = step[-2]
    return np.concatenate([pose.reshape(len(pose), -1), step], axis=1) / scale


def decode(
    state: np.ndarray, heading: np.ndarray, start: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Root (T, 2) m on the ground and pose (T, 10, 2) scaled metres of a state (T, 22).

    heading: (T,) rad, which the path steers and the state leaves out. start: (2,) m, the first
    root.
    """
    forward, left = scale * state[:, -2], scale * state[:, -1]
    cos, sin = np.cos(heading), np.sin(heading)
    step = np.stack([forward * cos - left * sin, forward * sin + left * cos], axis=1)
    root = np.concatenate([start[None], start + np.cumsum(step[:-1], axis=0)])
    return root, scale * state[:, :N_POSE].reshape(-1, N_JOINTS, 2)


def in_heading(vector: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """World vectors (..., 2) as (forward, left) of whoever faces ``heading`` (...,)."""
    cos, sin = np.cos(heading), np.sin(heading)
    x, y = vector[..., 0], vector[..., 1]
    return np.stack([x * cos + y * sin, y * cos - x * sin], axis=-1)
