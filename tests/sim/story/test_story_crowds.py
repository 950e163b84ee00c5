"""Crowds: everybody has room, in linear time, and those who do the same go in step."""

from collections import Counter
from math import floor, hypot

import numpy as np
import pytest

from entities.components import Route
from entities.objects import ObjectType
from sim.build import build_world
from sim.navigation.path import Path
from sim.story import parse_prompt
from sim.story.language.lexicon import themes
from sim.story.staging.scenery import Stage
from sim.story.staging.starts import HEAP, LANE_M, QUEUE, Starts


def behind_by_search(taken: list[tuple[float, float]], at: tuple[float, float]):
    """The first spot behind ``at`` where nobody starts, by looking at everybody."""
    x, y = at
    while any(hypot(x - a, y - b) < LANE_M for a, b in taken):
        y += LANE_M
    return x, y


def test_the_next_free_spot_is_that_of_a_search():
    draw, starts, spots = np.random.default_rng(4), Starts(), {}
    for k in range(400):
        player = int(draw.integers(60))  # some are put anew
        if draw.random() < 0.5:
            spot = tuple(draw.uniform(-8.0, 8.0, 2).tolist())
        else:
            at = (float(draw.integers(3)), 0.0)
            spot = starts.behind(at)
            assert spot == behind_by_search(list(spots.values()), at), k
        spots[player] = starts.put(player, spot)


def test_a_long_queue_becomes_a_block():
    starts = Starts()
    spots = [starts.put(k, starts.behind((1.0, 2.0))) for k in range(500)]
    assert len(set(spots)) == 500
    assert min(y for _, y in spots) == 2.0
    assert max(y for _, y in spots) <= 2.0 + LANE_M * QUEUE
    assert starts.taken(spots[77])
    assert not starts.taken((1.0, 1.0))


def test_there_is_no_heap():
    starts = Starts()
    spots = Counter(starts.put(k, (0.0, 0.0)) for k in range(300))
    assert spots[0.0, 0.0] == HEAP
    assert len(spots) == 300 - HEAP + 1


def test_objects_keep_clear_of_each_other_as_by_a_search():
    draw = np.random.default_rng(2)
    stage = Stage(themes().themes["generic"], draw)
    placed = []
    for _ in range(80):
        kind = (ObjectType.TREE, ObjectType.HOUSE, ObjectType.BENCH)[int(draw.integers(3))]
        item = stage.make(kind)[0]
        x, y = draw.uniform(-12.0, 12.0, 2).tolist()
        stage.put(item, x, y)
        for _ in range(40):
            gaps = (hypot(x - o.spot[0], y - o.spot[1]) - item.reach - o.reach for o in placed)
            if all(gap >= 0.2 for gap in gaps):
                break
            y += 0.5
        assert item.spot == (x, y)
        placed.append(item)


@pytest.mark.parametrize(
    "prompt", ["1000 people under a tree", "1000 pitchers wave", "50 men kick 500 balls"]
)
def test_nobody_and_nothing_starts_in_a_heap(prompt):
    scene = parse_prompt(prompt)
    free = [o for o in scene.objects if o.held_by is None]
    for points in ([a.initial_position for a in scene.actors], [o.position for o in free]):
        cells = Counter((floor(p.x / 0.5), floor(p.y / 0.5)) for p in points)
        assert max(cells.values(), default=0) <= 2 * HEAP


def test_a_crowd_goes_in_step():
    scene = parse_prompt("200 people run to the tree")
    shapes = {
        tuple((t, round(p.x - a.movement_path[0][1].x, 6), round(p.y - a.movement_path[0][1].y, 6))
              for t, p in a.movement_path)
        for a in scene.actors
    }  # fmt: skip
    assert len(shapes) < 4


def test_paths_of_one_shape_are_as_if_each_had_been_made():
    scene = parse_prompt("150 people run round the tree")
    world = build_world(scene)
    times = np.linspace(0.0, 12.0, 50)
    for row in (1, 70, 149):
        knots = [(t, p.x, p.y, p.z) for t, p in scene.actors[row].movement_path]
        own = Path.through(knots, "here")
        assert np.abs(own.at(times) - world[Route].path[row].at(times)).max() < 1e-6


def test_ids_are_numbered_without_gaps():
    scene = parse_prompt("a man, 300 men and a dog run. another man waves to 20 men")
    ids = [actor.id for actor in scene.actors]
    assert len(set(ids)) == len(ids)
    assert {f"man_{k}" for k in range(1, 301)} <= set(ids)
