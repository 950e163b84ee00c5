"""Sheets of episodes: moments of each side by side, as its scene's camera sees them."""

from pathlib import Path

import numpy as np
import pygame

from entities.units import DT
from ml.episodes.layout import FPS
from ml.episodes.reader import EpisodeDataset
from sim.inspect.figures import WORST, Sample, worst
from sim.output.replay import Recording
from sim.output.sheets import sheet, shots

MOMENTS = 6
"""Pictures of an episode."""
ROWS = 8
"""Episodes on a sheet."""
SIZE_PX = (320, 180)


def write_sheets(
    folder: Path, dataset: EpisodeDataset, samples: list[Sample], each: int
) -> list[str]:
    """Write ``worst-1.png`` … of the worst samples, ``spread-1.png`` … of evenly chosen ones.

    samples: of the episodes that can be read, in order. each: worst samples for each figure. Gives
    a line for each of the chosen that cannot be shown, because its scene is damaged.

    Raises OSError if they cannot be written.
    """
    damage: list[str] = []
    task_of = {sample.index: sample.task for sample in samples}
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
                try:
                    shown, times = _moments(dataset, index)
                except ValueError as error:  # also of a scene that cannot be played
                    damage.append(f"episode {index}: {error}")
                    continue
                pictures += shown
                task = task_of[index]
                labels += [f"#{index} {words or task}"[:44], task[:44] if words else ""]
                labels += [f"{t:.2f} s" for t in times[2:]]
            if pictures:
                pygame.image.save(sheet(pictures, labels, MOMENTS), folder / f"{kind}-{number}.png")
    return damage


def _moments(dataset: EpisodeDataset, index: int) -> tuple[list[pygame.Surface], list[float]]:
    recording = Recording(dataset, index)
    last = (round(recording.scene.duration * FPS) - 1) / FPS
    times = [round(t / DT) * DT for t in np.linspace(0.0, last, MOMENTS)]
    run = recording.run(recording.scene.camera)
    return list(shots(run, times, SIZE_PX)), times
