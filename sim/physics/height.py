"""Height above the ground: free flight, landing, bouncing, losing support; and how to launch."""

from dataclasses import dataclass

import numpy as np

from entities.components import Body, Mark, Thing, Transform, Velocity
from entities.objects import BODY_KIND_INDEX, BodyKind, ObjectType
from sim.world import World, every, some

BOUNCE: dict[ObjectType, float] = {  # coefficient of restitution on hard ground
    ObjectType.BASEBALL: 0.50,  # choice: off clay, a little below the 0.55 required off wood
    ObjectType.BASKETBALL: 0.75,  # choice: from 1.8 m back to 1.0 m
    ObjectType.SOCCER_BALL: 0.65,  # choice: off turf
    ObjectType.BALL: 0.70,  # choice
}
GRIP = 0.4
"""Friction coefficient of a bouncing ball against the ground (choice)."""
GRIP_SHARE = 2.0 / 7.0
"""Share of its speed along the ground that a solid ball loses until it rolls without slipping;
it goes into spin."""
IMPACT_SPEED = 1.0
"""m/s; slower impacts leave no mark."""
MAX_SPIN = 60.0
"""rad/s, fastest spin with which a ball is shown; a faster one only flickers."""
SETTLE_SPEED = 0.25
"""m/s; a body that would rebound more slowly stays down (choice: 3 mm high on Earth)."""
FOOTING_M = 0.01
"""m; a body whose support is further below it than this is in the air."""
LAID_M = 0.06
"""m; a prop whose base is nearer to the top of an object than this lies on it."""
PROP = BODY_KIND_INDEX[BodyKind.PROP]


def stand_high(world: World, free: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """(N,) bool, bodies that start above the ground and fall once no contact supports them.

    free (N,) bool, radius (N,) m: see Heights. Props that lie on something, such as a cup on a
    table, are not among them: props touch nothing, so no contact would ever support them.
    """
    body, transform = world[Body], world[Transform]
    position, n = transform.position, len(free) - len(world[Thing])
    high = free & body.grounded & (position[:, 2] > radius)
    tops = position[n:, 2] + body.size[n:, 2]
    for row in np.flatnonzero(high & (body.kind == PROP)).tolist():
        x, y = (position[row, :2] - position[n:, :2]).T
        cos, sin = np.cos(transform.heading[n:]), np.sin(transform.heading[n:])
        inside = np.abs(x * cos + y * sin) <= 0.5 * body.size[n:, 0]
        inside &= np.abs(y * cos - x * sin) <= 0.5 * body.size[n:, 1]
        inside &= (np.abs(tops - position[row, 2]) < LAID_M) & (np.arange(len(tops)) != row - n)
        high[row] = not inside.any()
    return high


@dataclass(slots=True, eq=False)
class Heights:
    """Vertical motion of all bodies; ``rows`` are rows of Body, N of them in all."""

    n_actors: int
    free: np.ndarray  # (N,) bool, falls when nothing supports it
    carried: np.ndarray  # rows that move along a path or at Body.asked, also upwards
    balls: np.ndarray  # rows of balls that are not carried
    radius: np.ndarray  # (N,) m, of balls, whose position is their centre; 0 for the rest
    bounce: np.ndarray  # (N,) coefficient of restitution
    supported: np.ndarray  # (N,) bool, stands on top of something

    def rise(self, world: World, floor: np.ndarray, held: np.ndarray, dt: float) -> None:
        """Move everything along z over ``dt``.

        floor: (N,) m, height of what is under each body. held: (N,) bool, in an actor's hand.
        """
        body, linear = world[Body], world[Velocity].linear
        position = world[Transform].position
        if len(self.carried):
            position[self.carried, 2] += linear[self.carried, 2] * dt
        climbing = linear[: self.n_actors, 2]
        if np.count_nonzero(climbing):
            up = np.where(body.grounded[: self.n_actors], climbing, 0.0)
            position[: self.n_actors, 2] = np.maximum(position[: self.n_actors, 2] + up * dt, 0.0)
        if some(self.supported):
            self._lose_footing(body.grounded, position, floor, held)
        if not every(body.grounded):
            airborne = np.flatnonzero(self.free & ~body.grounded & ~held)
            if len(airborne):
                self._fly(world, airborne, floor, dt)

    def roll(self, world: World, dt: float) -> None:
        """Turn the balls by the distance they have rolled."""
        if len(self.balls) == 0:
            return
        linear = world[Velocity].linear[self.balls]
        if np.count_nonzero(linear):
            speed = np.hypot(linear[:, 0], linear[:, 1])
            turned = np.minimum(speed / self.radius[self.balls], MAX_SPIN) * dt
            world[Thing].spin[self.balls - self.n_actors] += turned

    def _lose_footing(
        self, grounded: np.ndarray, position: np.ndarray, floor: np.ndarray, held: np.ndarray
    ) -> None:
        rows = np.flatnonzero(self.supported)
        gone = position[rows, 2] > floor[rows] + self.radius[rows] + FOOTING_M
        fallen = rows[gone & ~held[rows]]
        grounded[fallen] = False
        self.supported[fallen] = False

    def _fly(self, world: World, rows: np.ndarray, floor: np.ndarray, dt: float) -> None:
        linear, position = world[Velocity].linear, world[Transform].position
        rest = floor[rows] + self.radius[rows]
        flight = fall(
            position[rows, 2], linear[rows, 2], rest, self.bounce[rows], world.gravity, dt
        )
        position[rows, 2], linear[rows, 2] = flight.height, flight.rate
        world[Body].grounded[rows] = flight.resting
        self.supported[rows] = flight.resting & (floor[rows] > 0.0)
        for k in np.flatnonzero(flight.impact).tolist():
            row, impact = int(rows[k]), float(flight.impact[k])
            if self.bounce[row] > 0.0:
                along = linear[row, :2]
                speed = float(np.hypot(along[0], along[1]))
                grip = GRIP * (1.0 + float(self.bounce[row])) * impact
                along *= 1.0 - min(grip / max(speed, 1e-9), GRIP_SHARE)
            if impact > IMPACT_SPEED:
                x, y = position[row, :2].tolist()
                kind = "bounce" if self.bounce[row] > 0.0 else "land"
                world.marks.append(Mark(world.tick, kind, (x, y, float(floor[row])), impact))


@dataclass(slots=True, eq=False)
class Fall:
    """The state of N bodies after a step of free flight."""

    height: np.ndarray  # (N,) m
    rate: np.ndarray  # (N,) m/s, upwards
    resting: np.ndarray  # (N,) bool, came to rest on the floor
    impact: np.ndarray  # (N,) m/s downwards at which it met the floor, 0 where it did not


def fall(
    height: np.ndarray,
    rate: np.ndarray,
    floor: np.ndarray,
    restitution: np.ndarray,
    gravity: float,
    dt: float,
) -> Fall:
    """Exact free flight over ``dt``, with at most one bounce, at the instant it happens.

    height (N,) m, rate (N,) m/s upwards, floor (N,) m; restitution (N,) 0..1.
    """
    after = height + rate * dt - 0.5 * gravity * dt * dt
    rate_after = rate - gravity * dt
    met = (after <= floor) & (rate_after < 0.0)
    impact = np.zeros_like(height)
    resting = np.zeros(len(height), bool)
    if met.any():
        impact[met] = np.sqrt(
            np.maximum(rate[met] ** 2 + 2.0 * gravity * (height[met] - floor[met]), 0.0)
        )
        spent = (rate[met] + impact[met]) / gravity if gravity > 0.0 else np.zeros(met.sum())
        left = np.clip(dt - spent, 0.0, dt)
        up = restitution[met] * impact[met]
        stays = up < max(SETTLE_SPEED, gravity * dt)
        after[met] = np.where(
            stays, floor[met], floor[met] + up * left - 0.5 * gravity * left * left
        )
        rate_after[met] = np.where(stays, 0.0, up - gravity * left)
        resting[met] = stays
    return Fall(after, rate_after, resting, impact)


def launch_to(
    start: np.ndarray, target: np.ndarray, speed: float, gravity: float, *, high: bool = False
) -> np.ndarray:
    """Launch velocity (3,) m/s that takes a ball from ``start`` to ``target``, (3,) m each.

    There is no drag. Of the two arcs with that speed it is the flat one, or with ``high`` the
    high one; where the target is out of range, the slowest launch that reaches it.
    """
    flat = target[:2] - start[:2]
    distance, rise = float(np.hypot(flat[0], flat[1])), float(target[2] - start[2])
    if distance < 1e-6:
        up = float(np.sqrt(max(2.0 * gravity * rise, 0.0)))
        return np.array([0.0, 0.0, max(up, speed if rise > 0.0 else 0.0)])
    direction = flat / distance
    if gravity <= 0.0:
        line = np.array([*flat, rise])
        return speed * line / float(np.linalg.norm(line))
    least = gravity * (rise + float(np.hypot(distance, rise)))
    square = max(speed * speed, least)
    root = float(
        np.sqrt(max(square * square - gravity * (gravity * distance**2 + 2 * rise * square), 0))
    )
    slope = (square + root if high else square - root) / (gravity * distance)
    along = float(np.sqrt(square / (1.0 + slope * slope)))
    return np.array([*(along * direction), along * slope])
