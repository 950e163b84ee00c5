"""Detours round obstacles, and sidesteps round other actors."""

import math
from itertools import pairwise

import numpy as np
import pytest

from entities.components import Body, Transform
from sim.build import build_world
from sim.navigation.avoidance import sidesteps
from sim.navigation.visibility import Obstacles, find_way
from tests.conftest import at, make_scene
from tests.walking import walk

RADIUS = 0.2
BUILDING = {"object_type": "building", "position": at(20, 1)}


def blocks(*rows):
    """Obstacles from (x, y, heading, length, width, radius)."""
    table = np.array(rows, float)
    axis = np.column_stack([np.cos(table[:, 2]), np.sin(table[:, 2])])
    return Obstacles(np.arange(len(table)), table[:, :2], axis, table[:, 3:5] / 2, table[:, 5])


def ring(n_missing, count=24, radius=3.0):
    """Chairs round the origin, a few left out on the far side from +x."""
    angles = 2 * math.pi * np.arange(count) / count
    kept = [a for i, a in enumerate(angles) if not count // 2 - n_missing < i <= count // 2]
    return [(radius * math.cos(a), radius * math.sin(a), a) for a in kept]


def clearance(obstacles, start, way):
    corners = np.vstack([start, way])
    share = np.linspace(0.0, 1.0, 200)[:, None]
    line = [a + share * (b - a) for a, b in pairwise(corners)]
    return float(obstacles.distance(np.concatenate(line)).min())


def test_distance_and_touch_agree_with_sampling():
    rng = np.random.default_rng(4)
    boxes = np.column_stack([rng.uniform(-5, 5, (30, 2)), rng.uniform(0, 6, 30)])
    sizes = rng.uniform(0.3, 2.0, (30, 3)) * np.where(
        np.arange(30)[:, None] % 2, [1, 1, 0], [0, 0, 1]
    )
    around = blocks(*np.column_stack([boxes, sizes]))
    start, end = rng.uniform(-6, 6, (2, 100, 2))
    share = np.linspace(0.0, 1.0, 800)[:, None]
    least = np.array(
        [around.distance(a + share * (b - a)).min(axis=0) for a, b in zip(start, end, strict=True)]
    )
    touched = around.touched(start, end, np.full(30, 0.3))
    sure = np.abs(least - 0.3) > 0.01
    np.testing.assert_array_equal(touched[sure], (least < 0.3)[sure])


def test_goes_round_a_building_by_the_shorter_side():
    around = blocks((20, 1, 0, 14.28, 12.24, 0))
    way = find_way(around, (0, 0), (40, 0), RADIUS, 0.3)
    np.testing.assert_array_equal(way[-1], [40, 0])
    assert (way[:-1, 1] < 0).all()
    assert clearance(around, (0, 0), way) >= RADIUS + 0.299
    direct = math.hypot(20 - 7.64, 5.62) * 2 + 15.28
    length = np.hypot(*np.diff(np.vstack([(0, 0), way]), axis=0).T).sum()
    assert length == pytest.approx(direct, rel=0.01)


def test_finds_the_gap_in_a_ring_of_chairs_both_ways():
    around = blocks(*[(*chair, 0.44, 0.44, 0) for chair in ring(2)])
    for start, goal in (((0, 0), (10, 0)), ((10, 0), (0, 0))):
        way = find_way(around, start, goal, RADIUS, 0.3)
        np.testing.assert_array_equal(way[-1], goal)
        assert clearance(around, start, way) > RADIUS
        assert way[:, 0].min() < -2.0


def test_a_closed_ring_leads_nowhere():
    around = blocks(*[(*chair, 0.7, 0.7, 0) for chair in ring(0)])
    way = find_way(around, (0, 0), (10, 0), RADIUS, 0.3)
    assert np.hypot(*way.T).max() < 3.0


def test_a_goal_inside_something_means_the_nearest_free_point():
    around = blocks((20, 1, 0, 14.28, 12.24, 0))
    way = find_way(around, (0, 0), (20, -1), RADIUS, 0.3)
    assert around.distance(way[-1:])[0, 0] == pytest.approx(RADIUS + 0.3, abs=0.3)
    assert way[-1][0] == pytest.approx(20, abs=2.0)
    assert clearance(around, (0, 0), way) >= RADIUS


def test_comes_away_from_what_it_stands_against():
    around = blocks((0, 0, 0, 2, 2, 0))
    way = find_way(around, (-1.25, 0), (3, 0), RADIUS, 0.3)
    np.testing.assert_array_equal(way[-1], [3, 0])
    assert clearance(around, (-1.25, 0), way) >= 0.2


@pytest.mark.parametrize("action", ["walk", "run", "sprint"])
def test_a_walker_goes_round_a_building_and_back_to_his_course(action):
    scene = make_scene({"actions": [(0, action)]}, objects=[BUILDING])
    seen = walk(scene, 40.0 if action == "walk" else 12.0)
    world = build_world(scene)
    length, width = world[Body].size[1, :2]
    around = blocks((20, 1, 0, length, width, 0))
    assert around.distance(seen.position[:, 0, :2]).min() > RADIUS
    assert seen.position[-1, 0, 0] > 20 + length / 2
    assert abs(seen.position[-1, 0, 1]) < 0.3
    assert np.abs(np.diff(seen.speed[:, 0])).max() < 0.2
    assert seen.speed[60:].min() > 0.4 * seen.speed.max()


@pytest.mark.parametrize(
    "way", [[(0, at(0, 0)), (10, at(10, 0))], [(0, at(10, 0)), (10, at(0, 0))]]
)
def test_a_path_through_a_ring_of_chairs_takes_the_gap(way):
    chairs = [{"object_type": "chair", "position": at(x, y), "heading": a} for x, y, a in ring(2)]
    scene = make_scene({"movement_path": way, "actions": [(0, "walk")]}, objects=chairs)
    seen = walk(scene, 35.0)
    world = build_world(scene)
    side = world[Body].size[1, 0]
    around = blocks(*[(*chair, side, side, 0) for chair in ring(2)])
    assert around.distance(seen.position[:, 0, :2]).min() > RADIUS
    goal = way[-1][1]
    np.testing.assert_allclose(seen.position[-1, 0, :2], [goal["x"], goal["y"]], atol=0.02)
    assert seen.off_path[:, 0].any()
    assert not seen.off_path[-1, 0]
    assert seen.speed.max() <= 1.2 * 1.3 + 0.01


def test_two_people_head_on_pass_on_the_right():
    scene = make_scene(
        {"actions": [(0, "walk")]},
        {"actions": [(0, "walk")], "initial_position": at(10, 0), "heading": math.pi},
    )
    seen = walk(scene, 9.0)
    assert seen.nearest() > 0.4
    assert seen.position[:, 0, 1].min() < -0.1
    assert seen.position[:, 1, 1].max() > 0.1
    np.testing.assert_allclose(seen.position[-1, :, 1], 0.0, atol=0.05)


def test_side_by_side_nobody_swerves():
    scene = make_scene(
        *[{"actions": [(0, "walk")], "initial_position": at(0, 0.5 * i)} for i in range(3)]
    )
    seen = walk(scene, 6.0)
    assert np.abs(seen.position[:, :, 1] - [0.0, 0.5, 1.0]).max() < 1e-9


def test_a_crowd_of_thirty_crosses_without_collision():
    rng = np.random.default_rng(0)
    cast = []
    for i in range(30):
        side = -1 if i % 2 else 1
        spot = at(side * 8 + rng.uniform(-3, 3), rng.uniform(-4, 4))
        cast.append(
            {"initial_position": spot, "heading": math.pi * (side > 0), "actions": [(0, "walk")]}
        )
    seen = walk(make_scene(*cast), 18.0)
    # Two actors' hard cores touch at 0.26 m; a graze between 0.2 and that is shouldered apart.
    assert seen.nearest() > 0.2
    forward = (seen.position[-1, :, 0] - seen.position[0, :, 0]) * [
        1 if i % 2 else -1 for i in range(30)
    ]
    assert forward.min() > 0.8 * 1.3 * 17.0
    assert np.hypot(*np.moveaxis(np.diff(seen.velocity, axis=0), -1, 0)).max() < 0.25


def test_sidesteps_do_not_depend_on_who_comes_first():
    rng = np.random.default_rng(2)
    position, velocity = rng.uniform(-4, 4, (2, 20, 2))
    radius, target = np.full(20, 0.2), np.full(20, -1)
    forth = sidesteps(position, velocity, radius, target)
    back = sidesteps(position[::-1], velocity[::-1], radius, target)[::-1]
    np.testing.assert_allclose(forth, back, atol=1e-9)
    assert np.abs(forth).max() > 0.1


def test_nobody_avoids_whom_he_is_aimed_at():
    position, velocity = np.array([[0.0, 0], [2, 0]]), np.array([[1.3, 0], [0.0, 0]])
    radius = np.full(2, 0.2)
    assert np.abs(sidesteps(position, velocity, radius, np.array([-1, -1]))).max() > 0.1
    assert not sidesteps(position, velocity, radius, np.array([1, -1])).any()


def test_a_chair_pushed_into_the_way_is_gone_round():
    scene = make_scene(
        {"actions": [(0, "walk")]}, objects=[{"object_type": "chair", "position": at(6, 5)}]
    )

    def put(world):
        if world.tick == 90:
            world[Transform].position[1, :2] = 6.0, 0.0

    seen = walk(scene, 9.0, put)
    after = seen.position[91:, 0, :2]
    assert blocks((6, 0, 0, 0.44, 0.44, 0)).distance(after).min() > RADIUS
    assert seen.position[-1, 0, 0] > 8.0
