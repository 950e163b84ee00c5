"""Where the joints of a pose are in the world: turned to its heading, and rolled."""

import numpy as np


def joints_world(
    root: np.ndarray,
    heading: np.ndarray,
    joints: np.ndarray,
    lateral: np.ndarray,
    roll: np.ndarray,
) -> np.ndarray:
    """World positions (N, 10, 3) m. root (N, 3), heading (N,), joints (N, 10, 2), lateral (N, 10).

    roll (N,): see ``rolled``.
    """
    left, up = rolled(lateral, joints[:, :, 1], roll)
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    forward = joints[:, :, 0]
    return np.stack(
        [
            root[:, :1] + forward * cos - left * sin,
            root[:, 1:2] + forward * sin + left * cos,
            root[:, 2:3] + up,
        ],
        axis=2,
    )


def rolled(left: np.ndarray, up: np.ndarray, roll: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, K) left and up of the root after a roll (N,) about the forward axis.

    A lean (up to half a radian) moves each point in proportion to its height, so that feet on
    the ground stay where they are; beyond that it goes over to a turn about the pelvis'
    neighbourhood, one metre up when upside down.
    """
    size = np.abs(roll)
    turned = np.clip((size - 0.5) / 0.5, 0.0, 1.0)
    turned = (turned * turned * (3.0 - 2.0 * turned))[:, None]
    wide = roll[:, None] * turned
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    pivot = 0.5 * (1.0 - cos) * turned
    return (
        left * np.cos(wide) - (up - pivot) * sin,
        left * np.sin(wide) + (up - pivot) * cos + pivot,
    )
