"""What sets bodies moving and slows them before anything is touched: drivers, paths, friction."""

import math
from dataclasses import dataclass

import numpy as np

from entities.components import Body, Thing, Transform, Velocity
from entities.objects import BodyKind, ObjectType
from sim.world import World

DRIVEN = list(BodyKind).index(BodyKind.DRIVEN)
GROUND_FRICTION = 0.5
"""Coulomb friction of furniture and boxes on a floor (choice: wood on wood is 0.25-0.5)."""
PUSH_ACCELERATION = 5.0
"""m/s² at which an actor regains speed lost to a contact: 350 N for 70 kg (choice)."""
ROLL: dict[ObjectType, float] = {  # rolling friction coefficient (choice: grass, or a hall floor)
    ObjectType.BASEBALL: 0.25,
    ObjectType.BASKETBALL: 0.02,
    ObjectType.SOCCER_BALL: 0.06,
    ObjectType.BALL: 0.04,
}


@dataclass(slots=True, eq=False)
class Drivers:
    """Columns over the rows of Body, and the rules that use them."""

    n_actors: int
    carried: np.ndarray  # rows that follow a path or a driver
    heads: np.ndarray  # (N,) bool, turns to where it goes, as a car does
    rubbing: np.ndarray  # rows that slide or roll to a stop
    friction: np.ndarray  # (N,) coefficient
    turning: np.ndarray  # rows of blocks that can be turned round
    twist: np.ndarray  # (N,) 1/m, angular over linear deceleration by friction
    against: np.ndarray  # (A, 2) unit vector along which a contact slows each actor, else 0

    def follow_paths(self, world: World, dt: float) -> None:
        """Speed and heading of what goes its own way, to be where it is due at the tick's end."""
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
        """Actors move as asked; speed a contact has cost them comes back only gradually.

        Only across the contact: along a wall they slide freely.
        """
        n, body = self.n_actors, world[Body]
        asked, linear = body.asked[:n], world[Velocity].linear[:n]
        going = asked[:, :2]
        if np.count_nonzero(self.against):
            most = PUSH_ACCELERATION * dt
            gap = (going - linear[:, :2]) * self.against
            lack = gap[:, 0] + gap[:, 1]
            self.against[np.abs(lack) <= most] = 0.0
            going = going - (lack - np.clip(lack, -most, most))[:, None] * self.against
        linear[:, :2] = going
        np.copyto(linear[:, 2], asked[:, 2], where=body.grounded[:n])

    def rub(self, world: World, dt: float) -> None:
        """Friction of what slides, and of what rolls, against the ground."""
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
