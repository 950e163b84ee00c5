"""From any action to any other: no pop, no impossible joint, no foot that slides or jumps."""

from dataclasses import fields

import numpy as np
import pytest

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ACTIONS, ActionType
from entities.components import (
    Attention,
    Blend,
    Body,
    Gait,
    Intent,
    Manner,
    Person,
    Script,
    Transform,
    Velocity,
)
from entities.skeleton import (
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    NECK,
    PELVIS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
)
from entities.units import DT, START_TAU_S
from sim.behavior import BEARINGS
from sim.motion import animate, joints_world, motion_rows
from sim.world import World
from tests.motion_stage import film, perform, stage, tick

N = len(ACTIONS)
SPEEDS = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
FRAME_HZ = 30.0
AFTER_S = 3.5
"""Longer than anybody waits to take up his action."""
FLEXION = {(PELVIS, L_KNEE, L_FOOT): -1, (PELVIS, R_KNEE, R_FOOT): -1}
FLEXION |= {(NECK, L_ELBOW, L_HAND): 1, (NECK, R_ELBOW, R_HAND): 1}
"""Which way each joint bends: sign of upper bone x lower bone."""
FOLDED = 2.80
"""rad, as far as an elbow or a knee bends."""


def travel(world: World, _time: float = 0.0) -> None:
    """Everybody goes as fast, and which way, as his action does, by the law of starts and stops."""
    action, velocity = world[Script].action, world[Intent].velocity
    way = BEARINGS[action]
    wanted = SPEEDS[action, None] * np.stack([np.cos(way), np.sin(way)], axis=1)
    velocity += (wanted - velocity) * -np.expm1(-DT / START_TAU_S)


def seen(world: World) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints beside the root (N, 10, 3) with the roll, and without; feet on the ground."""
    rows = motion_rows(world)
    pose, n = animate(rows), len(rows)
    still = np.zeros((n, 3)), np.zeros(n)
    joints = joints_world(*still, pose.joints, pose.lateral, pose.roll)
    return joints, pose.joints, pose.contact


def own_speeds() -> np.ndarray:
    """Highest joint speed (N,) m/s of each action in its first four seconds."""
    world = stage(list(ACTIONS))
    frames = []
    for k in range(round(4.0 / DT)):
        travel(world)
        tick(world)
        if k % 2:
            frames.append(seen(world)[0])
    moved = np.linalg.norm(np.diff(np.array(frames), axis=0), axis=3)
    return FRAME_HZ * moved.max(axis=(0, 2))


def bends(joints: np.ndarray) -> tuple[float, float]:
    """How far (rad) any joint bends the wrong way, and how far the furthest one bends."""
    wrong, most = 0.0, 0.0
    for (root, middle, end), sign in FLEXION.items():
        upper = joints[:, middle] - joints[:, root]
        lower = joints[:, end] - joints[:, middle]
        cross = upper[:, 0] * lower[:, 1] - upper[:, 1] * lower[:, 0]
        angle = sign * np.arctan2(cross, (upper * lower).sum(axis=1))
        wrong, most = max(wrong, float(-angle.min())), max(most, float(angle.max()))
    return wrong, most


def switch(first: np.ndarray, second: np.ndarray, at_s: float) -> tuple[np.ndarray, dict]:
    """Highest joint speed (P,) m/s, on 30 Hz frames, of each pair of actions from the change on.

    Everybody does his first action for ``at_s``, alone, and is then copied for each pair.
    """
    before = stage(list(ACTIONS))
    for _ in range(round(at_s / DT)):
        travel(before)
        tick(before)
    world = stage([ActionType.IDLE] * len(first))
    world.tick = before.tick
    for kind in (Transform, Velocity, Body, Person, Intent, Gait, Blend, Manner, Attention):
        for field in fields(kind):
            column = getattr(before[kind], field.name)
            if isinstance(column, np.ndarray):
                setattr(world[kind], field.name, column[first].copy())
    world[Script].action[:], world[Script].since[:] = second, world.tick
    last, joints, contact = seen(world)
    fastest, worst = np.zeros(len(first)), {"slip": 0.0, "wrong": 0.0, "bend": 0.0, "root": 0.0}
    feet, spot = _feet(world, joints), world[Transform].position.copy()
    gone = world[Velocity].linear.copy()
    for k in range(round(AFTER_S / DT)):
        travel(world)
        tick(world)
        if k % 2 == 0:
            continue
        now, joints, down = seen(world)
        fastest = np.maximum(fastest, FRAME_HZ * np.linalg.norm(now - last, axis=2).max(axis=1))
        here = _feet(world, joints)
        both = contact & down
        slip = np.linalg.norm(here - feet, axis=2)[both]
        wrong, bend = bends(joints)
        jerk = np.abs(world[Velocity].linear - gone)[:, :2].max() * FRAME_HZ
        for name, value in zip(worst, (slip.max(initial=0.0), wrong, bend, jerk), strict=True):
            worst[name] = max(worst[name], float(value))
        last, feet, contact = now, here, down
        gone, spot = world[Velocity].linear.copy(), world[Transform].position.copy()
    assert np.isfinite(spot).all()
    return fastest, worst


def _feet(world: World, joints: np.ndarray) -> np.ndarray:
    """Where the balls of the feet are along x, y of the world, but for the roll: (N, 2, 2)."""
    pose = animate(motion_rows(world))
    spots = np.stack([joints[:, [L_FOOT, R_FOOT], 0], pose.lateral[:, [L_FOOT, R_FOOT]]], axis=2)
    return spots + world[Transform].position[:, None, :2]


def check(first: np.ndarray, second: np.ndarray, at_s: float) -> None:
    own = own_speeds()
    fastest, worst = switch(first, second, at_s)
    allowed = np.maximum(1.5 * np.maximum(own[first], own[second]), 3.0)
    pops = [
        f"{ACTIONS[first[k]]} to {ACTIONS[second[k]]}: {fastest[k]:.1f} m/s of {allowed[k]:.1f}"
        for k in np.flatnonzero(fastest > allowed)
    ]
    assert pops == []
    assert worst["slip"] < 1e-9
    assert worst["wrong"] < 1e-6
    assert worst["bend"] < FOLDED


def test_a_spread_of_pairs_does_not_pop():
    pairs = np.random.default_rng(5).permutation(N * N)[:120]
    check(pairs // N, pairs % N, 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("at_s", [2.0, 2.37, 3.1, 3.6])
def test_no_pair_of_actions_pops(at_s):
    pairs = np.arange(N * N)
    check(pairs // N, pairs % N, at_s)


def follow(first: ActionType, second: ActionType, seconds: float):
    world = stage([first])
    film(world, 3.0, travel)
    perform(world, second)
    return film(world, seconds, travel)


def test_pose_and_velocity_carry_over():
    upper = [NECK, L_ELBOW, L_HAND, R_ELBOW, R_HAND]
    for first, second in (
        (ActionType.DANCE, ActionType.IDLE),
        (ActionType.RUN, ActionType.WAVE),
        (ActionType.CARTWHEEL, ActionType.SWIM),
    ):
        world = stage([first])
        before = film(world, 3.0, travel).pose.joints[-3:, 0]
        perform(world, second)
        after = film(world, 0.05, travel).pose.joints[:, 0]
        speed = np.diff(np.concatenate([before, after])[:, upper], axis=0) / DT
        assert np.linalg.norm(speed[2] - speed[1], axis=1).max() < 1.5, (first, second)


def actions_of(take) -> list[str]:
    done = [ACTIONS[int(row.action[0])].value for row in take.rows]
    return [a for k, a in enumerate(done) if k == 0 or done[k - 1] != a]


def test_who_lies_gets_up_before_he_runs_and_who_stands_does_not():
    take = follow(ActionType.LIE_DOWN, ActionType.RUN, 5.0)
    assert actions_of(take) == ["get_up", "run"]
    up = take.pose.joints[:, 0, NECK, 1]
    moved = take.root[:, 0, 0] - take.root[0, 0, 0]
    assert moved[up < 0.9].max() < 0.25
    assert moved[-1] > 5.0
    assert actions_of(follow(ActionType.IDLE, ActionType.RUN, 1.0)) == ["run"]


def test_who_sits_on_the_ground_gets_up_from_sitting_and_lies_down_without_getting_up():
    take = follow(ActionType.SIT, ActionType.WALK, 4.0)
    assert actions_of(take) == ["get_up", "walk"]
    assert take.rows[1].clock[0] > 0.3
    down = follow(ActionType.SIT, ActionType.LIE_DOWN, 3.0)
    assert actions_of(down) == ["lie_down"]
    assert down.pose.joints[:, 0, PELVIS, 1].max() < 0.2


def test_a_runner_slows_down_before_he_sits_and_a_rider_before_he_gets_off():
    take = follow(ActionType.RUN, ActionType.SIT, 5.0)
    assert actions_of(take) == ["run", "sit"]
    begun = next(row for row in take.rows if row.action[0] == ACTION_INDEX[ActionType.SIT])
    assert begun.speed[0] < 0.9
    assert take.pose.joints[-1, 0, PELVIS, 1] < 0.15
    assert actions_of(follow(ActionType.RIDE, ActionType.IDLE, 4.0)) == ["ride", "idle"]


def test_nobody_waits_for_ever_to_sit():
    world = stage([ActionType.RUN])
    film(world, 3.0, travel)
    perform(world, ActionType.SIT)

    def keep_going(world, _):
        world[Intent].velocity[:, 0] = 5.0

    take = film(world, 4.0, keep_going)
    assert actions_of(take)[-1] == "sit"
