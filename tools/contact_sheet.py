"""``python -m tools.contact_sheet``: frames of a scene side by side in one PNG, to be looked at."""

import io
from pathlib import Path
from typing import Annotated

import numpy as np
import pygame
import typer

from entities.actions import ActionType
from entities.atomic_write import check_target, write_whole
from entities.command import refused_by_system, run_command, users_fault
from entities.scene import MAX_DURATION_S, CameraMode
from ml.motion.runtime import MotionModel, choose_motion, open_model
from sim import parse_prompt
from sim.animation.style import STYLES
from sim.evaluate.rollouts import WithoutPositionHead
from sim.loop import Simulation
from sim.output.demo_scenes import STAGE_PROMPTS, action_strip, strips_sheet, walk_strip
from sim.output.sheets import comparison_sheet, sheet, shots, write_comparison_film

app = typer.Typer(
    add_completion=False, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False
)
Frames = Annotated[int, typer.Option(min=1, max=200, help="How many pictures.")]
Start = Annotated[float, typer.Option(min=0.0, max=MAX_DURATION_S, help="Seconds of the first.")]
End = Annotated[
    float | None, typer.Option(min=0.0, max=MAX_DURATION_S, help="Seconds of the last.")
]
Columns = Annotated[int, typer.Option(min=1, max=200, help="Pictures in a row.")]
Width = Annotated[int, typer.Option(min=16, max=4096, help="Pixels a picture is wide.")]
Seed = Annotated[int, typer.Option(min=0, help="The scene's seed.")]


@app.command()
def prompt(
    text: Annotated[str, typer.Argument(help="The sentence.")],
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    frames: Frames = 8,
    start: Start = 0.0,
    end: End = None,
    columns: Columns = 4,
    width: Width = 480,
    camera: Annotated[CameraMode | None, typer.Option(help="Instead of the scene's own.")] = None,
    seed: Seed = 0,
) -> None:
    """Equally spaced moments of one sentence."""
    with users_fault():
        check_target(out)
        scene = parse_prompt(text, seed)
        if camera is not None:
            scene.camera.mode = camera
        simulation = Simulation(scene)
    times = np.linspace(start, scene.duration if end is None else end, frames).tolist()
    pictures = list(shots(simulation, times, (width, width * 9 // 16)))
    _save(sheet(pictures, [f"{t:.2f} s" for t in times], columns), out)


@app.command()
def beside(
    text: Annotated[str, typer.Argument(help="The sentence.")],
    out: Annotated[Path, typer.Argument(help="A .png of moments, or an .mp4.")],
    by: Annotated[
        list[str],
        typer.Option(help="What moves them: procedural, learned, or a model's file, each a row."),
    ] = ("procedural", "learned"),
    frames: Frames = 8,
    start: Start = 0.0,
    end: End = None,
    width: Width = 480,
    seed: Seed = 0,
    headless: Annotated[
        bool, typer.Option("--headless", help="One more row: the last, its position head off.")
    ] = False,
) -> None:
    """One sentence moved by several, one above the other."""
    with users_fault():
        check_target(out)
        scene = parse_prompt(text, seed)
        end = scene.duration if end is None else end
        movers = [_mover(name) for name in by]
    names = [Path(name).stem for name in by]
    if headless and movers[-1] is not None:
        movers.insert(0, WithoutPositionHead(movers[-1]))
        names.insert(0, f"{names[-1]}, position head off")
    with users_fault():
        runs = [
            (
                name,
                Simulation(scene, motion="procedural" if model is None else "learned", model=model),
            )
            for name, model in zip(names, movers, strict=True)
        ]
    size = (width, width * 9 // 16 // 2 * 2)
    if out.suffix == ".png":
        times = np.linspace(start, end, frames).tolist()
        _save(comparison_sheet(runs, times, size), out)
    else:
        with refused_by_system():
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
    at: Annotated[float, typer.Option(min=0.0, help="Seconds into each scene.")] = 3.0,
    columns: Columns = 2,
    width: Width = 640,
) -> None:
    """One moment on every stage set."""
    with users_fault():
        check_target(out)
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
    _save(sheet(pictures, labels, columns), out)


@app.command()
def actions(
    out: Annotated[Path, typer.Argument(help="Folder for the PNG files.")],
    names: Annotated[list[str] | None, typer.Argument(help="Actions; all by default.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Actions on a page.")] = 13,
    width: Width = 120,
) -> None:
    """Eight moments of every action: with the thing or the partner it needs."""
    wanted = [_action(name) for name in names] if names else list(ActionType)
    with users_fault():
        out.mkdir(parents=True, exist_ok=True)
    for page, first in enumerate(range(0, len(wanted), rows), start=1):
        strips = [(action.value, action_strip(action, width)) for action in wanted[first:][:rows]]
        _save(strips_sheet(strips), out / f"actions-{page}.png")


@app.command()
def styles(
    out: Annotated[Path, typer.Argument(help="PNG to write.")],
    width: Width = 120,
) -> None:
    """Eight moments of a walk, plain and under every style."""
    with users_fault():
        check_target(out)
    strips = [(style or "plain", walk_strip(style, width)) for style in (None, *STYLES)]
    _save(strips_sheet(strips), out)


def _save(picture: pygame.Surface, path: Path) -> None:
    """Write a PNG."""
    content = io.BytesIO()
    pygame.image.save(picture, content, ".png")
    with refused_by_system():
        write_whole(path, content.getvalue())


def _action(name: str) -> ActionType:
    try:
        return ActionType(name)
    except ValueError:
        raise typer.BadParameter(
            f"unknown {name!r}; expected one of {', '.join(ActionType)}"
        ) from None


if __name__ == "__main__":
    run_command(app)
