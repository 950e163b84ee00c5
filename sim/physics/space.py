"""Contacts on the ground plane, solved by pymunk; the only module that knows pymunk.

pymunk moves bodies first and resolves contacts afterwards, so that a body asked to run into a
wall is inside it before it is stopped. Here each body is set back by one step before the space
steps: pymunk then finds contacts where bodies really are, and they move with the speed that is
left. Masses and impulses are pymunk's; ``drivers`` has friction with the ground, ``height`` all
vertical motion.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import pymunk
from pymunk import batch

from entities.actions import ACTIONS, SEATED
from entities.components import (
    Body,
    Contacts,
    Flight,
    Gait,
    Knockdown,
    Mark,
    Name,
    Person,
    Script,
    Thing,
    Transform,
    Velocity,
)
from entities.objects import BODY_KIND_INDEX, OBJECT_TYPES, SEATS, BodyKind, ObjectType
from entities.units import DT
from sim.navigation.detours import GOAL_WALL_M, SHOULDER
from sim.physics.drivers import GROUND_FRICTION, ROLL, Drivers
from sim.physics.height import BOUNCE, IMPACT_SPEED, Heights, stand_high
from sim.world import World, as_rows, on_ground

STATIC, MOVABLE, DRIVEN, BALL, PROP, BACKDROP = (BODY_KIND_INDEX[kind] for kind in BodyKind)

COLLISION_SLOP_M = 0.005
"""m of overlap that pymunk allows; its default of 0.1 lets bodies rest centimetres deep."""
OVERLAP_KEPT = 0.7**60
"""pymunk's collision_bias: share of an overlap left after 1 s; three tenths go each 1/60 s."""
MAX_PUSH_OUT = 1.5
"""m/s, greatest speed at which overlapping bodies part, so that an actor that starts inside a
wall is not flung out."""
STEP_UP_M = 0.05
"""m; a body whose underside is at most this far below the top of another comes down on it."""
BODY_BOUNCE, NET_BOUNCE = 0.5, 0.15
"""Share of a ball's restitution that is left when it hits an actor or a goal's net (choice)."""
OWN_FLIGHT_TICKS = 24
"""Ticks for which an object passes through the actor that launched it: it starts within the
actor's disc."""
FEW_BODIES = 48
"""With more solid bodies than this some are always close, so that it is not worth measuring."""
MANY_BODIES, MOST_STEPS = 500, 16
"""With more bodies than this a tick has no more steps than that, so that a fast thing may pass
through a thin one (choice)."""
LOOK_AGAIN_TICKS = 8
"""Ticks between two measurements while bodies are close, or many."""
HEAP, HEAP_CELL_M = 64, 0.5
"""With more bodies than this in a square of so many metres, they do not push each other
(choice)."""

_PLAIN, _ROUND, _ALOFT, _SEATED = range(4)
"""pymunk collision types: plain bodies, balls, bodies off the ground, actors on a seat or down.

Only the last three need to be asked about height, at the cost of one Python call a contact."""
_THINGS, _ACTORS, _SHOULDERS = 1, 2, 4
"""Filter categories. An actor has two discs: one for objects and a smaller one for actors."""
_NOTHING = pymunk.ShapeFilter(categories=0, mask=0)
_SEATED_IN = np.isin(ACTIONS, list(SEATED))

_STATE = (
    batch.BodyFields.POSITION
    | batch.BodyFields.ANGLE
    | batch.BodyFields.VELOCITY
    | batch.BodyFields.ANGULAR_VELOCITY
)
_ARBITER = (
    batch.ArbiterFields.BODY_A_ID
    | batch.ArbiterFields.BODY_B_ID
    | batch.ArbiterFields.TOTAL_IMPULSE
    | batch.ArbiterFields.IS_FIRST_CONTACT
    | batch.ArbiterFields.NORMAL
    | batch.ArbiterFields.CONTACT_COUNT
    | batch.ArbiterFields.POINT_A_1
)


class Physics:
    """Moves every body by a tick and reports what touched what.

    Actors and driven objects move at ``Body.asked``, objects with a path along it, the rest by
    their momentum. Writes Transform, Velocity, Body.grounded, Thing.spin, ``world.contacts`` and
    ``world.marks``.
    """

    def __init__(self, world: World) -> None:
        self._ids = np.zeros(0, np.int64)
        self._buffer, self._arbiters = batch.Buffer(), batch.Buffer()
        self._build(world)

    def step(self, world: World, dt: float) -> None:
        """Advance by one tick.

        Raises FloatingPointError, naming entity and tick, if a number is not finite.
        """
        new = world.query(Transform, Velocity, Body)[0] is not self._ids
        if new or world[Thing].path != self._paths:
            self._rebuild(world)
        self._position = world[Transform].position
        self._update_filters(world)
        if len(self._solid) > HEAP and world.tick >= self._heaps_at:
            self._find_heaps(world)
        self._drivers.follow_paths(world, dt)
        self._drivers.drive_actors(world, dt)
        self._drivers.rub(world, dt)
        linear = world[Velocity].linear
        fastest = float((np.abs(linear) * self._steps_per_m).max(initial=0.0)) * dt
        if not math.isfinite(fastest):
            _refuse(world, linear, "moves at")
        steps = max(1, math.ceil(fastest))
        if len(self._solid) > MANY_BODIES:
            steps = min(steps, MOST_STEPS)
        tally = Tally()
        free = self._clearance.covers(world.tick, self._position, fastest * self._longest_step)
        for _ in range(steps):
            self._floor[:] = 0.0
            if free:
                self._coast(world, dt / steps)
            else:
                self._step(world, dt, steps, tally)
            self._heights.rise(world, self._floor, self._held, dt / steps)
        self._heights.roll(world, dt)
        if not math.isfinite(self._position.sum()):
            _refuse(world, self._position, "is at")
        self._clearance.leave(self._position)
        self._report(world, tally)

    def _rebuild(self, world: World) -> None:
        """Make the bodies anew; who and what was there keeps its footing and what holds it back."""
        n, objects, before = (
            self._n_actors,
            len(self._ids) - self._n_actors,
            self._heights.supported,
        )
        against = self._drivers.against
        self._build(world)
        if len(self._ids) < len(before):
            return  # some have left: everything starts afresh
        supported = self._heights.supported
        supported[:n] = before[:n]
        supported[self._n_actors : self._n_actors + objects] = before[n:]
        supported &= self._free
        self._drivers.against[:n] = against

    def _build(self, world: World) -> None:
        """Make the bodies of all entities; entities come and go rarely enough to start afresh."""
        self._ids = world.query(Transform, Velocity, Body)[0]
        self._paths = list(world[Thing].path)
        n, self._n_actors = len(self._ids), len(world.ids(Person))
        body, transform, thing = world[Body], world[Transform], world[Thing]
        self._kinds = [None] * self._n_actors + [OBJECT_TYPES[k] for k in thing.kind.tolist()]
        kind = body.kind
        self._height = body.size[:, 2]
        actor = np.arange(n) < self._n_actors
        has_path = np.zeros(n, bool)
        has_path[self._n_actors :] = [path is not None for path in thing.path]
        carried = has_path | (kind == DRIVEN) | (kind == BACKDROP)
        solid = (kind != PROP) & (kind != BACKDROP)
        self._ball = (kind == BALL) & ~actor
        self._radius = np.where(self._ball, body.size[:, 2] / 2, 0.0)
        self._free = (actor | np.isin(kind, (MOVABLE, BALL, PROP))) & ~carried
        carried_rows = np.flatnonzero(carried)
        self._loose = as_rows(np.flatnonzero(~solid))
        friction = np.full(n, GROUND_FRICTION)
        self._bounce = np.zeros(n)
        for row in np.flatnonzero(self._ball):
            friction[row] = ROLL[self._kinds[row]]
            self._bounce[row] = BOUNCE[self._kinds[row]]
        goal = np.array([kind is ObjectType.GOAL for kind in self._kinds], bool)
        self._give = np.where(actor, BODY_BOUNCE, np.where(goal, NET_BOUNCE, 1.0))
        length, width = body.size[:, 0], body.size[:, 1]
        # A block's weight rubs at 0.38 of its side from the centre on average, its inertia is
        # m (l² + w²) / 12: the ratio says how fast friction stops its turning.
        self._turning = np.flatnonzero(self._free & ~actor & (kind == MOVABLE))
        twist = 12.0 * 0.38 * np.sqrt(length * width) / (length**2 + width**2)
        thin = np.where(body.round, length, np.minimum(length, width)) / 2
        thin[goal] = GOAL_WALL_M / 2
        # Never zero, so that whatever is not finite shows in the product; sqrt 2, since speeds
        # are compared by their larger component.
        self._steps_per_m = np.full((n, 3), 1e-12)
        moves = solid & (self._free | carried)
        self._longest_step = 0.0
        if moves.any():
            step = 0.8 * (thin[moves] + thin[solid].min())
            self._steps_per_m[moves, :2] = math.sqrt(2.0) / step[:, None]
            self._longest_step = float(step.max())
        circle = np.where(body.round, length, np.hypot(length, width)) / 2
        self._clearance = Clearance(np.flatnonzero(solid), circle[solid], moves[solid])
        self._drivers = Drivers(
            n_actors=self._n_actors,
            carried=carried_rows,
            heads=kind == DRIVEN,
            rubbing=np.flatnonzero(self._free & ~actor),
            friction=friction,
            turning=self._turning,
            twist=twist,
            against=np.zeros((self._n_actors, 2)),
        )
        self._drivers.follow_paths(world, DT)
        self._heights = Heights(
            n_actors=self._n_actors,
            free=self._free,
            carried=carried_rows,
            balls=np.flatnonzero(self._ball & ~carried),
            radius=self._radius,
            bounce=self._bounce,
            supported=stand_high(world, self._free, self._radius),
        )
        self._floor, self._held = np.zeros(n), np.zeros(n, bool)
        self._solid, self._heaped = np.flatnonzero(solid), np.zeros(n, bool)
        self._heaps_at = world.tick
        self._through: dict[int, tuple[int, int]] = {}
        self._seat: dict[int, int] = {}
        self._down: set[int] = set()
        self._carried = carried
        self._filtered_for: tuple[bytes, ...] = ()
        self._collision = np.full(n, _PLAIN)
        self._space = pymunk.Space()
        self._space.collision_slop = COLLISION_SLOP_M
        self._space.collision_bias = OVERLAP_KEPT
        self._space.collision_persistence = 1
        for checked in (_ROUND, _ALOFT, _SEATED):
            self._space.on_collision(checked, None, pre_solve=self._allow)
        self._shapes: list[list[pymunk.Shape]] = [[] for _ in range(n)]
        self._row_of_body: dict[int, int] = {}
        self._row_of_shape: dict[pymunk.Shape, int] = {}
        # pymunk lists what moves before what does not; what turns comes last of the first.
        turns = np.isin(np.arange(n), self._turning)
        order = np.lexsort((turns, ~moves))
        rows = order[solid[order]].tolist()
        for row in rows:
            self._add(world, row, dynamic=bool(self._free[row]), moves=bool(moves[row]))
        moving = np.array(rows[: int(moves.sum())], np.int64)
        self._n_moving, self._moving = len(moving), as_rows(moving)
        self._turning_at = slice(len(moving) - len(self._turning), len(moving))
        self._state = np.zeros((len(rows), 6))
        self._state[:, :2] = transform.position[rows, :2]
        self._state[:, 2] = transform.heading[rows]
        self._buffer.set_float_buf(self._state)
        self._result = batch.Buffer()

    def _add(self, world: World, row: int, *, dynamic: bool, moves: bool) -> None:
        """Make the pymunk body and shapes of a row: pushed about, moved along, or fixed."""
        table, heading = world[Body], float(world[Transform].heading[row])
        length, width = table.size[row, :2].tolist()
        mass, actor = float(table.mass[row]), row < self._n_actors
        if dynamic:
            moment = math.inf
            if not actor and not self._ball[row]:
                moment = mass * (length**2 + width**2) / 12.0
            body = pymunk.Body(mass, moment)
        else:
            body = pymunk.Body(body_type=pymunk.Body.KINEMATIC if moves else pymunk.Body.STATIC)
        body.position = tuple(world[Transform].position[row, :2].tolist())
        body.angle = heading
        if table.round[row]:
            shapes = [pymunk.Circle(body, length / 2)]
        elif self._kinds[row] is ObjectType.GOAL:
            back, side = -(length - GOAL_WALL_M) / 2, (width - GOAL_WALL_M) / 2
            shapes = [
                _block(body, back, 0.0, GOAL_WALL_M, width),
                _block(body, 0.0, side, length, GOAL_WALL_M),
                _block(body, 0.0, -side, length, GOAL_WALL_M),
            ]
        else:
            shapes = [pymunk.Poly.create_box(body, (length, width))]
        if actor:
            shapes.append(pymunk.Circle(body, SHOULDER * length / 2))
        self._shapes[row] = shapes
        self._row_of_body[body.id] = row
        self._row_of_shape |= dict.fromkeys(shapes, row)
        self._filter(row, held=False)
        self._retype(row, _ROUND if self._ball[row] else _PLAIN)
        self._space.add(body, *shapes)

    def _filter(self, row: int, *, held: bool) -> None:
        """Set what a body can touch at all: nothing while an actor holds it, no other of a heap."""
        group = int(self._heaped[row])
        if row < self._n_actors:
            around, core = self._shapes[row]
            around.filter = pymunk.ShapeFilter(group, categories=_ACTORS, mask=_THINGS)
            core.filter = pymunk.ShapeFilter(group, categories=_SHOULDERS, mask=_SHOULDERS)
            return
        open_to = pymunk.ShapeFilter(group, categories=_THINGS, mask=_THINGS | _ACTORS)
        for shape in self._shapes[row]:
            shape.filter = _NOTHING if held else open_to

    def _retype(self, row: int, collision: int) -> None:
        """Set the collision type of a row."""
        self._collision[row] = collision
        for shape in self._shapes[row]:
            shape.collision_type = collision

    def _update_filters(self, world: World) -> None:
        """Update filters and collision types if anything they depend on has changed."""
        n, thing, flight, script = self._n_actors, world[Thing], world[Flight], world[Script]
        grounded, down = world[Body].grounded, world[Knockdown].since >= 0
        depends_on = (
            self._position[:, 2].tobytes(),
            grounded.tobytes(),
            thing.holder.tobytes(),
            flight.by.tobytes(),
            script.action.tobytes(),
            script.target.tobytes(),
            world[Gait].seated_on.tobytes(),
            down.tobytes(),
        )
        if depends_on == self._filtered_for and not self._through:
            return
        self._filtered_for = depends_on
        held = thing.holder >= 0
        for row in (np.flatnonzero(held != self._held[n:]) + n).tolist():
            self._filter(row, held=bool(held[row - n]))
        self._held[n:] = held
        self._through = _passed_through(world, self._ids)
        collision = np.where((self._position[:, 2] > 1e-6) | ~grounded, _ALOFT, _PLAIN)
        collision[self._ball] = _ROUND
        self._seat = _seats_in_use(world, self._ids, self._kinds)
        self._down = set(np.flatnonzero(down).tolist())
        collision[list(self._seat)] = collision[:n][down] = _SEATED
        for row in np.flatnonzero(collision != self._collision).tolist():
            self._retype(row, int(collision[row]))

    def _find_heaps(self, world: World) -> None:
        """Let bodies that are too many in one place pass through each other.

        Every pair of a heap touches, so that a thousand bodies in one spot would take minutes.
        """
        self._heaps_at = world.tick + LOOK_AGAIN_TICKS
        cells = np.floor(self._position[self._solid, :2] / HEAP_CELL_M)
        _, cell, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
        heaped = np.zeros(len(self._heaped), bool)
        heaped[self._solid] = count[cell.reshape(-1)] > HEAP
        changed = np.flatnonzero(heaped != self._heaped)
        self._heaped = heaped
        for row in changed.tolist():
            self._filter(row, held=bool(self._held[row]))

    def _allow(self, arbiter: pymunk.Arbiter, space: pymunk.Space, data: object) -> None:
        """Decide whether two overlapping shapes collide; pymunk calls it before it solves."""
        one, other = arbiter.shapes
        first, second = self._row_of_shape[one], self._row_of_shape[other]
        arbiter.process_collision = self._meet(first, second)
        if self._ball[first] or self._ball[second]:
            bounce = float(max(self._bounce[first], self._bounce[second]))
            arbiter.restitution = bounce * float(min(self._give[first], self._give[second]))

    def _meet(self, first: int, second: int) -> bool:
        """Whether two rows collide. If one is above the other, note the floor under it instead."""
        for one, other in ((first, second), (second, first)):
            if other in self._through.get(one, ()):
                return False
            if self._seat.get(one) == other:
                top = self._position[other, 2] + self._height[other]
                if self._position[one, 2] >= top - STEP_UP_M:
                    self._floor[one] = max(self._floor[one], top)
                return False
            if one in self._down and self._carried[other]:
                return False  # a car does not push along the actor that it has run over
        for upper, lower in ((first, second), (second, first)):
            bottom = self._position[upper, 2] - self._radius[upper]
            top = self._position[lower, 2] - self._radius[lower] + self._height[lower]
            if bottom >= top - STEP_UP_M:
                if lower >= self._n_actors and not self._ball[lower]:
                    self._floor[upper] = max(self._floor[upper], top)
                return False
        return True

    def _step(self, world: World, dt: float, steps: int, tally: "Tally") -> None:
        """Do one of the ``steps`` equal steps of a tick; ``_meet`` sets ``_floor`` on the way.

        pymunk warm-starts from the impulses of the step before, which are wrong after a step of
        another length. So every step is ``dt`` long, and the speeds are divided instead.
        """
        rows, turning, at = self._moving, self._turning, self._turning_at
        velocity, position, state = world[Velocity], self._position, self._state
        heading = world[Transform].heading
        n = self._n_moving
        if n:
            linear = velocity.linear[rows] if steps == 1 else velocity.linear[rows] / steps
            state[:n, :2] = (position[rows] - linear * dt)[:, :2]
            state[:n, 2] = heading[rows]
            state[:n, 3:5] = linear[:, :2]
            if len(turning):
                turn = velocity.turn[turning] / steps
                state[at, 2] -= turn * dt
                state[at, 5] = turn
            batch.set_space_bodies(self._space, _STATE, self._buffer)
            self._space.step(dt)
            self._result.clear()
            batch.get_space_bodies(self._space, _STATE, self._result)
            after = np.frombuffer(self._result.float_buf()).reshape(-1, 6)[:n]
            self._arbiters.clear()
            batch.get_space_arbiters(self._space, _ARBITER, self._arbiters)
            met = np.frombuffer(self._arbiters.int_buf(), np.uintp)
            where = after[:, :2]
            if len(met):
                numbers = np.frombuffer(self._arbiters.float_buf()).reshape(-1, 6).tolist()
                pairs = met.reshape(-1, 4).tolist()
                tally.add(self._row_of_body, pairs, numbers, velocity.linear, steps)
                apart = where - position[rows, :2]
                length = np.hypot(apart[:, 0], apart[:, 1])
                gentle = np.minimum(MAX_PUSH_OUT / steps * dt / np.maximum(length, 1e-12), 1.0)
                where = position[rows, :2] + gentle[:, None] * apart
            position[rows, :2] = where + (after * dt)[:, 3:5]
            velocity.linear[rows, :2] = after[:, 3:5] * steps if steps > 1 else after[:, 3:5]
            if len(turning):
                heading[turning] = after[at, 2] + after[at, 5] * dt
                velocity.turn[turning] = after[at, 5] * steps
        position[self._loose, :2] += velocity.linear[self._loose, :2] * (dt / steps)

    def _coast(self, world: World, dt: float) -> None:
        """Move all bodies by ``dt`` seconds where nothing can touch: what a step would do then."""
        velocity, turning = world[Velocity], self._turning
        for rows in (self._moving, self._loose):
            if isinstance(rows, np.ndarray) or rows.stop:
                self._position[rows, :2] += velocity.linear[rows, :2] * dt
        if len(turning):
            world[Transform].heading[turning] += velocity.turn[turning] * dt

    def _report(self, world: World, tally: "Tally") -> None:
        """Write the contacts and marks of the tick; tell the drivers which actors were slowed."""
        if not tally.touches:
            if len(world.contacts.first):
                world.contacts = Contacts.none()
            return
        low = self._position[:, 2] - self._radius
        world.contacts = tally.contacts(self._ids, low, low + self._height)
        for k, pair in enumerate(sorted(tally.touches)):
            touch = tally.touches[pair]
            if touch.fresh and touch.closing > IMPACT_SPEED:
                kind = "crash"
                if self._ball[pair[0]] or self._ball[pair[1]]:
                    kind = "hit" if pair[0] < self._n_actors else "bounce"
                x, y, z = world.contacts.point[k].tolist()
                world.marks.append(Mark(world.tick, kind, (x, y, z), touch.closing))
        for row, blow in tally.blows(self._n_actors).items():
            if blow:
                self._drivers.against[row] = blow.real / abs(blow), blow.imag / abs(blow)


def _block(body: pymunk.Body, x: float, y: float, length: float, width: float) -> pymunk.Poly:
    """A rectangle centred at (x, y) of ``body``."""
    half, side = length / 2, width / 2
    return pymunk.Poly(
        body,
        [(x - half, y - side), (x + half, y - side), (x + half, y + side), (x - half, y + side)],
    )


def _passed_through(world: World, ids: np.ndarray) -> dict[int, tuple[int, int]]:
    """The two rows that each launched object passes through, by its own row; -1 for none.

    They are the actor that has just launched it and the actor it is meant for, whose hands are
    to meet it, not the body. ids: (N,) entities of the rows of Body.
    """
    flight, n = world[Flight], len(world[Script].action)
    fresh = (flight.by >= 0) & (world.tick - flight.since < OWN_FLIGHT_TICKS)
    by = np.where(fresh, np.searchsorted(ids, flight.by), -1)
    meant = np.where(flight.to >= 0, np.searchsorted(ids, flight.to), -1)
    rows = np.flatnonzero(fresh | (flight.to >= 0)).tolist()
    return {n + k: (int(by[k]), int(meant[k])) for k in rows}


def _seats_in_use(world: World, ids: np.ndarray, kinds: list[ObjectType | None]) -> dict[int, int]:
    """Row of the seat, bed, bicycle or ladder that an actor uses, by row of the actor.

    ids (N,), kinds: entity and object type of each row of Body.
    """
    script, on = world[Script], world[Gait].seated_on
    aim = np.where(_SEATED_IN[script.action] & (on < 0), script.target, on)
    seat = np.searchsorted(ids, aim)
    aimed = (aim >= 0) & (seat < len(ids))
    rows = np.flatnonzero(aimed).tolist()
    return {row: int(seat[row]) for row in rows if kinds[seat[row]] in SEATS}


@dataclass(slots=True, eq=False)
class Touch:
    """What happened between two bodies during a tick."""

    normal: tuple[float, float]  # from the lower row to the higher one
    point: tuple[float, float]  # m
    impulse: float = 0.0  # N s
    closing: float = 0.0  # m/s at which they approached each other
    fresh: bool = False  # they were apart before


@dataclass(slots=True, eq=False)
class Tally:
    """All touches of a tick, by pairs of rows of Body, the lower row first.

    There are seldom more than a few, so they are counted one by one rather than in columns.
    """

    touches: dict[tuple[int, int], Touch] = field(default_factory=dict)

    def add(
        self,
        row_of: dict[int, int],
        met: list[list[int]],
        numbers: list[list[float]],
        before: np.ndarray,
        steps: int,
    ) -> None:
        """Add the contacts that pymunk lists for one of ``steps`` steps.

        row_of: row by pymunk's body id. met: for each contact the two body ids, whether it is
        their first, and its number of points. numbers: impulse, normal and point, 2 each. before:
        (N, 3) m/s, velocities before the contact.
        """
        listed = []
        for (one, other, first, points), (jx, jy, nx, ny, x, y) in zip(met, numbers, strict=True):
            a, b = row_of[one], row_of[other]
            if a > b:
                a, b, nx, ny = b, a, -nx, -ny
            if points:
                listed.append((a, b, nx, ny, x, y, jx, jy, first))
        # pymunk lists contacts in the order of addresses, and two bodies meet at several shapes of
        # a goal: sort, or two runs would differ in which of them is the first.
        for a, b, nx, ny, x, y, jx, jy, first in sorted(listed):
            touch = self.touches.get((a, b))
            if touch is None:
                touch = self.touches[a, b] = Touch((nx, ny), (x, y))
            apart = before[a] - before[b]
            touch.impulse += steps * float(np.hypot(jx, jy))
            touch.closing = max(touch.closing, float(apart[0]) * nx + float(apart[1]) * ny)
            touch.fresh |= first > 0

    def blows(self, n_actors: int) -> dict[int, complex]:
        """The sum of impulses, N s as x + iy, on each actor, by its row."""
        blows: dict[int, complex] = {}
        for pair, touch in sorted(self.touches.items()):
            for row in pair:
                if row < n_actors and touch.impulse > 0.0:
                    away = complex(*touch.normal) * (1.0 if row == pair[0] else -1.0)
                    blows[row] = blows.get(row, 0.0) + touch.impulse * away
        return blows

    def contacts(self, ids: np.ndarray, low: np.ndarray, high: np.ndarray) -> Contacts:
        """The touches as a table.

        ids: (N,) entities of the rows. low, high: (N,) m, heights that the bodies extend between.
        """
        # pymunk lists contacts in the order of addresses: sort, or two runs would differ.
        pairs = sorted(self.touches)
        touches = [self.touches[pair] for pair in pairs]
        first, second = np.array(pairs, np.int64).T
        middle = np.maximum(low[first], low[second]) + np.minimum(high[first], high[second])
        return Contacts(
            first=ids[first],
            second=ids[second],
            point=np.column_stack([[touch.point for touch in touches], middle / 2.0]),
            normal=np.array([touch.normal for touch in touches]),
            impulse=np.array([touch.impulse for touch in touches]),
            closing=np.array([touch.closing for touch in touches]),
        )


class Clearance:
    """How far bodies may still move before any two can touch; until then nothing need be solved."""

    def __init__(self, rows: np.ndarray, reach: np.ndarray, moves: np.ndarray) -> None:
        """rows: (S,) the solid bodies. reach: (S,) m, radii of their circles. moves: (S,) bool."""
        self._rows = rows
        if len(rows) <= FEW_BODIES:
            together = reach[:, None] + reach
            together[~(moves[:, None] | moves) | np.eye(len(rows), dtype=bool)] = -np.inf
            self._together = together
        self._left, self._look_at = 0.0, 0
        self._known = b""

    def covers(self, tick: int, position: np.ndarray, most: float) -> bool:
        """Whether no two bodies can touch during this tick.

        position: (N, 3) m. most: m, greatest distance that a body moves in this tick.
        """
        if position.tobytes() != self._known:  # another system has moved something
            self._left = 0.0
        if self._left <= 0.0 and tick >= self._look_at and len(self._rows) <= FEW_BODIES:
            place = on_ground(position)[self._rows]
            apart = np.abs(place[:, None] - place) - self._together
            self._left = float(apart.min(initial=np.inf))
            self._look_at = tick + (LOOK_AGAIN_TICKS if self._left <= 4.0 * most else 0)
        free = self._left > 0.0
        self._left -= 2.0 * most
        return free

    def leave(self, position: np.ndarray) -> None:
        """Remember the positions at the end of the tick, to notice if other systems change them."""
        self._known = position.tobytes()


def _refuse(world: World, column: np.ndarray, what: str) -> None:
    """Raise FloatingPointError, naming the first entity whose row of a column is not finite."""
    row = int(np.flatnonzero(~np.isfinite(column).all(axis=1))[0])
    raise FloatingPointError(
        f"physics: {world[Name].text[row]!r} {what} {column[row].tolist()} "
        f"at tick {world.tick}; expected finite numbers"
    )
