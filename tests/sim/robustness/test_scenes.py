"""Random scenes never break the simulator; scenes beyond the limits never reach it."""

import numpy as np
import pytest
from pydantic import ValidationError

from entities.scene import Scene, explain
from sim import simulate
from sim.robustness.scenes import WAYS, attempt, broken_scene, digest, random_scene


def test_a_seed_gives_the_same_scene_and_another_one_another():
    first, again, other = (
        random_scene(np.random.default_rng(seed), 3, 4, 1.0) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def refusal(content: dict) -> str | None:
    """Why a scene is refused, in a line; None if it is not."""
    try:
        Scene.model_validate(content)
    except ValidationError as error:
        return explain(error)
    return None


def test_most_random_scenes_are_valid_and_most_broken_ones_are_refused():
    draw = np.random.default_rng(3)
    refused = {False: 0, True: 0}
    for k in range(60):
        content = random_scene(draw, 3, 3, 1.0, WAYS[k % len(WAYS)])
        for broken in refused:
            given = broken_scene(draw, content) if broken else content
            refused[broken] += refusal(given) is not None
    assert refused[False] == 0
    assert refused[True] > 20


def test_some_seeds_as_the_campaign_tries_them(tmp_path):
    for seed in (1, 2, 151):  # 151: two bodies meet at several walls of a goal
        assert attempt(seed, tmp_path).failures == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_scenes_at_the_limits_stay_finite():
    draw = np.random.default_rng(3)
    for n_actors, n_objects in [(1000, 0), (0, 1000), (1000, 1000), (1, 1000)]:
        scene = random_scene(draw, n_actors, n_objects, 1.0)
        for thing in scene["objects"]:  # 1,000 of them in motion are for another day
            thing.pop("movement_path", None)
        digest(simulate(Scene.model_validate(scene), motion="procedural"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"actors": 1001}, "actors: "),
        ({"objects": 1001}, "objects: "),
        ({"duration": 3601.0}, "duration: "),
        ({"version": 9}, "version: "),
        ({"x": float("nan")}, "actors[0].initial_position.x: "),
        ({"x": float("inf")}, "actors[0].initial_position.x: "),
    ],
)
def test_scenes_beyond_the_limits_are_refused_by_field(change, field):
    scene = random_scene(np.random.default_rng(0), 1, 1, 2.0)
    for name, value in change.items():
        if name == "x":
            scene["actors"][0]["initial_position"]["x"] = value
        elif name in ("actors", "objects"):
            scene[name] = [{**scene[name][0], "id": f"{name}{i}"} for i in range(value)]
        else:
            scene[name] = value
    line = refusal(scene)
    assert line.startswith(field)
    assert len(line.splitlines()) == 1
