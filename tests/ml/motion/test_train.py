"""From recorded people to a model that moves others: the commands a user runs, on a small slice."""

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("safetensors")

from ml.episodes.reader import TrainingUse  # noqa: E402
from ml.measure.metrics import speed_error  # noqa: E402
from ml.motion.corpus import Corpus, read_corpus  # noqa: E402
from ml.motion.model import MotionConfig  # noqa: E402
from ml.train import MEAN, PRESETS, STATE, train_from_scratch  # noqa: E402
from sim import simulate  # noqa: E402
from sim.evaluate.trials import motions_of  # noqa: E402
from tests import small_model  # noqa: E402
from tests.conftest import at, make_scene  # noqa: E402

ROOT = Path(__file__).parents[3]
SMALL = MotionConfig(width=64, layers=2, heads=4, dropout=0.0)


def walkers(seed: int):
    """Eight who walk, at steady speeds or from rest."""
    rng = np.random.default_rng(seed)
    actors = []
    for k in range(8):
        actor = {"initial_position": at(0, 30 * k), "actions": [[0.0, "walk"]]}
        if k % 2:
            actor["velocity"] = [float(rng.uniform(1.0, 2.0)), 0.0]
        actors.append({**actor, "caption": "a person walks"})
    return make_scene(*actors, duration=8.0, seed=seed)


record = partial(small_model.record, scene=walkers)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "people"
    record(path, range(3), "train")
    record(path, range(9, 10), "val")
    return path


@pytest.mark.slow
def test_a_dataset_as_a_corpus(dataset, tmp_path) -> None:
    corpus = read_corpus(dataset, "train")
    assert len(corpus) == 3 * 8 * 240
    assert corpus.texts[:2] == ["", "walks"]
    assert set(corpus.clause) == {1}
    assert np.linalg.norm(corpus.vectors[1]) == pytest.approx(1.0, abs=1e-5)
    assert not corpus.vectors[0].any()
    assert corpus.root_valid.all()
    assert len(read_corpus(dataset, "val")) == 8 * 240
    with pytest.raises(ValueError, match="no episode of split 'test'"):
        read_corpus(dataset, "test")
    record(tmp_path / "spot", range(1), "train", teaches=TrainingUse.POSE.value)
    assert not read_corpus(tmp_path / "spot", "train").root_valid.any()
    record(tmp_path / "none", range(1), "train", teaches=TrainingUse.NOTHING.value)
    with pytest.raises(ValueError, match="no episode of split 'train'"):
        read_corpus(tmp_path / "none", "train")
    record(tmp_path / "dogs", range(1), "train", actor_type="dog")
    with pytest.raises(ValueError, match="no episode of split 'train'"):
        read_corpus(tmp_path / "dogs", "train")
    both = Corpus.join([corpus, read_corpus(dataset, "val")])
    assert len(both) == 4 * 8 * 240
    assert (both.end[corpus.end[-1] :] > len(corpus)).all()


def curve(folder: Path, name: str = "loss") -> list[float]:
    with (folder / "curve.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def last_check(folder: Path, name: str) -> float:
    with (folder / "curve.csv").open() as file:
        return float([row[name] for row in csv.DictReader(file) if row[name]][-1])


@pytest.mark.slow
def test_a_model_from_nothing_moves_people(dataset, tmp_path) -> None:
    """Two minutes at most: record, train, export, run."""
    from ml.export import export

    learn, held_out = read_corpus(dataset, "train"), read_corpus(dataset, "val")
    config = replace(
        PRESETS["cpu-2h"], batch=32, steps=200, rate=2e-3, mean_rate=3e-3, warm_up=30,
        average=0.98, check_every=100, check_windows=64,
    )  # fmt: skip
    learn_all = partial(train_from_scratch, learn, held_out, tmp_path, config, SMALL, quiet=True)
    assert learn_all(max_minutes=0.0)["step"] == 1  # goes on from there
    assert not (tmp_path / STATE).exists()
    found = learn_all(max_minutes=2.0)
    losses = curve(tmp_path / MEAN)
    assert np.mean(losses[-20:]) < 0.3 * np.mean(losses[:20])
    for folder in (tmp_path / MEAN, tmp_path):
        assert curve(folder, "step") == list(range(1, 201))
    assert np.mean(curve(tmp_path)[-20:]) < np.mean(curve(tmp_path)[:20])
    assert found["root_m"] < 0.1
    # The mean has one take of everything; what began with it makes others by other noise.
    spread = [last_check(folder, "spread_m") for folder in (tmp_path / MEAN, tmp_path)]
    assert spread[0] == 0.0
    assert spread[1] > 0.005
    export(tmp_path / "best.safetensors", tmp_path / "m.onnx")
    scene = make_scene({"velocity": [1.4, 0.0], "actions": [[0.0, "walk"]]}, duration=6.0)
    trace = simulate(scene, motion="learned", model=tmp_path / "m.onnx")
    assert trace.source[1:].all()
    assert speed_error(motions_of(scene, trace)[0].between(2.0, 6.0)) < 0.03


@pytest.mark.slow
def test_the_command_goes_on_after_a_kill(dataset, tmp_path) -> None:
    out = tmp_path / "run"
    line = [sys.executable, "-m", "ml.train", str(dataset), "--out", str(out)]
    line += ["--steps", "100000", "--batch", "2", "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*line, "--max-minutes", "0.02"], cwd=ROOT, env=environment)
    assert process.wait(timeout=120) == 0
    done = len(curve(out / MEAN))
    assert done >= 1
    process = subprocess.Popen(line, cwd=ROOT, env=environment, start_new_session=True)
    time.sleep(10.0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = curve(out / MEAN)
    subprocess.run([*line, "--max-minutes", "0.0"], cwd=ROOT, env=environment, check=True)
    assert curve(out / MEAN)[: len(before)] == before
    assert len(curve(out / MEAN)) == len(before) + 1
    refused = subprocess.run(
        [*line, "--seed", "3"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "of another run" in refused.stderr
