"""The motion model that comes with the package: what it is, what it is for, and that it holds."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from entities.actions import ACTIONS, ActionType
from entities.skeleton import JOINTS, ActorType
from entities.units import DT
from ml.measure.metrics import bone_deviation, skating_ratio, speed_error
from ml.motion.runtime import MotionModel
from sim import parse_prompt, simulate
from sim.evaluate import rollouts
from sim.evaluate.trials import motion_of
from tests.conftest import SHIPPED, make_scene

README_PROMPT = "a man runs from home plate to first base while the crowd waits"
GAITS = (ActionType.WALK, ActionType.JOG, ActionType.RUN, ActionType.SPRINT)


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return MotionModel(SHIPPED)


def test_what_the_file_says_of_itself(model) -> None:
    config = json.loads(model.about["config"])
    assert (config["width"], config["layers"], config["heads"]) == (384, 6, 8)
    assert SHIPPED.stat().st_size < 15e6
    assert model.about["joints"] == ",".join(JOINTS)
    assert model.about["data"]
    proto = onnx.load(SHIPPED)
    learned = sum(
        int(np.prod(tensor.dims))
        for tensor in proto.graph.initializer
        if "scale" not in tensor.name and "zero_point" not in tensor.name
    )
    assert 11.0e6 < learned < 11.3e6
    assert not model.actions or set(GAITS) <= model.actions


def test_nothing_asked_is_the_model(shipped) -> None:
    """The README's scene: the runner is the model's from his start to the base, 27.43 m off."""
    scene = parse_prompt(README_PROMPT, seed=1)
    trace = simulate(scene)
    assert trace.model_hash == MotionModel(shipped).hash
    runs = trace.action[:, 0] == ACTIONS.index(ActionType.RUNNING_BASES)
    runs |= trace.action[:, 0] == ACTIONS.index(ActionType.RUN)
    assert runs.sum() > 3.0 / DT
    assert trace.source[runs, 0].mean() > 0.95
    plain = simulate(scene, motion="procedural")
    assert trace.root[-1, 0] == pytest.approx(plain.root[-1, 0], abs=0.15)
    one = motion_of(trace, 0, scene.actors[0].scale, ActorType.HUMAN, None)
    assert bone_deviation(one) < 0.005


@pytest.mark.slow
def test_speeds_are_kept_without_sliding(model) -> None:
    for speed, one in rollouts.steady(model, seconds=6.0).items():
        assert speed_error(one) < 0.03, speed
        assert skating_ratio(one) <= 0.03, speed
        # It walks and runs as the animator does, or near: nobody glides in a mean pose.
        swing = np.ptp(one.feet[:, 0, 2])
        assert swing > 0.05, speed


@pytest.mark.slow
def test_a_stream_left_alone_neither_drifts_nor_collapses(model) -> None:
    start = rollouts.steady_frames(rollouts.SPEEDS, model.history)
    for speed, free in zip(
        rollouts.SPEEDS, rollouts.free_streams(model, rollouts.SPEEDS, 60.0, start), strict=True
    ):
        assert np.isfinite(free.states).all()
        assert free.speed == pytest.approx(speed, rel=0.03)
        early, late = free.states[:300, :20].std(axis=0), free.states[-300:, :20].std(axis=0)
        assert late.mean() == pytest.approx(early.mean(), rel=0.3), speed


@pytest.mark.slow
def test_routes_and_responses(model) -> None:
    errors = rollouts.path_errors(model)
    assert errors["circle"][1] < 0.05
    assert errors["diamond"][1] < 0.08
    for first, then in (("walk", "run"), ("run", "walk"), ("run", "idle")):
        assert rollouts.response(model, first, then).latest <= 0.25


@pytest.mark.slow
def test_the_position_head_moves_the_body(model) -> None:
    whole, headless = rollouts.distance_without_head(model)
    assert headless < 0.5 * whole
    assert rollouts.learned_share(model) >= 0.95


def test_a_seed_is_a_take(model) -> None:
    def run(seed: int) -> np.ndarray:
        scene = make_scene({"actions": [[0.0, "walk"], [1.5, "run"]]}, seed=seed)
        return simulate(scene, 3.0, motion="learned", model=model).pose[:, 0]

    assert np.array_equal(run(3), run(3))
    assert np.abs(run(3) - run(4)).max() > 0.02


def test_it_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from sim import parse_prompt, simulate\n"
        "trace = simulate(parse_prompt('a man walks to the tree'), 2.0, motion='learned')\n"
        "assert trace.source[1:].all(); print(trace.model_hash)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == MotionModel(SHIPPED).hash
