"""``python -m tools.contact_sheet``: frames of a scene side by side in one PNG, to be looked at."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pygame
import typer

from entities.actions import ActionType
from entities.scene import CameraMode
from ml.motion.runtime import MotionModel, choose_motion, open_model
from sim import parse_prompt
from sim.animation.style import STYLES
from sim.command import run_command, users_fault
from sim.evaluate.rollouts import WithoutPositionHead
from sim.loop import Simulation
from sim.output.demo_scenes import STAGE_PROMPTS, action_strip, strips_sheet, walk_strip
from sim.output.sheets import comparison_sheet, sheet, shots, write_comparison_film

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)


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
        movers.insert(0, WithoutPositionHead(movers[-1]))
        names.insert(0, f"{names[-1]}, position head off")
    runs = [
        (name, Simulation(scene, motion="procedural" if model is None else "learned", model=model))
        for name, model in zip(names, movers, strict=True)
    ]
    size = (width, width * 9 // 16 // 2 * 2)
    if out.suffix == ".png":
        times = np.linspace(start, end, frames).tolist()
        pygame.image.save(comparison_sheet(runs, times, size), out)
    else:
        write_comparison_film(runs, start, end, size, out)


def _mover(name: str) -> MotionModel | None:
    """The motion model of a name or a file; None is the procedural animator."""
    if name in ("procedural", "learned"):
        return choose_motion(name)
    return open_model(Path(name))


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
    for name in names or STAGE_PROMPTS:
        if name not in STAGE_PROMPTS:
            raise typer.BadParameter(
                f"unknown {name!r}; expected one of {', '.join(STAGE_PROMPTS)}"
            )
        scene = parse_prompt(STAGE_PROMPTS[name])
        moment = [min(at, scene.duration)]
        pictures += shots(Simulation(scene), moment, (width, width * 9 // 16))
        labels.append(f"{name}: {STAGE_PROMPTS[name]}")
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
        strips = [(action.value, action_strip(action, width)) for action in wanted[first:][:rows]]
        pygame.image.save(strips_sheet(strips), out / f"actions-{page}.png")


@app.command()
def styles(
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    width: Annotated[int, typer.Option(help="Pixels a picture is wide.")] = 120,
) -> None:
    """Eight moments of a walk, plain and under every style."""
    strips = [(style or "plain", walk_strip(style, width)) for style in (None, *STYLES)]
    pygame.image.save(strips_sheet(strips), out)


def _action(name: str) -> ActionType:
    try:
        return ActionType(name)
    except ValueError:
        raise typer.BadParameter(
            f"unknown {name!r}; expected one of {', '.join(ActionType)}"
        ) from None


if __name__ == "__main__":
    run_command(app)
