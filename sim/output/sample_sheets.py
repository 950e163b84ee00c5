"""Episodes as pictures: a sheet of each, moments side by side, as the camera sees them."""

from pathlib import Path

import numpy as np
import pygame

from entities.units import DT
from ml.episodes.layout import FPS
from ml.episodes.reader import EpisodeDataset
from sim.evaluate.dataset_figures import WORST, Sample, worst
from sim.output.replay import Recording
from tools.contact_sheet import sheet, shots

MOMENTS = 6
ROWS = 8
SIZE_PX = (320, 180)


def write_sheets(folder: Path, dataset: EpisodeDataset, samples: list[Sample], each: int) -> None:
    """``worst-1.png`` … of the worst samples by every figure, ``spread-1.png`` … of any samples.

    Raises OSError if they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bad = [
        (sample.index, f"{WORST[name][0]} {getattr(sample, name):.{WORST[name][1]}}")
        for name, sample in worst(samples, each)
    ]
    even = np.unique(np.linspace(0, len(samples) - 1, 2 * ROWS).round().astype(int))
    some = [(samples[i].index, "") for i in even.tolist()]
    for kind, rows in (("worst", bad), ("spread", some)):
        for old in folder.glob(f"{kind}-[0-9]*.png"):
            old.unlink()
        for number, first in enumerate(range(0, len(rows), ROWS), start=1):
            pictures, labels = [], []
            for index, words in rows[first : first + ROWS]:
                of, times = _moments(dataset, index)
                pictures += of
                task = samples[index].task
                labels += [f"#{index} {words or task}"[:44], task[:44] if words else ""]
                labels += [f"{t:.2f} s" for t in times[2:]]
            pygame.image.save(sheet(pictures, labels, MOMENTS), folder / f"{kind}-{number}.png")


def _moments(dataset: EpisodeDataset, index: int) -> tuple[list[pygame.Surface], list[float]]:
    recording = Recording(dataset.root, index)
    last = (round(recording.scene.duration * FPS) - 1) / FPS
    times = [round(t / DT) * DT for t in np.linspace(0.0, last, MOMENTS)]
    run = recording.run(recording.scene.camera)
    return list(shots(run, times, SIZE_PX)), times
