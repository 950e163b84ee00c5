"""Above the plane: who is in the air, who lands, who bounces, who loses his footing."""

from dataclasses import dataclass

import numpy as np

from entities.components import Body, Mark, Thing, Transform, Velocity
from entities.objects import BodyKind, ObjectType
from sim.physics.ballistics import fall
from sim.world import World, every, some

BOUNCE: dict[ObjectType, float] = {  # restitution on hard ground
    ObjectType.BASEBALL: 0.50,  # choice: off clay, a little below the 0.55 asked of it off wood
    ObjectType.BASKETBALL: 0.75,  # choice: from 1.8 m back to 1.0 m
    ObjectType.SOCCER_BALL: 0.65,  # choice: off turf
    ObjectType.BALL: 0.70,  # choice
}
GRIP = 0.4
"""Friction of a bouncing ball against the ground (choice)."""
GRIP_SHARE = 2.0 / 7.0
"""What a solid ball that stops slipping loses of its speed along the ground; it goes to spin."""
IMPACT_SPEED = 1.0
"""m/s, slower impacts leave no mark."""
MAX_SPIN = 60.0
"""rad/s that a turning ball is shown with; faster only flickers."""
FOOTING_M = 0.01
"""Ground that sinks by more than this leaves a body in the air."""


LAID_M = 0.06
"""Nearer to the top of something than this, a small thing lies on it."""
PROP = list(BodyKind).index(BodyKind.PROP)


def stand_high(world: World, free: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """(N,) bool, who stands off the ground and falls when nothing is felt underfoot.

    Small things that lie on a table stay: they touch nothing, so nothing is felt under them.
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
    """Columns over the rows of Body, and the rules that use them."""

    n_actors: int
    free: np.ndarray  # (N,) bool, falls when nothing carries it
    carried: np.ndarray  # rows that follow a path or a driver, also upwards
    balls: np.ndarray  # rows of balls that are not carried
    radius: np.ndarray  # (N,) m, of balls, whose position is their centre; 0 for the rest
    bounce: np.ndarray  # (N,) restitution
    supported: np.ndarray  # (N,) bool, stands on top of something

    def rise(self, world: World, floor: np.ndarray, held: np.ndarray, dt: float) -> None:
        """Move everything along z over ``dt``; floor (N,) m is what each could come down on."""
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
        """Turn the balls by what they have rolled."""
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
