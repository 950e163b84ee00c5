"""A whole run as arrays: what ``simulate`` returns, and tests, metrics and users read."""

from dataclasses import dataclass

import numpy as np

MAX_ACTOR_TICKS = 20_000_000
"""Rows times actors that fit in memory."""


@dataclass(slots=True, eq=False)
class Overlay:
    """The part of each pose that is always procedural, beside the 22 learned numbers."""

    lateral: np.ndarray  # (T, A, 10) m, left of the sagittal plane
    roll: np.ndarray  # (T, A) rad about the forward axis
    gaze: np.ndarray  # (T, A, 2) rad, yaw left and pitch up
    face: np.ndarray  # (T, A) index in FACES
    mouth: np.ndarray  # (T, A) 0 closed .. 1 open


@dataclass(slots=True, eq=False)
class Trace:
    """T ticks of A actors and O objects: row k is the state at t = k DT, row 0 the initial state.

    Whoever and whatever a later sentence brings has its first state in the rows before
    ``actor_enters`` or ``object_enters``. Floats are float32.
    """

    time: np.ndarray  # (T,) s
    actor_ids: list[str]
    root: np.ndarray  # (T, A, 3) m
    heading: np.ndarray  # (T, A) rad, continuous
    pose: np.ndarray  # (T, A, 10, 2) scaled m, forward and up
    overlay: Overlay
    action: np.ndarray  # (T, A) index in list(ActionType)
    contact: np.ndarray  # (T, A, 2) bool, left and right foot
    off_path: np.ndarray  # (T, A) bool
    source: np.ndarray  # (T, A) uint8, 0 procedural, 1 learned
    model_hash: str
    object_ids: list[str]
    object_position: np.ndarray  # (T, O, 3) m
    actor_enters: np.ndarray  # (A,) row in which each actor comes on stage, 0 for most
    object_enters: np.ndarray  # (O,)
    notices: list[str]  # what later sentences brought, and what of them could not be done


def check_size(ticks: int, n_actors: int) -> None:
    """Raises ValueError if a run has more than MAX_ACTOR_TICKS."""
    if ticks * max(n_actors, 1) > MAX_ACTOR_TICKS:
        raise ValueError(
            f"simulate: {ticks} ticks of {n_actors} actors are {ticks * n_actors:,} actor-ticks; "
            f"a Trace holds {MAX_ACTOR_TICKS:,}: record the run instead, or ask for fewer seconds"
        )
