"""A bare stage for tests of motion: worlds built by hand, bodies that move exactly as asked."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.components import Body, Intent, Person, Pose, Script, Transform, Velocity
from entities.skeleton import (
    ACTOR_INDEX,
    ACTOR_SCALES,
    BONE_LENGTHS,
    L_FOOT,
    R_FOOT,
    STANDING_PELVIS,
    ActorType,
    joints_world,
)
from entities.units import DT, EARTH_GRAVITY
from sim.animation.attention import rest_attention
from sim.animation.locomotion import advance_gait, drive_bodies, rest_gait
from sim.animation.motion_state import MotionState, motion_state
from sim.animation.pose import evaluate_poses
from sim.animation.style import rest_style
from sim.animation.transitions import rest_blend
from sim.world import World

Control = Callable[[World, float], None]


def stage(
    actions: list[ActionType],
    *,
    kind: ActorType = ActorType.HUMAN,
    gravity: float = EARTH_GRAVITY,
    traits: float = 0.0,
    seed: int = 0,
) -> World:
    """One actor per action, 3 m apart, facing +x, doing it from the start."""
    n = len(actions)
    world = World(seed, gravity)
    scale = np.full(n, ACTOR_SCALES[kind])
    transform = Transform(
        np.column_stack([np.zeros(n), 3.0 * np.arange(n), np.zeros(n)]), np.zeros(n)
    )
    person = Person(
        kind=np.full(n, ACTOR_INDEX[kind]),
        scale=scale,
        bones=np.tile(BONE_LENGTHS[kind], (n, 1)),
        stand=np.full(n, STANDING_PELVIS[kind]),
        color=np.zeros((n, 3), np.uint8),
        traits=traits * world.rng.uniform(-1.0, 1.0, (n, 6)),
    )
    action = np.array([ACTION_INDEX[a] for a in actions], np.int64)
    world.spawn(
        transform,
        Velocity(np.zeros((n, 3)), np.zeros(n)),
        Body(
            kind=np.zeros(n, np.int64),
            mass=np.full(n, 70.0),
            size=np.ones((n, 3)),
            round=np.ones(n, bool),
            asked=np.zeros((n, 3)),
            grounded=np.ones(n, bool),
        ),
        person,
        Script(
            plan=[[] for _ in actions],
            cues=[[] for _ in actions],
            next_tick=np.zeros(n, np.int64),
            action=action,
            since=np.zeros(n, np.int64),
            target=np.full(n, -1),
        ),
        Intent(np.zeros((n, 2)), np.zeros(n), np.zeros(n)),
        rest_gait(transform, person, action),
        rest_blend(n),
        rest_style(n),
        rest_attention(n),
    )
    return world


def tick(world: World) -> None:
    """One tick: every body moves as asked, and falls while it is in the air."""
    drive_bodies(world, DT)
    transform, velocity, body = world[Transform], world[Velocity], world[Body]
    air = ~body.grounded
    velocity.linear[:, :2] = body.asked[:, :2]
    velocity.linear[:, 2] = np.where(air, velocity.linear[:, 2] - world.gravity * DT, 0.0)
    transform.position += velocity.linear * DT
    down = air & (transform.position[:, 2] <= 0.0) & (velocity.linear[:, 2] < 0.0)
    transform.position[down, 2] = velocity.linear[down, 2] = 0.0
    body.grounded[down] = True
    advance_gait(world, DT)
    world.end_tick()


@dataclass
class Take:
    """What was recorded: T ticks of N actors."""

    states: list[MotionState]
    pose: Pose  # columns (T, N, …)
    root: np.ndarray  # (T, N, 3)
    joints: np.ndarray  # (T, N, 10, 3) m, world

    @property
    def feet(self) -> np.ndarray:
        """World positions of both balls of the feet (T, N, 2, 3)."""
        return self.joints[:, :, [L_FOOT, R_FOOT]]


def film(world: World, seconds: float, control: Control | None = None) -> Take:
    """Run for some time; ``control(world, time)`` is called before each tick."""
    states, roots, headings = [], [], []
    for _ in range(round(seconds / DT)):
        if control is not None:
            control(world, world.time)
        tick(world)
        states.append(motion_state(world))
        roots.append(world[Transform].position.copy())
        headings.append(world[Transform].heading.copy())
    t, n = len(states), len(states[0])
    pose = evaluate_poses(MotionState.stack(states))
    joints = joints_world(
        np.concatenate(roots), np.concatenate(headings), pose.joints, pose.lateral, pose.roll
    )
    shaped = Pose(
        *(
            column.reshape(t, n, *column.shape[1:])
            for column in (
                pose.joints,
                pose.lateral,
                pose.roll,
                pose.gaze,
                pose.face,
                pose.mouth,
                pose.contact,
            )
        )
    )
    return Take(states, shaped, np.array(roots), joints.reshape(t, n, 10, 3))


def forward(speed: float, tau: float = 1.0) -> Control:
    """Every actor goes ahead, from rest, by the law of starts."""

    def control(world: World, time: float) -> None:
        world[Intent].velocity[:, 0] = speed * -np.expm1(-time / tau)

    return control


def perform(world: World, action: ActionType) -> None:
    """Every actor begins an action now."""
    world[Script].action[:] = ACTION_INDEX[action]
    world[Script].since[:] = world.tick
