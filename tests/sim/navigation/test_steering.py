"""Steering: the script, the start and stop law, paths, jumps, ladders."""

import math

import numpy as np
import pytest

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ActionType
from entities.components import Body, Knockdown, Route, Script, Transform
from entities.units import DT
from sim.build import build_world
from sim.navigation.path import Path
from sim.navigation.steering import run_script
from tests.conftest import at, make_scene
from tests.walking import walk

MOVERS = [
    action
    for action in ActionType
    if ACTION_VELOCITIES[action] > 0 and action is not ActionType.CLIMB
]


def index(name):
    return ACTION_INDEX[ActionType(name)]


@pytest.mark.parametrize("action", MOVERS)
def test_travels_by_the_start_law_at_its_own_speed(action):
    seen = walk(make_scene({"actions": [(0, action)]}), 10.0 + DT)
    speed = ACTION_VELOCITIES[action]
    gone = np.hypot(*(seen.position[-1, 0, :2] - seen.position[0, 0, :2]))
    assert gone == pytest.approx(speed * (10.0 - 1.0 + math.exp(-10.0)), abs=0.01)
    assert seen.speed[-1, 0] == pytest.approx(speed, rel=0.001)


def test_speed_never_jumps_and_stops_are_complete():
    plan = [(0, "sprint"), (4, "walk"), (7, "idle"), (11, "run"), (13, "stand")]
    seen = walk(make_scene({"actions": plan}), 20.0)
    speed = np.append(0.0, seen.speed[:, 0])
    assert np.diff(speed).max() < 8.0 * DT * 1.01
    assert np.diff(speed).min() > -8.0 * DT * 1.01
    assert speed[round(10.9 / DT)] == 0.0
    assert speed[-1] == 0.0


def test_a_velocity_is_kept_from_the_start():
    seen = walk(make_scene({"velocity": (3.0, -4.0), "actions": [(0, "run"), (2, "idle")]}), 5.0)
    np.testing.assert_allclose(seen.velocity[:, 0], [[3.0, -4.0]] * 300, atol=1e-9)
    np.testing.assert_allclose(seen.position[-1, 0, :2], np.array([3, -4]) * 299 * DT, atol=1e-9)


@pytest.mark.parametrize(
    ("action", "direction"),
    [("walk", 0.0), ("walk_backwards", math.pi), ("pull", math.pi), ("strafe", -math.pi / 2)],
)
def test_the_action_says_which_way_relative_to_the_heading(action, direction):
    seen = walk(make_scene({"heading": 0.7, "actions": [(0, action)]}), 4.0)
    gone = seen.position[-1, 0] - seen.position[0, 0]
    assert math.remainder(math.atan2(gone[1], gone[0]) - 0.7 - direction, 2 * math.pi) == (
        pytest.approx(0.0, abs=1e-6)
    )
    np.testing.assert_allclose(np.cos(seen.heading[:, 0] - 0.7), 1.0, atol=1e-6)


def test_turn_around_turns_once_in_about_a_second():
    seen = walk(make_scene({"actions": [(0, "walk"), (3, "turn_around"), (6, "walk")]}), 12.0)
    heading = seen.heading[:, 0]
    assert heading[round(3 / DT)] == pytest.approx(0.0, abs=0.05)
    assert heading[round(5.5 / DT)] == pytest.approx(math.pi, abs=0.01)
    assert np.abs(np.diff(heading)).max() < 0.25
    assert seen.velocity[-1, 0, 0] == pytest.approx(-1.3, rel=0.01)


def test_a_path_is_followed_to_the_centimetre():
    knots = [(0, at(0, 0)), (5, at(19, 19)), (10, at(0, 38)), (16, at(-19, 19)), (18, at(-19, 19))]
    seen = walk(make_scene({"movement_path": knots, "actions": [(0, "run")]}), 20.0)
    for t, spot in knots:
        gap = seen.position[round(t / DT), 0, :2] - [spot["x"], spot["y"]]
        assert np.hypot(*gap) < 0.02
    assert not seen.off_path.any()
    moving = seen.speed[:, 0] > 0.5
    ahead = np.arctan2(seen.velocity[:, 0, 1], seen.velocity[:, 0, 0])
    np.testing.assert_allclose(np.cos(ahead - seen.heading[:, 0])[moving], 1.0, atol=1e-9)
    assert seen.heading[-1, 0] == seen.heading[round(17 / DT), 0]
    assert np.abs(np.diff(seen.heading[:, 0])).max() < math.pi


def test_who_is_held_up_is_marked_and_catches_up_within_limits():
    def hold(world):
        if 120 <= world.tick < 240:
            world[Transform].position[0, :2] = place
        elif world.tick < 120:
            place[:] = world[Transform].position[0, :2]

    place = np.zeros(2)
    knots = [(0, at(0, 0)), (20, at(26, 0))]
    seen = walk(make_scene({"movement_path": knots, "actions": [(0, "walk")]}), 30.0, hold)
    top = 1.2 * 1.3 * 1.1
    assert seen.off_path[200:400, 0].all()
    assert not seen.off_path[-1, 0]
    assert seen.speed.max() < top
    late = seen.position[round(19.9 / DT), 0, 0]
    assert late == pytest.approx(26.0, abs=0.3)
    assert np.abs(np.diff(seen.speed[:, 0])).max() <= 15.0 * DT * 1.01


def test_a_new_path_takes_over_at_once():
    def redirect(world):
        if world.tick == 120:
            x, y = world[Transform].position[0, :2]
            knots = [(2.0, x, y, None), (6.0, x, y + 5.0, None)]
            world[Route].path[0] = Path.through(knots, "events[0]")

    seen = walk(make_scene({"actions": [(0, "walk")]}), 8.0, redirect)
    turned = seen.position[120, 0]
    np.testing.assert_allclose(seen.position[-1, 0, :2], [turned[0], turned[1] + 5.0], atol=0.02)


def test_a_jump_keeps_its_momentum_in_the_air():
    def fly(world):
        world[Body].grounded[0] = not 130 <= world.tick < 170

    seen = walk(make_scene({"actions": [(0, "run"), (2, "jump")]}), 5.0, fly)
    speed = seen.speed[:, 0]
    assert speed[168] == pytest.approx(speed[119], rel=0.03)
    assert speed[-1] < 0.5


def test_flying_rises_to_two_metres_and_goes_on():
    seen = walk(make_scene({"actions": [(0, "fly")]}), 8.0)
    assert seen.position[-1, 0, 2] == pytest.approx(2.0, abs=0.05)
    assert seen.speed[-1, 0] == pytest.approx(6.0, rel=0.01)


def test_climbing_needs_a_ladder():
    ladder = {"object_type": "ladder", "position": at(0.6, 0)}
    seen = walk(make_scene({"actions": [(0, "climb")]}, objects=[ladder]), 4.0)
    assert seen.position[-1, 0, 2] == pytest.approx(0.35 * 4.0, abs=0.02)
    in_place = walk(make_scene({"actions": [(0, "climb")]}), 4.0)
    assert np.abs(in_place.position).max() == 0.0


def test_who_is_down_does_not_walk_and_gets_going_again():
    def knock(world):
        world[Knockdown].since[0] = 120 if 120 <= world.tick < 240 else -1

    seen = walk(make_scene({"actions": [(0, "run")]}), 8.0, knock)
    assert not seen.speed[120:240].any()
    assert seen.speed[241, 0] < 0.3
    assert seen.speed[-1, 0] > 4.5


def test_the_script_keeps_its_times_and_its_cues():
    scene = make_scene(
        {
            "actions": [(0, "idle"), (0.5, "walk"), (1.0, "wave")],
            "cues": [{"t": 0.25, "target": "a1"}, {"t": 0.75, "target": "a0"}],
        },
        {"initial_position": at(5, 5)},
    )
    world = build_world(scene)
    action, since, target = [], [], []
    for _ in range(80):
        run_script(world, DT)
        action.append(world[Script].action[0])
        since.append(world[Script].since[0])
        target.append(world[Script].target[0])
        world.end_tick()
    assert action[:30] == [index("idle")] * 30
    assert action[30:60] == [index("walk")] * 30
    assert action[60:] == [index("wave")] * 20
    assert [since[29], since[30], since[79]] == [0, 30, 60]
    assert [target[14], target[15], target[44], target[45]] == [-1, 1, 1, 0]


def test_a_change_of_script_waits_while_somebody_is_down():
    world = build_world(make_scene({"actions": [(0, "walk"), (0.1, "wave")]}))
    run_script(world, DT)
    world[Script].action[0], world[Knockdown].since[0] = index("fall"), 0
    for _ in range(10):
        world.end_tick()
        run_script(world, DT)
    assert world[Script].action[0] == index("fall")
    assert world[Knockdown].resume[0] == index("wave")


def test_two_runs_are_equal_to_the_bit():
    rng = np.random.default_rng(7)
    cast = [
        {
            "initial_position": at(*rng.uniform(-6, 6, 2)),
            "heading": rng.uniform(-3, 3),
            "actions": [(0, "walk"), (3, "run")],
        }
        for _ in range(12)
    ]
    scene = make_scene(*cast, objects=[{"object_type": "house", "position": at(12, 0)}])
    first, second = walk(scene, 8.0), walk(scene, 8.0)
    np.testing.assert_array_equal(first.position, second.position)
    np.testing.assert_array_equal(first.heading, second.heading)
