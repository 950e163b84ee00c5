"""Velocities on the ground before contacts: actors and paths drive bodies, friction slows them."""

import math
from dataclasses import dataclass

import numpy as np

from entities.components import Body, Thing, Transform, Velocity
from entities.objects import ObjectType
from sim.world import World

GROUND_FRICTION = 0.5
"""Coulomb friction coefficient of furniture and boxes on a floor (choice: wood on wood is
0.25-0.5)."""
PUSH_ACCELERATION = 5.0
"""m/s² at which an actor regains speed that a contact took: 350 N for 70 kg (choice)."""
ROLL: dict[ObjectType, float] = {  # rolling friction coefficient (choice: grass, or a hall floor)
    ObjectType.BASEBALL: 0.25,
    ObjectType.BASKETBALL: 0.02,
    ObjectType.SOCCER_BALL: 0.06,
    ObjectType.BALL: 0.04,
}


@dataclass(slots=True, eq=False)
class Drivers:
    """What drives or slows each body; ``rows`` are rows of Body, N of them in all."""

    n_actors: int
    carried: np.ndarray  # rows that move along a path or at Body.asked, whatever they meet
    heads: np.ndarray  # (N,) bool, faces the way it moves, as a car does
    rubbing: np.ndarray  # rows that friction slows: objects that slide or roll
    friction: np.ndarray  # (N,) coefficient
    turning: np.ndarray  # rows that can be turned: blocks with a finite moment of inertia
    twist: np.ndarray  # (N,) 1/m, angular deceleration by friction over linear
    against: np.ndarray  # (A, 2) unit vector of the contact that slows each actor, else 0

    def follow_paths(self, world: World, dt: float) -> None:
        """Set velocity and heading of the rows that are carried.

        Those with a path get the velocity that puts them where the path is at the tick's end.
        """
        if len(self.carried) == 0:
            return
        position, heading = world[Transform].position, world[Transform].heading
        linear, asked, paths = world[Velocity].linear, world[Body].asked, world[Thing].path
        due = np.array([(world.tick + 1) * dt])
        for row in self.carried.tolist():
            path = paths[row - self.n_actors]
            if path is None:
                linear[row] = asked[row]
            else:
                linear[row] = (path.at(due)[0] - position[row]) / dt
            along, across = linear[row, :2].tolist()
            if self.heads[row] and along * along + across * across > 0.01:
                heading[row] += math.remainder(math.atan2(across, along) - heading[row], math.tau)

    def drive_actors(self, world: World, dt: float) -> None:
        """Set the velocity of each actor to ``Body.asked``.

        Along the normal of a contact that slowed it, an actor regains speed only gradually;
        across the normal, along a wall, it moves freely.
        """
        n, body = self.n_actors, world[Body]
        asked, linear = body.asked[:n], world[Velocity].linear[:n]
        going = asked[:, :2]
        if np.count_nonzero(self.against):
            most = PUSH_ACCELERATION * dt
            gap = (going - linear[:, :2]) * self.against
            slower = gap[:, 0] + gap[:, 1]
            self.against[np.abs(slower) <= most] = 0.0
            going = going - (slower - np.clip(slower, -most, most))[:, None] * self.against
        linear[:, :2] = going
        np.copyto(linear[:, 2], asked[:, 2], where=body.grounded[:n])

    def rub(self, world: World, dt: float) -> None:
        """Slow what slides, rolls or turns on the ground by friction."""
        rows, velocity = self.rubbing, world[Velocity]
        if len(rows) == 0:
            return
        linear, turn = velocity.linear[rows, :2], velocity.turn
        if not (np.count_nonzero(linear) or np.count_nonzero(turn[self.turning])):
            return
        grounded, weight = world[Body].grounded, world.gravity * dt
        speed = np.hypot(linear[:, 0], linear[:, 1])
        lost = self.friction[rows] * weight * grounded[rows]
        left = np.maximum(1.0 - lost / np.maximum(speed, 1e-9), 0.0)
        velocity.linear[rows, :2] = linear * left[:, None]
        rows = self.turning
        lost = self.friction[rows] * weight * grounded[rows] * self.twist[rows]
        turn[rows] = np.sign(turn[rows]) * np.maximum(np.abs(turn[rows]) - lost, 0.0)
