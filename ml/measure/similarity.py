"""Similarity of two motions: of gait cycles by correlation, of actions by how they look."""

from itertools import pairwise

import numpy as np

from entities.skeleton import N_JOINTS
from ml.measure.metrics import (
    Motion,
    debounced_contact,
    elbow_flexion,
    hip_flexion,
    knee_flexion,
    touch_downs,
    world_to_body,
)

CYCLE_ANGLES = ("hip", "knee", "elbow")
CYCLE_POINTS = 48
"""Samples per stride (choice): more than the 33 frames a walking stride of 1.1 s has at 30 Hz."""
STRIDE_S = (0.3, 2.5)
"""s, shortest and longest stride: from a sprinter's to that of a very old person."""

# Weights that turn the overlay's values into metres, so that a face can be compared with a hand.
HEAD_M = 0.12  # a gaze turned by 1 rad moves the nose this far
FACE_M = 0.05  # another face moves brows and mouth by as much as a small nod (choice)
MOUTH_M = 0.04  # opening of a wide open mouth
TRAVEL_S = 0.10  # a body's velocity counts as the distance covered in this time


def cycles(motion: Motion) -> np.ndarray:
    """Hip, knee and elbow flexion over each of S strides, (S, 3, 48) rad.

    A stride lasts from one touch-down of a foot to its next, with the leg and arm of that side.
    S is 0 without strides.
    """
    contact = debounced_contact(motion)
    angles = (hip_flexion(motion.pose), knee_flexion(motion.pose), elbow_flexion(motion.pose))
    frames = np.arange(len(motion))
    found = []
    for foot in (0, 1):
        downs = touch_downs(contact, foot)
        for first, last in pairwise(downs):
            if not STRIDE_S[0] <= (last - first) / motion.fps <= STRIDE_S[1]:
                continue
            at = np.linspace(first, last, CYCLE_POINTS, endpoint=False)
            found.append([np.interp(at, frames, angle[:, foot]) for angle in angles])
    return np.array(found).reshape(-1, len(CYCLE_ANGLES), CYCLE_POINTS)


def phase_shift(cycle: np.ndarray, reference: np.ndarray) -> int:
    """Samples by which to roll a mean cycle (3, 48) so that hip and knee fit the reference best.

    Sources detect a touch-down by heel, ball or label, a few hundredths of a stride apart.
    """
    fits = [
        sum(_correlation(np.roll(cycle[k], s), reference[k]) for k in (0, 1))
        for s in range(CYCLE_POINTS)
    ]
    return int(np.argmax(fits))


def cycle_match(cycle: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Correlation (3,) of hip, knee and elbow of two mean cycles (3, 48), with phases aligned."""
    rolled = np.roll(cycle, phase_shift(cycle, reference), axis=1)
    return np.array([_correlation(a, b) for a, b in zip(rolled, reference, strict=True)])


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation of two arrays (N,), 0 where one is constant."""
    first, second = first - first.mean(), second - second.mean()
    size = np.sqrt((first * first).sum() * (second * second).sum())
    return float((first * second).sum() / size) if size > 1e-9 else 0.0


def signature(motion: Motion, gaze: np.ndarray, face: np.ndarray, mouth: np.ndarray) -> np.ndarray:
    """How a motion looks, frame by frame, as points (T-1, 14, 3) m at scale 1.

    The points are the joints, forward, left and up of the root; then gaze, mouth, face and travel.
    gaze: (T, 2) rad. face: (T,) index in FACES. mouth: (T,) 0..1.
    """
    n = len(motion)
    points = np.zeros((n, N_JOINTS + 4, 3))
    points[:, :N_JOINTS] = motion.local
    points /= motion.scale
    points[:, N_JOINTS, :2] = HEAD_M * gaze
    points[:, N_JOINTS + 1, 0] = MOUTH_M * mouth
    step = np.diff(motion.root, axis=0, append=motion.root[-1:]) * motion.fps * TRAVEL_S
    step = step / motion.scale
    points[:, N_JOINTS + 3, :2] = world_to_body(step[:, :2], motion.heading)
    points[:, N_JOINTS + 3, 2] = step[:, 2]
    angle = 2.0 * np.pi * face / 6.0  # faces lie on a circle, so that any two differ
    points[:, N_JOINTS + 2, 0] = FACE_M * np.where(face > 0, np.cos(angle), 0.0)
    points[:, N_JOINTS + 2, 1] = FACE_M * np.where(face > 0, np.sin(angle), 0.0)
    return points[:-1]


def motion_distance(first: np.ndarray, second: np.ndarray) -> float:
    """How different two signatures (T, P, 3) look, m: the larger of the two one-way distances.

    One way it is the mean, over the frames of one, of the distance to the nearest frame of the
    other; the distance of two frames is that of the point that differs most. Speed and phase of a
    cycle do not count, its poses and its travel do.
    """
    apart = np.zeros((len(first), len(second)), np.float32)
    for point in range(first.shape[1]):
        a, b = first[:, None, point].astype(np.float32), second[None, :, point].astype(np.float32)
        np.maximum(apart, ((a - b) ** 2).sum(axis=2), out=apart)
    apart = np.sqrt(apart)
    return float(max(apart.min(axis=1).mean(), apart.min(axis=0).mean()))


def distance_matrix(signatures: list[np.ndarray]) -> np.ndarray:
    """(N, N) m, ``motion_distance`` of every pair."""
    n = len(signatures)
    matrix = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = motion_distance(signatures[i], signatures[j])
    return matrix
