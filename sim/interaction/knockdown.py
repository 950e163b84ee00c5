"""Being knocked down: who is hit hard enough to fall, how he slides, when he gets up again."""

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.components import Body, Knockdown, Person, Script, Thing, Velocity
from entities.objects import BodyKind
from entities.units import DT
from sim.animation.gestures import gesture_table
from sim.world import World, some

KNOCK_SPEED = 2.5
"""m/s at which whatever hits an actor has to be moving towards him to fell him (choice)."""
KNOCK_CHANGE = 1.0
"""m/s by which the blow has to change his speed: a ball or a rolling chair does not fell a man."""
SLIDE_FRICTION = 0.6
"""Coulomb friction of a clothed body on the ground (choice)."""
TOSS = 0.25
"""Share of a vehicle's speed that throws him upwards, at most MAX_TOSS m/s (choice)."""
MAX_TOSS = 3.0
ALONG = 0.8
"""Share of a vehicle's speed that he leaves it with (choice)."""
ASIDE = 0.35
"""Share of a vehicle's speed that throws him off its track (choice)."""
LIES_S = 0.8
"""How long he stays down after the fall."""

FALL, GET_UP, TACKLE = (
    ACTION_INDEX[action] for action in (ActionType.FALL, ActionType.GET_UP, ActionType.TACKLE)
)
DRIVEN = list(BodyKind).index(BodyKind.DRIVEN)


def slide(world: World, dt: float) -> None:
    """Whoever is down moves by what is left of the push; in the end he gets up and goes on."""
    stagger = world[Knockdown]
    if not some(stagger.since >= 0):
        return
    script, body, linear = world[Script], world[Body], world[Velocity].linear
    table = gesture_table()
    lies = round((float(table.end[FALL]) + LIES_S) / DT)
    up = lies + round(float(table.end[GET_UP]) / DT)
    for row in np.flatnonzero(stagger.since >= 0).tolist():
        age = world.tick - int(stagger.since[row])
        if age >= up and body.grounded[row]:
            stagger.since[row], stagger.slide[row] = -1, 0.0
            script.action[row], script.since[row] = stagger.resume[row], world.tick
            continue
        if age >= lies and script.action[row] == FALL:
            script.action[row], script.since[row] = GET_UP, world.tick
        push = stagger.slide[row]
        np.copyto(push, linear[row, :2])
        if body.grounded[row]:
            speed = float(np.hypot(push[0], push[1]))
            push *= max(1.0 - SLIDE_FRICTION * world.gravity * dt / max(speed, 1e-9), 0.0)
        body.asked[row] = (*push, 0.0)


def react_to_hits(world: World, dt: float) -> None:
    """Knock down whom this tick's contacts hit hard enough."""
    contacts = world.contacts
    if len(contacts.first) == 0 or float(contacts.closing.max()) < KNOCK_SPEED:
        return
    n_actors = len(world.ids(Person))
    for k in np.flatnonzero(contacts.closing >= KNOCK_SPEED).tolist():
        first = world.row(Body, int(contacts.first[k]))
        second = world.row(Body, int(contacts.second[k]))
        for row, other, away in ((first, second, -1.0), (second, first, 1.0)):
            if row < n_actors:
                _meet(world, row, other, away * contacts.normal[k], k)


def _meet(world: World, row: int, other: int, away: np.ndarray, contact: int) -> None:
    """The actor at ``row`` was touched from ``other``; ``away`` (2,) points from it to him."""
    body, stagger, script = world[Body], world[Knockdown], world[Script]
    if stagger.since[row] >= 0:
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
    stagger.since[row] = world.tick
    stagger.resume[row] = script.action[row]
    script.action[row], script.since[row] = FALL, world.tick
    if other >= n_actors and _carried(world, other):
        track = linear[other, :2]
        speed = float(np.hypot(track[0], track[1]))
        across = np.array([-track[1], track[0]]) / max(speed, 1e-9)
        side = 1.0 if float(across @ away) >= 0.0 else -1.0
        linear[row, :2] = ALONG * track + ASIDE * speed * side * across
        linear[row, 2] = min(TOSS * speed, MAX_TOSS)
        body.grounded[row] = False
    stagger.slide[row] = linear[row, :2]


def _fells(world: World, other: int, row: int) -> bool:
    """People shoulder each other without falling; a tackle, or a horse, is another matter."""
    heavier = float(world[Body].mass[other]) > 2.5 * float(world[Body].mass[row])
    return heavier or int(world[Script].action[other]) == TACKLE


def _carried(world: World, row: int) -> bool:
    k = row - len(world.ids(Person))
    return world[Thing].path[k] is not None or int(world[Body].kind[row]) == DRIVEN
