"""Who may be inside whom: a thrower and his ball, a catcher and the ball he is meant to have,
a sitter and his seat."""

import numpy as np

from entities.actions import ACTIONS, SEATED
from entities.components import Flight, Gait, Script
from entities.objects import SEATS, ObjectType
from sim.world import World

OWN_FLIGHT_TICKS = 24
"""What somebody has launched passes through him for this long: it started in his arms' reach."""

_SEATED_IN = np.isin(ACTIONS, list(SEATED))


def balls_through(world: World, ids: np.ndarray) -> dict[int, tuple[int, int]]:
    """By row of Body, the rows of who has just launched an object and whom it is meant for.

    ids (N,): entities of the rows of Body. -1 stands for nobody. It does not stop at the body of
    whom it is meant for: his hands are to have it.
    """
    flight, n = world[Flight], len(world[Script].action)
    fresh = (flight.by >= 0) & (world.tick - flight.since < OWN_FLIGHT_TICKS)
    by = np.where(fresh, np.searchsorted(ids, flight.by), -1)
    meant = np.where(flight.to >= 0, np.searchsorted(ids, flight.to), -1)
    rows = np.flatnonzero(fresh | (flight.to >= 0)).tolist()
    return {n + k: (int(by[k]), int(meant[k])) for k in rows}


def seats_of(world: World, ids: np.ndarray, kinds: list[ObjectType | None]) -> dict[int, int]:
    """The row of the seat, bed, bicycle or ladder that each actor is on or at; kinds by row."""
    script, on = world[Script], world[Gait].seated_on
    aim = np.where(_SEATED_IN[script.action] & (on < 0), script.target, on)
    seat = np.searchsorted(ids, aim)
    aimed = (aim >= 0) & (seat < len(ids))
    rows = np.flatnonzero(aimed).tolist()
    return {row: int(seat[row]) for row in rows if kinds[seat[row]] in SEATS}
