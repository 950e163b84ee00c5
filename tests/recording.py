"""Records short runs into a dataset, one after the other, until it is killed.

``python -m tests.recording DIR``: run n has seed n and its number is printed once it is committed.
"""

import sys
from pathlib import Path

from entities.units import DT
from ml.episodes.reader import open_dataset
from sim.loop import Simulation
from sim.output.recorder import Recorder
from tests.conftest import make_scene


def main(path: Path) -> None:
    recorder = Recorder(path)
    number = open_dataset(path).n_scenes
    while True:
        scene = make_scene({"actions": [[0.0, "run"]]}, {"actions": [[0.0, "wave"]]}, seed=number)
        simulation = recorder.watch(lambda scene=scene: Simulation(scene))
        for _ in simulation.blocks(round(0.5 / DT)):
            pass
        recorder.stop("complete", until=round(0.5 / DT))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
