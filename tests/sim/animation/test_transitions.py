"""From any action to any other: no pop, no impossible joint, no foot that slides or jumps."""

import numpy as np
import pytest

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ACTIONS, ActionType
from entities.components import Intent, Script
from entities.skeleton import L_ELBOW, L_HAND, NECK, PELVIS, R_ELBOW, R_HAND
from entities.units import DT, START_TAU_S
from ml.measure.metrics import limit_violations, pop_score
from sim.evaluate import trials
from sim.navigation.steering import BEARINGS
from sim.world import World
from tests.motion_stage import film, perform, stage

SPEEDS = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
PAIRS = [(a, b) for a in ACTIONS for b in ACTIONS if a is not b]


def travel(world: World, _time: float = 0.0) -> None:
    """Everybody goes as fast, and which way, as his action does, by the law of starts and stops."""
    action, velocity = world[Script].action, world[Intent].velocity
    way = BEARINGS[action]
    wanted = SPEEDS[action, None] * np.stack([np.cos(way), np.sin(way)], axis=1)
    velocity += (wanted - velocity) * -np.expm1(-DT / START_TAU_S)


def check(pairs: list[tuple[ActionType, ActionType]]) -> None:
    """No pair pops, by the measure of ``tools.measure``; no foot slides, no joint bends back."""
    own = {solo.action: solo.own_mps for solo in trials.solos()}
    pops = []
    for first, second, motion in trials.transition_motions(pairs):
        most = max(own[first], own[second])
        score = pop_score(motion, trials.SWITCH_S, most, trials.AFTER_S)
        if score > 1.0:
            pops.append(f"{first} to {second}: {score:.2f}")
        assert limit_violations(motion)[1] < 1e-3, (first, second)
        down = motion.contact[1:] & motion.contact[:-1]
        gone = np.linalg.norm(np.diff(motion.feet[:, :, :2], axis=0), axis=2)
        assert gone[down].max(initial=0.0) < 0.004, (first, second)
    assert pops == []


def test_a_spread_of_pairs_does_not_pop():
    check([PAIRS[k] for k in np.random.default_rng(5).permutation(len(PAIRS))[:120]])


@pytest.mark.slow
def test_no_pair_of_actions_pops():
    check(PAIRS)


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
        (ActionType.BOWLING, ActionType.SWIM),
    ):
        world = stage([first])
        before = film(world, 3.0, travel).pose.joints[-3:, 0]
        perform(world, second)
        after = film(world, 0.05, travel).pose.joints[:, 0]
        speed = np.diff(np.concatenate([before, after])[:, upper], axis=0) / DT
        assert np.linalg.norm(speed[2] - speed[1], axis=1).max() < 1.0, (first, second)


def actions_of(take) -> list[str]:
    done = [ACTIONS[int(row.action[0])].value for row in take.states]
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
    assert take.states[1].clock[0] > 0.3
    down = follow(ActionType.SIT, ActionType.LIE_DOWN, 3.0)
    assert actions_of(down) == ["lie_down"]
    assert down.pose.joints[:, 0, PELVIS, 1].max() < 0.2


def test_a_runner_slows_down_before_he_sits_and_a_rider_before_he_gets_off():
    take = follow(ActionType.RUN, ActionType.SIT, 5.0)
    assert actions_of(take) == ["run", "sit"]
    begun = next(row for row in take.states if row.action[0] == ACTION_INDEX[ActionType.SIT])
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
