"""Knockdowns: which hits fell an actor, how it slides, and when it gets up again."""

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.components import Body, Knockdown, Person, Script, Thing, Velocity
from entities.objects import BODY_KIND_INDEX, BodyKind
from entities.units import DT
from sim.animation.gestures import gesture_table
from sim.world import World, some

KNOCK_SPEED = 2.5
"""m/s towards the actor that whatever hits it needs in order to fell it (choice)."""
KNOCK_CHANGE = 1.0
"""m/s by which the hit has to change the actor's speed: a ball or a rolling chair fells nobody."""
SLIDE_FRICTION = 0.6
"""Coulomb friction coefficient of a clothed body on the ground (choice)."""
TOSS = 0.25
"""Share of a vehicle's speed with which it throws an actor upwards (choice)."""
MAX_TOSS = 3.0
"""m/s, greatest speed upwards (choice)."""
ALONG = 0.8
"""Share of a vehicle's velocity that the actor takes over (choice)."""
ASIDE = 0.35
"""Share of a vehicle's speed that throws the actor off its track (choice)."""
LIES_S = 0.8
"""s for which an actor stays down after the fall."""

FALL, GET_UP, TACKLE = (
    ACTION_INDEX[action] for action in (ActionType.FALL, ActionType.GET_UP, ActionType.TACKLE)
)
DRIVEN = BODY_KIND_INDEX[BodyKind.DRIVEN]


def slide_fallen(world: World, dt: float) -> None:
    """Slow the actors that are down by friction; in time they get up and resume their action."""
    knockdown = world[Knockdown]
    if not some(knockdown.since >= 0):
        return
    script, body, linear = world[Script], world[Body], world[Velocity].linear
    table = gesture_table()
    lies = round((float(table.end[FALL]) + LIES_S) / DT)
    up = lies + round(float(table.end[GET_UP]) / DT)
    for row in np.flatnonzero(knockdown.since >= 0).tolist():
        age = world.tick - int(knockdown.since[row])
        if age >= up and body.grounded[row]:
            knockdown.since[row], knockdown.slide[row] = -1, 0.0
            script.action[row], script.since[row] = knockdown.resume[row], world.tick
            continue
        if age >= lies and script.action[row] == FALL:
            script.action[row], script.since[row] = GET_UP, world.tick
        push = knockdown.slide[row]
        np.copyto(push, linear[row, :2])
        if body.grounded[row]:
            speed = float(np.hypot(push[0], push[1]))
            push *= max(1.0 - SLIDE_FRICTION * world.gravity * dt / max(speed, 1e-9), 0.0)
        body.asked[row] = (*push, 0.0)


def react_to_hits(world: World, dt: float) -> None:
    """Knock down the actors that this tick's contacts hit hard enough."""
    contacts = world.contacts
    if len(contacts.first) == 0 or float(contacts.closing.max()) < KNOCK_SPEED:
        return
    n_actors = len(world.ids(Person))
    for k in np.flatnonzero(contacts.closing >= KNOCK_SPEED).tolist():
        first = world.row(Body, int(contacts.first[k]))
        second = world.row(Body, int(contacts.second[k]))
        for row, other, away in ((first, second, -1.0), (second, first, 1.0)):
            if row < n_actors:
                _hit(world, row, other, away * contacts.normal[k], k)


def _hit(world: World, row: int, other: int, away: np.ndarray, contact: int) -> None:
    """Knock down the actor at ``row`` if the contact with ``other`` was hard enough.

    away: (2,) unit vector from the other to the actor. contact: row of ``world.contacts``.
    """
    body, knockdown, script = world[Body], world[Knockdown], world[Script]
    if knockdown.since[row] >= 0:
        return
    linear = world[Velocity].linear
    own = float(body.asked[row, :2] @ away)
    coming = float(world.contacts.closing[contact]) + own
    change = float(world.contacts.impulse[contact]) / float(body.mass[row])
    n_actors = len(world.ids(Person))
    if coming < KNOCK_SPEED or change < KNOCK_CHANGE:
        return
    if other < n_actors and not _fells(world, other, row):
        return
    knockdown.since[row] = world.tick
    knockdown.resume[row] = script.action[row]
    script.action[row], script.since[row] = FALL, world.tick
    if other >= n_actors and _driven(world, other):
        track = linear[other, :2]
        speed = float(np.hypot(track[0], track[1]))
        across = np.array([-track[1], track[0]]) / max(speed, 1e-9)
        side = 1.0 if float(across @ away) >= 0.0 else -1.0
        linear[row, :2] = ALONG * track + ASIDE * speed * side * across
        linear[row, 2] = min(TOSS * speed, MAX_TOSS)
        body.grounded[row] = False
    knockdown.slide[row] = linear[row, :2]


def _fells(world: World, other: int, row: int) -> bool:
    """Whether an actor can fell another: by a tackle, or if it is much heavier, as a horse is."""
    heavier = float(world[Body].mass[other]) > 2.5 * float(world[Body].mass[row])
    return heavier or int(world[Script].action[other]) == TACKLE


def _driven(world: World, row: int) -> bool:
    """Whether an object moves along a path or as a vehicle."""
    k = row - len(world.ids(Person))
    return world[Thing].path[k] is not None or int(world[Body].kind[row]) == DRIVEN
