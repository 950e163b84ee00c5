"""Random scenes never break the simulator; scenes beyond the limits never reach it."""

import numpy as np
import pytest
from pydantic import ValidationError

from entities.actions import ActionType
from entities.objects import ObjectType
from entities.scene import Scene, explain
from entities.skeleton import ActorType
from sim import simulate

ACTIONS = [action.value for action in ActionType]
OBJECTS = [kind.value for kind in ObjectType]


def random_scene(rng: np.random.Generator, n_actors: int, n_objects: int, duration: float) -> Scene:
    spread = 3.0 + 2.0 * np.sqrt(n_actors + n_objects)

    def place() -> dict:
        return {"x": float(rng.normal(0, spread)), "y": float(rng.normal(0, spread))}

    def path(start: dict) -> list:
        t, x, y, knots = 0.0, start["x"], start["y"], [[0.0, start]]
        for _ in range(rng.integers(1, 5)):
            leg, turn = float(rng.uniform(1.5, 4.0)), float(rng.uniform(-np.pi, np.pi))
            t, far = t + leg, leg * float(rng.uniform(0.0, 3.0))
            x, y = x + far * np.cos(turn), y + far * np.sin(turn)
            knots.append([t, {"x": x, "y": y}])
        return knots

    actors, objects = [], []
    for i in range(n_actors):
        start = place()
        times = np.sort(rng.uniform(0, duration, rng.integers(0, 5)))
        actor = {
            "id": f"a{i}",
            "initial_position": start,
            "heading": float(rng.uniform(-7, 7)),
            "actor_type": str(rng.choice(list(ActorType))),
            "actions": [[float(t), str(rng.choice(ACTIONS))] for t in times],
            "scale": float(rng.uniform(0.3, 3.0)),
        }
        kind = rng.integers(4)
        if kind == 0:
            actor["movement_path"] = path(start)
        elif kind == 1:
            actor["velocity"] = [float(v) for v in rng.uniform(-6, 6, 2)]
        actors.append(actor)
    for i in range(n_objects):
        thing = {
            "id": f"o{i}",
            "object_type": str(rng.choice(OBJECTS)),
            "position": place(),
            "heading": float(rng.uniform(-7, 7)),
            "scale": float(rng.uniform(0.3, 2.0)),
        }
        kind = rng.integers(6)
        if kind == 0:
            thing["velocity"] = [float(v) for v in rng.uniform(-20, 20, 2)]
        elif kind == 1:
            thing["movement_path"] = path(thing["position"])
        elif kind == 2 and actors:
            thing["held_by"] = f"a{rng.integers(n_actors)}"
        objects.append(thing)
    return Scene.model_validate(
        {
            "actors": actors,
            "objects": objects,
            "duration": duration,
            "seed": int(rng.integers(2**31)),
            "gravity": float(rng.choice([9.81, 1.62, 0.0, 25.0])),
        }
    )


def check(scene: Scene) -> None:
    trace = simulate(scene)
    overlay = trace.overlay
    for array in (trace.root, trace.heading, trace.pose, overlay.lateral, trace.object_position):
        assert np.isfinite(array).all()


def run_random(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n_actors = int(np.exp(rng.uniform(0, np.log(50))))
        check(random_scene(rng, n_actors, int(rng.integers(0, 12)), 2.0))


@pytest.mark.slow
def test_random_scenes_stay_finite():
    run_random(12, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_random_scenes_stay_finite():
    run_random(1_000, seed=2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_scenes_at_the_limits_stay_finite():
    rng = np.random.default_rng(3)
    for n_actors, n_objects in [(1000, 0), (0, 1000), (1000, 1000), (500, 500), (1, 1000)] * 2:
        check(random_scene(rng, n_actors, n_objects, 2.0))


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
    rng = np.random.default_rng(0)
    scene = random_scene(rng, 1, 1, 2.0).model_dump(mode="json")
    for name, value in change.items():
        if name == "x":
            scene["actors"][0]["initial_position"]["x"] = value
        elif name in ("actors", "objects"):
            scene[name] = [{**scene[name][0], "id": f"{name}{i}"} for i in range(value)]
        else:
            scene[name] = value
    with pytest.raises(ValidationError) as error:
        Scene.model_validate(scene)
    assert explain(error.value).startswith(field)
