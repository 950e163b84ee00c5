"""Contact sheets: moments of runs side by side in one picture, or runs one above the other in a
film.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pygame

from entities.atomic_write import whole
from entities.files import media_url
from entities.units import DT
from sim.camera.director import Director
from sim.loop import Simulation
from sim.render.renderer import Renderer

GAP_PX = 4
FILM_FPS = 30
PAPER = (250, 250, 248)
INK = (40, 44, 52)


def shots(
    simulation: Simulation, times: Sequence[float], size: tuple[int, int]
) -> Iterator[pygame.Surface]:
    """A run's picture at each of the times from now (s, increasing), as its camera sees it."""
    director = Director(simulation.cast, simulation.scene.camera, size)
    renderer = Renderer(simulation.cast, size)
    wanted = [round(t / DT) for t in times]
    shown = 0
    for tick, frame in enumerate(simulation.frames(wanted[-1])):
        camera = director.update(frame, DT if tick else 0.0)
        while shown < len(wanted) and wanted[shown] == tick:
            picture = pygame.Surface(size)
            renderer.draw(picture, frame, camera)
            yield picture
            shown += 1


def sheet(
    pictures: Sequence[pygame.Surface], labels: Sequence[str], columns: int
) -> pygame.Surface:
    """Pictures of one size in rows of ``columns``, each with a label under it."""
    pygame.font.init()
    font = pygame.font.Font(None, 22)
    width, height = pictures[0].get_size()
    tall = height + font.get_height() + 2 * GAP_PX
    rows = -(-len(pictures) // columns)
    paper = pygame.Surface((columns * (width + GAP_PX) + GAP_PX, rows * tall + GAP_PX))
    paper.fill(PAPER)
    for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = GAP_PX + i % columns * (width + GAP_PX), GAP_PX + i // columns * tall
        paper.blit(picture, (x, y))
        label = re.sub(r"[\x00-\x1f\x7f]", " ", label)  # of a film made before they were refused
        paper.blit(font.render(label, True, INK), (x + 2, y + height + GAP_PX))
    return paper


def comparison_sheet(
    runs: Sequence[tuple[str, Simulation]], times: Sequence[float], size: tuple[int, int]
) -> pygame.Surface:
    """Moments of named runs: a row for each run."""
    pictures = [picture for _, run in runs for picture in shots(run, times, size)]
    labels = [f"{name}, {t:.2f} s" for name, _ in runs for t in times]
    return sheet(pictures, labels, len(times))


def write_comparison_film(
    runs: Sequence[tuple[str, Simulation]],
    start: float,
    end: float,
    size: tuple[int, int],
    path: Path,
) -> None:
    """An mp4 of named runs from ``start`` to ``end`` s, one above the other."""
    times = np.arange(start, end, 1.0 / FILM_FPS).tolist()
    names = [name for name, _ in runs]
    rows = zip(*(shots(run, times, size) for _, run in runs), strict=True)
    _write_film((sheet(row, names, 1) for row in rows), path)


def _write_film(pictures: Iterable[pygame.Surface], path: Path) -> None:
    """An mp4 of pictures of one size. Raises OSError, and then leaves the film that was there."""
    with whole(path) as part, av.open(media_url(part), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FILM_FPS)
        stream.pix_fmt = "yuv420p"
        for k, picture in enumerate(pictures):
            width, height = (side // 2 * 2 for side in picture.get_size())
            if k == 0:
                stream.width, stream.height = width, height
            pixels = pygame.surfarray.array3d(picture).swapaxes(0, 1)[:height, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
