"""``python -m tools.contact_sheet``: frames of a scene side by side in one PNG, to be looked at."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import av
import numpy as np
import pygame
import typer

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.scene import CameraMode, Scene
from entities.units import DT
from ml.motion.runtime import MotionModel, choose_motion, open_model
from run_sim import run_command, users_fault
from sim import parse_prompt
from sim.animation.style import STYLES
from sim.camera.director import Director
from sim.evaluate.rollouts import Headless
from sim.loop import Simulation
from sim.render.renderer import Renderer

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)
GAP_PX = 4
FILM_FPS = 30
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
    pictures = list(shots(Simulation(scene), times, (width, width * 9 // 16)))
    pygame.image.save(sheet(pictures, [f"{t:.2f} s" for t in times], columns), out)


@app.command()
def beside(
    text: Annotated[str, typer.Argument(help="The sentence.")],
    out: Annotated[Path, typer.Argument(help="A .png of moments, or an .mp4.")],
    by: Annotated[
        list[str],
        typer.Option(help="What moves them: procedural, learned, or a model's file, each a row."),
    ] = ("procedural", "learned"),
    frames: Annotated[int, typer.Option(help="Moments of a .png.")] = 8,
    start: Annotated[float, typer.Option(help="Seconds of the first.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Seconds of the last.")] = None,
    width: Annotated[int, typer.Option(help="Pixels a picture is wide.")] = 480,
    seed: Annotated[int, typer.Option(help="The scene's seed.")] = 0,
    headless: Annotated[
        bool, typer.Option("--headless", help="One more row: the last, its position head off.")
    ] = False,
) -> None:
    """One sentence moved by several, one above the other."""
    scene = parse_prompt(text, seed)
    end = scene.duration if end is None else end
    with users_fault():
        movers = [_mover(name) for name in by]
    names = [Path(name).stem for name in by]
    if headless and movers[-1] is not None:
        movers.insert(0, Headless(movers[-1]))
        names.insert(0, f"{names[-1]}, position head off")
    runs = [
        Simulation(scene, motion="procedural" if model is None else "learned", model=model)
        for model in movers
    ]
    size = (width, width * 9 // 16 // 2 * 2)
    if out.suffix == ".png":
        times = np.linspace(start, end, frames).tolist()
        pictures = [picture for run in runs for picture in shots(run, times, size)]
        labels = [f"{name}, {t:.2f} s" for name in names for t in times]
        pygame.image.save(sheet(pictures, labels, frames), out)
        return
    times = np.arange(start, end, 1.0 / FILM_FPS).tolist()
    rows = zip(*(shots(run, times, size) for run in runs), strict=True)
    _film_of((sheet(row, names, 1) for row in rows), out)


def _mover(name: str) -> MotionModel | None:
    if name in ("procedural", "learned"):
        return choose_motion(name)
    return open_model(Path(name))


def _film_of(pictures: Iterator[pygame.Surface], out: Path) -> None:
    """An mp4 of pictures of one size; a part of a film never has the film's name."""
    part = out.with_name(f".{out.name}.part")
    with av.open(part, "w", format="mp4") as container:
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
    part.replace(out)


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


@app.command()
def actions(
    out: Annotated[Path, typer.Argument(help="Folder for the PNG files.")],
    names: Annotated[list[str] | None, typer.Argument(help="Actions; all by default.")] = None,
    rows: Annotated[int, typer.Option(help="Actions on a page.")] = 13,
    width: Annotated[int, typer.Option(help="Pixels a picture is wide.")] = 120,
) -> None:
    """Eight moments of every action: with the thing or the partner it needs."""
    wanted = [_action(name) for name in names] if names else list(ActionType)
    out.mkdir(parents=True, exist_ok=True)
    for page, first in enumerate(range(0, len(wanted), rows), start=1):
        strips = [(a.value, _film(_scene_of(a), *_span(a), width)) for a in wanted[first:][:rows]]
        pygame.image.save(_page(strips), out / f"actions-{page}.png")


@app.command()
def styles(
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    width: Annotated[int, typer.Option(help="Pixels a picture is wide.")] = 120,
) -> None:
    """Eight moments of a walk, plain and under every style."""
    strips = []
    for style in (None, *STYLES):
        scene = _alone(ActionType.WALK, style=style)
        strips.append((style or "plain", _film(scene, 3.0, 4.1, width)))
    pygame.image.save(_page(strips), out)


MOMENTS = 8
CLOSE, CENTRE = 0.5, 0.57
"""Share of a picture's height that is cut out, and where its middle is."""
FOR_S = 2.4
"""How much of an action is shown, if it says nothing else."""
SPANS = {
    ActionType.GET_UP: (0.0, 2.0),
    ActionType.CRAWL: (3.0, 4.2),
    ActionType.CLIMB: (3.0, 4.8),
    ActionType.FALL: (1.0, 2.4),
    ActionType.PUNCH: (1.0, 2.2),
    ActionType.KICK: (1.0, 2.0),
    ActionType.IDLE: (0.0, 6.0),
    ActionType.DIVE: (0.0, 1.4),
    ActionType.CARTWHEEL: (0.0, 2.1),
    ActionType.HIGH_FIVE: (1.0, 2.2),
    ActionType.HANDSHAKE: (1.0, 3.0),
}
"""s, start and end."""
GAITS = frozenset(action for action, speed in ACTION_VELOCITIES.items() if speed > 0.0)
SEATS_FOR = {
    ActionType.SIT: "chair",
    ActionType.EATING: "chair",
    ActionType.READING: "chair",
    ActionType.TYPING: "chair",
    ActionType.LIE_DOWN: "bed",
    ActionType.SLEEP: "bed",
    ActionType.CLIMB: "ladder",
}
PROPS = {
    ActionType.DRINKING: "cup",
    ActionType.PHONE: "phone",
    ActionType.BATTING: "bat",
    ActionType.PITCHING: "baseball",
    ActionType.THROWING: "baseball",
    ActionType.CATCHING: "glove",
    ActionType.FIELDING: "glove",
    ActionType.SHOOTING: "basketball",
    ActionType.DRIBBLING: "basketball",
    ActionType.BOWLING: "ball",
    ActionType.CARRY: "box",
}
TOGETHER = (ActionType.HANDSHAKE, ActionType.HUG, ActionType.HIGH_FIVE)


def _action(name: str) -> ActionType:
    try:
        return ActionType(name)
    except ValueError:
        raise typer.BadParameter(
            f"unknown {name!r}; expected one of {', '.join(ActionType)}"
        ) from None


def _span(action: ActionType) -> tuple[float, float]:
    if action in SPANS:
        return SPANS[action]
    return (3.0, 4.0) if action in GAITS else (1.0, 1.0 + FOR_S)


def _alone(action: ActionType, **more) -> Scene:
    actor = {"id": "a", "initial_position": {"x": 0.0, "y": 0.0}, **more}
    start = 0.0 if action in GAITS or _span(action)[0] == 0.0 else 1.0
    actor["actions"] = [[0.0, "idle"], [start, action.value]] if start else [[0.0, action.value]]
    return Scene.model_validate({"actors": [actor], "duration": 8.0, "camera": CAMERA})


CAMERA = {"mode": "follow", "follow": "a"}


def _scene_of(action: ActionType) -> Scene:
    """An actor who does it, seen from the side; the seat, ladder or partner it needs beside."""
    more: dict = {"prop": PROPS[action]} if action in PROPS else {}
    if action in SEATS_FOR:
        more["cues"] = [{"t": 0.0, "target": "b"}]
    scene = _alone(action, **more).model_dump(mode="json")
    if action in SEATS_FOR:
        at = 0.42 if action is ActionType.CLIMB else -0.35
        seat = {"id": "b", "object_type": SEATS_FOR[action], "position": {"x": at, "y": 0.0}}
        scene["objects"] = [seat]
    if action in TOGETHER:
        first = scene["actors"][0]
        apart = 0.5 if action is ActionType.HUG else 0.8
        first["cues"] = [{"t": 0.0, "target": "b"}]
        other = {"id": "b", "initial_position": {"x": apart, "y": 0.0}, "heading": float(np.pi)}
        other |= {"actions": first["actions"], "cues": [{"t": 0.0, "target": "a"}]}
        scene["actors"].append(other)
    return Scene.model_validate(scene)


def _film(scene: Scene, start: float, end: float, width: int) -> list[pygame.Surface]:
    """MOMENTS pictures, cut out round the middle where the followed actor is."""
    side = 2 * width
    height = round(side / CLOSE)
    size = (2 * (height * 8 // 9), height // 2 * 2)
    run = Simulation(scene, motion="procedural")
    pictures = list(shots(run, np.linspace(start, end, MOMENTS).tolist(), size))
    crop = pygame.Rect((size[0] - side) // 2, round(CENTRE * size[1]) - side // 2, side, side)
    return [pygame.transform.smoothscale(p.subsurface(crop), (width, width)) for p in pictures]


def _page(strips: Sequence[tuple[str, list[pygame.Surface]]]) -> pygame.Surface:
    pictures = [picture for _, film in strips for picture in film]
    labels = [name if k == 0 else "" for name, film in strips for k in range(len(film))]
    return sheet(pictures, labels, MOMENTS)


if __name__ == "__main__":
    run_command(app)
