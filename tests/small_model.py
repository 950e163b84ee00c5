"""``python -m tests.small_model FILE.onnx``: the small model that tests run with.

It knows people who stand, walk, jog, run and sprint, straight on, round bends and with stops: half
a million parameters, taught by the same code as the real one in a few minutes. (The file there is
now came from a draft of this recipe: the same kinds of scenes, 3.2 hours of them.)
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from entities.actions import ActionType
from ml.episodes.writer import EpisodeWriter
from ml.motion.corpus import read_corpus
from ml.motion.model import MotionConfig
from sim.loop import Simulation
from sim.output.recorder import Take
from tests.conftest import at, make_scene

SHAPE = MotionConfig(width=96, layers=3, heads=4, dropout=0.0)
APART_M = 80.0
GAITS = (
    ActionType.IDLE,
    ActionType.WALK,
    ActionType.JOG,
    ActionType.RUN,
    ActionType.SPRINT,
    ActionType.RUNNING_BASES,
)


def gait_of(speed: float) -> str:
    """The action of a speed, m/s."""
    return "walk" if speed < 2.0 else "jog" if speed < 4.0 else "run" if speed < 6.5 else "sprint"


def people(seed: int, seconds: float = 10.0):
    """A scene of eight: at a steady speed, by turns, or along a path with bends."""
    rng = np.random.default_rng(seed)
    actors = []
    for k in range(8):
        x, y, heading = 0.0, APART_M * k, float(rng.uniform(-3.0, 3.0))
        actor = {"initial_position": at(x, y), "heading": heading}
        speed = float(rng.uniform(0.7, 8.5))
        if k % 3 == 0:
            actor["velocity"] = [speed * np.cos(heading), speed * np.sin(heading)]
            actor["actions"] = [[0.0, gait_of(speed)]]
        elif k % 3 == 1:
            times = np.cumsum(rng.uniform(1.5, 4.0, 5))
            gaits = rng.choice(["idle", "walk", "jog", "run", "sprint"], 5)
            actor["actions"] = [
                [float(t - times[0]), str(g)] for t, g in zip(times, gaits, strict=True)
            ]
        else:
            speed, t = min(speed, 6.0), 0.0
            knots = [[0.0, at(x, y)]]
            for leg in range(5):
                far = float(rng.uniform(2.0, 9.0))
                heading += float(rng.uniform(-1.0, 1.0))
                x, y = x + far * np.cos(heading), y + far * np.sin(heading)
                t += far / speed + (1.2 if leg == 0 else 0.1)
                knots.append([t, at(float(x), float(y))])
            actor |= {"movement_path": knots, "actions": [[0.0, gait_of(speed)]]}
        actors.append(actor)
    return make_scene(*actors, duration=seconds, seed=seed)


def record(path: Path, seeds: range, split: str, scene=people, **changes) -> None:
    """Add the scenes of ``seeds`` to a dataset; ``changes`` go into their episodes."""
    with EpisodeWriter(path) as writer:
        for seed in seeds:
            try:
                take = Take(Simulation(scene(seed), motion="procedural"))
            except ValueError:  # a path nobody can run
                continue
            take.run_until(round(take.record("complete").scene.duration * 60))
            episodes = [replace(one, split=split, **changes) for one in take.episodes()]
            writer.add(take.record("complete"), episodes)


def main(
    out: Path,
    scenes: Annotated[int, typer.Option()] = 120,
    steps: Annotated[int, typer.Option()] = 4000,
) -> None:
    """Record, train and export it."""
    from ml.export import export
    from ml.train import PRESETS, train

    config = replace(
        PRESETS["cpu-2h"], batch=64, steps=steps, rate=2e-3, warm_up=100, average=0.995,
        check_windows=256,
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        data, run = Path(folder) / "data", Path(folder) / "run"
        record(data, range(scenes), "train")
        record(data, range(10_000, 10_005), "val")
        train(read_corpus(data, "train"), read_corpus(data, "val"), run, config, SHAPE)
        print(export(run / "best.safetensors", out, int8=True, actions=GAITS))


if __name__ == "__main__":
    typer.run(main)
