"""Gestures: every action has one, no two look alike; seats, releases and falls are as said."""

import numpy as np
import pytest

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ACTIONS, ActionType, contact_time
from entities.components import Gait, Intent
from entities.skeleton import (
    BONE_LENGTHS,
    L_FOOT,
    L_HAND,
    NECK,
    PELVIS,
    R_FOOT,
    R_HAND,
    TRUNK,
    ActorType,
)
from entities.units import DT
from sim.animation.gestures import LOOSE, PARAMETERS, gesture_table
from tests.motion_stage import film, forward, stage

BALL_ACTIONS = [
    ActionType.THROWING,
    ActionType.PITCHING,
    ActionType.KICKING,
    ActionType.BATTING,
    ActionType.HEADER,
    ActionType.SHOOTING,
]


def test_the_table_covers_every_action_with_finite_numbers():
    table = gesture_table()
    assert len(table.end) >= len(ACTIONS)
    assert table.values.shape[0] == len(PARAMETERS)
    assert np.isfinite(table.values).all()
    assert np.isfinite(table.slopes).all()
    assert (table.loop <= table.end).all()


def test_gestures_are_smooth_also_where_they_loop():
    table = gesture_table()
    n = len(table.end)
    for gesture in range(n):
        clock = np.arange(0.0, 2.5 * table.end[gesture] + 0.5, DT / 4)
        rows = np.full(len(clock), gesture)
        phase = clock if table.by_phase[gesture] else np.zeros(len(clock))
        values = table.evaluate(rows, table.time_in(rows, clock, phase))
        values[LOOSE] = 0.0  # a switch: feet keep their place when it turns
        step = np.abs(np.diff(values, axis=1))
        turned = np.minimum(step, np.abs(step - 2.0 * np.pi))  # a whole turn is no step
        assert turned.max() < 0.25, ACTIONS[gesture] if gesture < n else gesture


def test_no_two_actions_look_the_same_and_none_like_idle():
    world = stage(list(ACTIONS))
    speeds = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
    take = film(world, 5.0, lambda w, _: np.copyto(w[Intent].velocity[:, 0], speeds))
    look = np.concatenate(
        [
            take.pose.joints.reshape(len(take.states), len(ACTIONS), -1),
            take.pose.lateral,
            take.pose.gaze,
            0.2 * take.pose.mouth[:, :, None],
        ],
        axis=2,
    )
    apart = np.sqrt(((look[:, :, None] - look[:, None]) ** 2).sum(axis=3)).mean(axis=0)
    apart[np.diag_indices(len(ACTIONS))] = np.inf
    closest = np.unravel_index(apart.argmin(), apart.shape)
    assert apart.min() > 0.05, [str(ACTIONS[i]) for i in closest]
    assert apart[ACTION_INDEX[ActionType.IDLE]].min() > 0.05


@pytest.mark.parametrize("height", [0.30, 0.44, 0.60])
def test_sitting_lands_on_the_seat_or_on_the_ground(height):
    world = stage([ActionType.SIT, ActionType.SIT])
    world[Gait].seat[:] = [height, 0.0]
    take = film(world, 3.0)
    assert take.pose.joints[-1, 0, PELVIS, 1] == pytest.approx(height + 0.09, abs=0.02)
    assert take.pose.joints[-1, 1, PELVIS, 1] == pytest.approx(0.09, abs=0.02)
    assert take.pose.contact[-1].all()
    assert take.pose.joints[-1, 0, NECK, 1] > height + 0.5


@pytest.mark.parametrize("action", BALL_ACTIONS)
def test_contact_is_the_moment_of_reach_or_speed(action):
    take = film(stage([action]), contact_time(action) + 0.5)
    clock = np.array([row.clock[0] for row in take.states])
    at = int(np.argmin(np.abs(clock - contact_time(action))))
    joint = {ActionType.KICKING: R_FOOT, ActionType.HEADER: NECK}.get(action, R_HAND)
    ahead = take.pose.joints[:, 0, joint, 0]
    assert ahead[at] > 0.10
    speed = np.linalg.norm(np.diff(take.pose.joints[:, 0, joint], axis=0), axis=1) / DT
    near = slice(max(at - 9, 0), at + 9)
    assert speed[near].max() > 0.75 * speed.max()


def test_who_falls_lies_on_the_ground_and_get_up_stands():
    joints = film(stage([ActionType.FALL]), 2.0).pose.joints[-1, 0]
    assert joints[[PELVIS, NECK, L_FOOT, R_FOOT], 1].max() < 0.25
    up = film(stage([ActionType.GET_UP]), 3.0).pose.joints
    assert up[0, 0, NECK, 1] < 0.4
    trunk = BONE_LENGTHS[ActorType.HUMAN][TRUNK]
    assert up[-1, 0, NECK, 1] > 0.9 + trunk


def test_waving_goes_on_while_walking():
    world = stage([ActionType.WAVE, ActionType.IDLE])
    film(world, 4.0, forward(1.3))
    take = film(world, 3.0, forward(1.3))
    raised = take.pose.joints[:, 0, R_HAND, 1]
    assert raised.min() > 1.6
    assert np.ptp(take.pose.joints[:, 0, R_HAND, 0]) > 0.1
    assert np.allclose(take.pose.joints[:, 0, L_FOOT], take.pose.joints[:, 1, L_FOOT], atol=0.02)


def test_clapping_hands_meet():
    take = film(stage([ActionType.CLAP]), 3.0)
    joints = take.joints[:, 0]
    apart = np.linalg.norm(joints[:, L_HAND] - joints[:, R_HAND], axis=1)
    assert apart.min() < 0.03
    assert apart[60:].max() > 0.15


def test_contacts_are_named_only_where_they_exist():
    assert contact_time(ActionType.WALK) is None
