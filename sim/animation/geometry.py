"""Formulas that several modules of this package share: easing curves, angles, frames, two bones.

Every function works element by element on arrays of equal shape.
"""

from dataclasses import dataclass

import numpy as np

SIDES = np.array([[1.0], [-1.0]])
"""(2, 1) direction of the left and right side along the leftward axis."""


def smoothstep(u: np.ndarray) -> np.ndarray:
    """0 at u = 0, 1 at u = 1, level at both."""
    return u * u * (3.0 - 2.0 * u)


def fade(u: np.ndarray) -> np.ndarray:
    """1 at u = 0, 0 at u = 1, level at both."""
    return (1.0 - u) * (1.0 - u) * (1.0 + 2.0 * u)


def mid_swing(u: np.ndarray) -> np.ndarray:
    """1 at u = 0.5, 0 at u = 0 and u = 1, level at all three."""
    return 16.0 * u * u * (1.0 - u) * (1.0 - u)


def whole_turns(angle: np.ndarray) -> np.ndarray:
    """The whole turns, rad, nearest to an angle."""
    return 2.0 * np.pi * np.rint(angle / (2.0 * np.pi))


def wrapped(angle: np.ndarray) -> np.ndarray:
    """The same direction as an angle between -pi and pi."""
    return angle - whole_turns(angle)


def to_local(
    x: np.ndarray, y: np.ndarray, cos: np.ndarray, sin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A vector of the world's ground as forward and left of a heading with ``cos`` and ``sin``."""
    return x * cos + y * sin, y * cos - x * sin


def to_world(
    forward: np.ndarray, left: np.ndarray, cos: np.ndarray, sin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A vector forward and left of a heading, as x and y of the world."""
    return forward * cos - left * sin, forward * sin + left * cos


@dataclass(frozen=True, slots=True, eq=False)
class BodyFrames:
    """The frames of N bodies on the ground: position and heading, all (N,)."""

    x: np.ndarray  # m
    y: np.ndarray  # m
    cos: np.ndarray  # of the heading
    sin: np.ndarray

    def take(self, rows: np.ndarray) -> "BodyFrames":
        """The frames of ``rows`` (R,)."""
        return BodyFrames(self.x[rows], self.y[rows], self.cos[rows], self.sin[rows])

    def local(self, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places in the world, x and y (2, 2, N) m, as forward and left of each body, (2, N)."""
        return to_local(spots[0] - self.x, spots[1] - self.y, self.cos, self.sin)

    def world(self, forward: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Places in the world, x and y (2, 2, N) m, of what is forward and left (2, N) m."""
        spots = np.empty((2, *forward.shape))
        x, y = to_world(forward, left, self.cos, self.sin)
        np.add(self.x, x, out=spots[0])
        np.add(self.y, y, out=spots[1])
        return spots


def solve_joint(
    root_x: np.ndarray,
    root_y: np.ndarray,
    end_x: np.ndarray,
    end_y: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Middle joint (x, y) of two bones from a root to an end within reach; it bends forward.

    "Forward" is a quarter turn counter-clockwise from root to end, whatever the attitude of the
    body. For a joint that bends back, swap the sign of x in the arguments and in the result.
    upper, lower: lengths of the two bones.
    """
    dx, dy = end_x - root_x, end_y - root_y
    square = np.maximum(dx * dx + dy * dy, 1e-12)
    along = (upper * upper - lower * lower + square) / (2.0 * square)
    across = np.sqrt(np.maximum(upper * upper / square - along * along, 0.0))
    return root_x + along * dx - across * dy, root_y + along * dy + across * dx
