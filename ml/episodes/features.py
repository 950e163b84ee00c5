"""A frame's 22 numbers from and to root and pose: 20 for the joints, 2 for the root's step."""

import numpy as np

from entities.skeleton import JOINTS, N_JOINTS
from ml.measure.metrics import body_to_world, world_to_body

N_POSE = 2 * N_JOINTS
N_FEATURES = N_POSE + 2
FEATURE_NAMES = (
    *(f"{joint}_{axis}" for joint in JOINTS for axis in ("forward", "up")),
    "root_forward",
    "root_left",
)


def encode(root: np.ndarray, heading: np.ndarray, pose: np.ndarray, scale: float) -> np.ndarray:
    """State (T, 22), canonical: joints forward and up, then the root's step to the next frame.

    root: (T, 3) m. heading: (T,) rad. pose: (T, 10, 2) scaled metres. scale: size of the body, by
    which all is divided. A step is forward and left in its own frame's heading; the last frame,
    which has no next one, repeats the step before. Raises ValueError for fewer than two frames.
    """
    if len(root) < 2:
        raise ValueError(f"encode: {len(root)} frames; expected at least 2")
    step = np.diff(root[:, :2], axis=0, append=2.0 * root[-1:, :2] - root[-2:-1, :2])
    step = world_to_body(step, heading)
    step[-1] = step[-2]
    return np.concatenate([pose.reshape(len(pose), -1), step], axis=1) / scale


def decode(
    state: np.ndarray, heading: np.ndarray, start: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Root (T, 2) m on the ground and pose (T, 10, 2) scaled metres of a state (T, 22).

    heading: (T,) rad, which is not in the state as the path steers it. start: (2,) m, the first
    root.
    """
    step = body_to_world(scale * state[:, N_POSE:], heading)
    root = np.concatenate([start[None], start + np.cumsum(step[:-1], axis=0)])
    return root, scale * state[:, :N_POSE].reshape(-1, N_JOINTS, 2)
