"""Runs of the navigation systems alone, with bodies that move exactly as intended."""

from dataclasses import dataclass

import numpy as np

from entities.components import Intent, Route, Transform, Velocity
from entities.scene import Scene
from entities.units import DT
from sim.build import build_world
from sim.navigation.steering import Steering, run_script


@dataclass
class Walk:
    """T ticks of A actors."""

    position: np.ndarray  # (T, A, 3)
    velocity: np.ndarray  # (T, A, 2), wanted for the tick
    heading: np.ndarray  # (T, A), wanted
    off_path: np.ndarray  # (T, A)

    @property
    def speed(self) -> np.ndarray:
        return np.hypot(self.velocity[..., 0], self.velocity[..., 1])

    def nearest(self) -> float:
        """Least distance, m, between any two actors."""
        gap = self.position[:, :, None, :2] - self.position[:, None, :, :2]
        distance = np.hypot(gap[..., 0], gap[..., 1])
        count = distance.shape[1]
        return float(distance[:, ~np.eye(count, dtype=bool)].min())


def walk(scene: Scene, seconds: float, each_tick=None) -> Walk:
    """Run a scene; ``each_tick(world)``, if given, may change the world before each tick."""
    world = build_world(scene)
    steering = Steering()
    n = len(scene.actors)
    rows = []
    for _ in range(round(seconds / DT)):
        if each_tick is not None:
            each_tick(world)
        run_script(world, DT)
        steering.steer(world, DT)
        transform, intent = world[Transform], world[Intent]
        rows.append(
            (
                transform.position[:n].copy(),
                intent.velocity.copy(),
                intent.heading.copy(),
                world[Route].off_path.copy(),
            )
        )
        transform.position[:n, :2] += intent.velocity * DT
        transform.position[:n, 2] += intent.climb * DT
        transform.heading[:n] += 0.15 * (intent.heading - transform.heading[:n])
        world[Velocity].linear[:n, :2] = intent.velocity
        world.end_tick()
    return Walk(*(np.array(column) for column in zip(*rows, strict=True)))
