"""Motion: planted feet stay, bones keep their length, nothing pops, jumps obey gravity."""

from dataclasses import fields

import numpy as np
import pytest

from entities.actions import ACTION_VELOCITIES, ACTIONS, ActionType
from entities.components import Body, Intent, Pose, Transform
from entities.skeleton import (
    BONE_LENGTHS,
    BONE_OF_JOINT,
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
    ActorType,
    bone_lengths,
)
from entities.units import DT, EARTH_GRAVITY, MOON_GRAVITY
from sim.animation.motion_state import MotionState, motion_state
from sim.animation.pose import evaluate_poses
from tests.motion_stage import Take, film, forward, perform, stage


def slip(take: Take) -> float:
    """Largest distance, m, a foot moved in the world between two ticks of contact."""
    both = take.pose.contact[1:] & take.pose.contact[:-1]
    moved = np.linalg.norm(np.diff(take.feet, axis=0), axis=-1)
    return float(moved[both].max())


def course(world, time):
    """Starts, stops, turns on the spot and on the run, backwards and sideways."""
    legs = [(0.0, 0.0), (1.3, 0.0), (5.0, 0.5), (5.0, 2.5), (0.0, 2.5), (0.0, 5.5), (1.3, 5.5)]
    speed, heading = legs[int(time / 2.0) % len(legs)]
    intent = world[Intent]
    intent.heading[:] = heading
    current = np.hypot(*intent.velocity.T)
    current += (speed - current) * (1.0 - np.exp(-DT / 0.4))
    facing = world[Transform].heading
    sideways = 0.4 * np.sin(time) * (speed > 0.0)
    intent.velocity[:, 0] = current * np.cos(facing) - sideways * np.sin(facing)
    intent.velocity[:, 1] = current * np.sin(facing) + sideways * np.cos(facing)


def test_planted_feet_do_not_move_whatever_the_body_does():
    take = film(stage([ActionType.IDLE] * 3, traits=1.0), 30.0, course)
    assert slip(take) < 1e-9
    assert (take.pose.joints[:, :, [L_FOOT, R_FOOT], 1] > -1e-9).all()
    assert 0.4 < take.pose.contact.any(axis=2).mean() < 1.0


def test_feet_never_jump():
    take = film(stage([ActionType.IDLE], traits=1.0), 30.0, course)
    speed = np.linalg.norm(np.diff(take.feet, axis=0), axis=-1) / DT
    assert speed.max() < 3.2 * 5.0


def test_after_a_stop_the_feet_come_together_and_after_a_turn_they_follow():
    world = stage([ActionType.WALK])
    film(world, 3.0, forward(1.3))
    perform(world, ActionType.IDLE)
    take = film(world, 4.0, lambda w, _: w[Intent].velocity.fill(0.0))
    assert np.ptp(take.pose.joints[-1, 0, [L_FOOT, R_FOOT], 0]) < 0.15
    world[Intent].heading[:] = 2.5
    take = film(world, 4.0)
    assert slip(take) < 1e-9
    foot = take.pose.joints[-1, 0, [L_FOOT, R_FOOT], 0]
    assert np.abs(foot).max() < 0.16
    assert take.pose.lateral[-1, 0, L_FOOT] > 0.03 > -0.03 > take.pose.lateral[-1, 0, R_FOOT]


def test_a_blocked_runner_does_not_run_on_the_spot():
    world = stage([ActionType.RUN])
    film(world, 4.0, forward(5.0))
    film(world, 2.0, lambda w, _: w[Intent].velocity.fill(0.0))
    take = film(world, 1.0)
    assert take.pose.contact.all()
    assert np.abs(np.diff(take.joints, axis=0)).max() < 0.1 * DT


@pytest.mark.parametrize("kind", [ActorType.HUMAN, ActorType.CHILD, ActorType.DOG])
def test_bones_keep_their_length_and_joints_bend_the_right_way(kind):
    world = stage(list(ACTIONS), kind=kind, traits=1.0)
    speeds = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
    take = film(world, 5.0, lambda w, _: np.copyto(w[Intent].velocity[:, 0], speeds))
    joints = take.pose.joints
    scale = take.states[0].bones[0, 0] / BONE_LENGTHS[kind][0]
    wanted = np.array(BONE_LENGTHS[kind])[list(BONE_OF_JOINT[1:])] * scale
    assert np.abs(bone_lengths(joints) / wanted - 1.0).max() < 0.005

    def bend(root: int, middle: int, end: int) -> np.ndarray:
        upper = joints[:, :, middle] - joints[:, :, root]
        lower = joints[:, :, end] - joints[:, :, middle]
        return upper[..., 0] * lower[..., 1] - upper[..., 1] * lower[..., 0]

    assert bend(PELVIS, L_KNEE, L_FOOT).max() < 1e-9
    assert bend(PELVIS, R_KNEE, R_FOOT).max() < 1e-9
    assert bend(NECK, L_ELBOW, L_HAND).min() > -1e-9
    assert bend(NECK, R_ELBOW, R_HAND).min() > -1e-9
    assert (joints[..., PELVIS, 0] == 0.0).all()


def test_one_tick_and_many_ticks_give_the_same_bits():
    world = stage(list(ACTIONS), traits=1.0)
    speeds = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
    ahead = np.roll(speeds, 1)
    rows = []
    for k in range(40):
        if k == 20:
            perform(world, ActionType.WAVE)
        take = film(world, DT, lambda w, _: np.copyto(w[Intent].velocity[:, 0], ahead))
        rows += take.states
    block = evaluate_poses(MotionState.stack(rows))
    lonely = evaluate_poses(rows[-1].take(np.array([7])))
    singles = [evaluate_poses(row) for row in rows]
    for field in fields(Pose):
        parts = np.concatenate([getattr(single, field.name) for single in singles])
        assert np.array_equal(parts, getattr(block, field.name)), field.name
        assert np.array_equal(getattr(lonely, field.name)[0], getattr(singles[-1], field.name)[7])


def test_a_jump_is_ballistic_and_higher_on_the_moon():
    heights = {}
    for gravity in (EARTH_GRAVITY, MOON_GRAVITY):
        world = stage([ActionType.JUMP], gravity=gravity)
        take = film(world, 5.5)
        air = take.root[:, 0, 2] > 0.0
        heights[gravity] = take.root[:, 0, 2].max()
        assert not take.pose.contact[air].any()
        assert heights[gravity] == pytest.approx(2.8**2 / (2.0 * gravity), rel=0.06)
        landed = np.flatnonzero(np.diff(air.astype(int)) == -1)
        assert len(landed) >= 1
        assert world[Body].grounded.all() or air[-1]
        assert slip(take) < 1e-9
    assert heights[MOON_GRAVITY] > 5.0 * heights[EARTH_GRAVITY]


def test_a_jumper_keeps_his_momentum():
    world = stage([ActionType.JUMP])

    def control(w, _):
        w[Intent].velocity[:, 0] = 3.0 if w[Body].grounded[0] else 0.0

    take = film(world, 1.0, control)
    air = take.root[:, 0, 2] > 0.0
    assert air.sum() > 20
    step = np.diff(take.root[:, 0, 0])[air[1:]]
    assert np.allclose(step, 3.0 * DT)


def test_heading_turns_without_overshoot_half_way_after_about_an_eighth_of_a_second():
    world = stage([ActionType.IDLE])
    world[Intent].heading[:] = 1.0
    film(world, 0.15)
    assert 0.4 < world[Transform].heading[0] < 0.65
    film(world, 2.0)
    assert world[Transform].heading[0] == pytest.approx(1.0, abs=1e-6)


POPPY = [
    (ActionType.WALK, ActionType.WAVE),
    (ActionType.RUN, ActionType.KICKING),
    (ActionType.IDLE, ActionType.THROWING),
    (ActionType.DANCE, ActionType.IDLE),
    (ActionType.SIT, ActionType.WALK),
    (ActionType.STAND, ActionType.LIE_DOWN),
    (ActionType.BATTING, ActionType.SPRINT),
    (ActionType.CRAWL, ActionType.STAND),
    (ActionType.FALL, ActionType.GET_UP),
    (ActionType.LIE_DOWN, ActionType.RUN),
]


def joint_speed(joints: np.ndarray) -> float:
    """Fastest joint, m/s beside the root, of (T, 10, 2) m."""
    return float(np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() / DT)


@pytest.mark.parametrize(("first", "second"), POPPY)
def test_changing_action_does_not_pop(first, second):
    def follow(action: ActionType):
        def control(world, _):
            speed = world[Intent].velocity[:, 0]
            speed += (ACTION_VELOCITIES[action] - speed) * (1.0 - np.exp(-DT / 0.5))

        return control

    own = [joint_speed(film(stage([a]), 4.0, follow(a)).pose.joints[:, 0]) for a in (first, second)]
    world = stage([first])
    before = film(world, 3.0, follow(first))
    perform(world, second)
    after = film(world, 2.0, follow(second))
    join = np.concatenate([before.pose.joints[-1:], after.pose.joints[:36]])
    assert joint_speed(join[:, 0]) <= max(1.5 * max(own), 3.0)
    assert slip(after) < 1e-9


def test_rows_are_copies():
    world = stage([ActionType.WALK])
    rows = motion_state(world)
    kept = rows.phase.copy(), rows.plant.copy()
    film(world, 1.0, forward(1.3))
    assert np.array_equal(rows.phase, kept[0])
    assert np.array_equal(rows.plant, kept[1])


def test_the_same_seed_gives_the_same_people_and_another_seed_others():
    def one(seed: int) -> np.ndarray:
        return film(stage([ActionType.WALK] * 2, traits=1.0, seed=seed), 3.0, forward(1.3)).joints

    assert np.array_equal(one(1), one(1))
    assert np.abs(one(1) - one(2)).max() > 0.01
    assert np.abs(one(1)[:, 0] - one(1)[:, 1] + [0.0, 3.0, 0.0]).max() > 0.01
