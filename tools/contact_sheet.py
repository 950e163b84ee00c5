"""``python -m tools.contact_sheet``: frames of a scene side by side in one PNG, to be looked at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pygame
import typer

from entities.scene import CameraMode
from entities.units import DT
from sim import parse_prompt
from sim.director import Director
from sim.loop import Simulation
from sim.render import Renderer

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)
GAP_PX = 4
PAPER = (250, 250, 248)
INK = (40, 44, 52)

SETS = {
    "baseball": "a man runs from home plate to first base",
    "street": "a woman walks down the street past a parked car",
    "park": "a boy runs through the park to the bench",
    "space": "an astronaut walks on the moon to the spaceship",
    "generic": "a man sprints to the right",
    "soccer": "a player dribbles the ball on the soccer pitch",
    "basketball": "a player dribbles on the basketball court",
    "track": "a sprinter sprints on the running track",
    "beach": "a woman jogs along the beach",
    "room": "a man walks in the living room to the table",
    "dojo": "two men fight in the dojo",
    "stage": "a dancer dances on the theatre stage",
    "city": "a man walks through the city at night",
}


def shots(
    simulation: Simulation, times: Sequence[float], size: tuple[int, int]
) -> list[pygame.Surface]:
    """A run's picture at each of the times from now (s, increasing), as its camera sees it."""
    director = Director(simulation.cast, simulation.scene.camera, size)
    renderer = Renderer(simulation.cast, size)
    wanted = [round(t / DT) for t in times]
    pictures = []
    for tick, frame in enumerate(simulation.frames(wanted[-1])):
        camera = director.update(frame, DT if tick else 0.0)
        while len(pictures) < len(wanted) and wanted[len(pictures)] == tick:
            picture = pygame.Surface(size)
            renderer.draw(picture, frame, camera)
            pictures.append(picture)
    return pictures


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
        paper.blit(font.render(label, True, INK), (x + 2, y + height + GAP_PX))
    return paper


@app.command()
def prompt(
    text: Annotated[str, typer.Argument(help="The sentence.")],
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    frames: Annotated[int, typer.Option(help="How many pictures.")] = 8,
    start: Annotated[float, typer.Option(help="Seconds of the first picture.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Seconds of the last one.")] = None,
    columns: Annotated[int, typer.Option(help="Pictures in a row.")] = 4,
    width: Annotated[int, typer.Option(help="Pixels a picture is wide.")] = 480,
    camera: Annotated[CameraMode | None, typer.Option(help="Instead of the scene's own.")] = None,
    seed: Annotated[int, typer.Option(help="The scene's seed.")] = 0,
) -> None:
    """Equally spaced moments of one sentence."""
    scene = parse_prompt(text, seed)
    if camera is not None:
        scene.camera.mode = camera
    times = np.linspace(start, scene.duration if end is None else end, frames).tolist()
    pictures = shots(Simulation(scene), times, (width, width * 9 // 16))
    pygame.image.save(sheet(pictures, [f"{t:.2f} s" for t in times], columns), out)


@app.command()
def stages(
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    names: Annotated[list[str] | None, typer.Argument(help="Sets; all by default.")] = None,
    at: Annotated[float, typer.Option(help="Seconds into each scene.")] = 3.0,
    columns: Annotated[int, typer.Option(help="Pictures in a row.")] = 2,
    width: Annotated[int, typer.Option(help="Pixels a picture is wide.")] = 640,
) -> None:
    """One moment on every stage set."""
    pictures, labels = [], []
    for name in names or SETS:
        if name not in SETS:
            raise typer.BadParameter(f"unknown {name!r}; expected one of {', '.join(SETS)}")
        scene = parse_prompt(SETS[name])
        moment = [min(at, scene.duration)]
        pictures += shots(Simulation(scene), moment, (width, width * 9 // 16))
        labels.append(f"{name}: {SETS[name]}")
    pygame.image.save(sheet(pictures, labels, columns), out)


if __name__ == "__main__":
    app()
