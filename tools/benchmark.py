"""``python -m tools.benchmark``: how fast Stride runs here, as ratios against real time."""

import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from entities.command import run_command, users_fault
from entities.units import DT
from ml.motion.runtime import choose_motion
from sim.command import parse_size
from sim.evaluate.speed import (
    crowd_scene,
    film_cost,
    first_frame_s,
    simulation_cost,
    window_costs,
)
from sim.output.video import check_size
from sim.window.window import FPS

app = typer.Typer(
    add_completion=False, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False
)
console = Console()
Seconds = Annotated[float, typer.Option(min=0.1, max=600.0, help="Simulated seconds a run.")]
Repeats = Annotated[int, typer.Option(min=1, max=100, help="Times; the best counts.")]
Actors = Annotated[int, typer.Option(min=0, max=300, help="Actors in the scene.")]
Size = Annotated[str, typer.Option(metavar="WxH", help="Of the picture, in pixels.")]
By = Annotated[str, typer.Option("--motion", help="procedural or learned.")]
Model = Annotated[Path | None, typer.Option(help="A model's file, for learned.")]
CROWDS = (1, 4, 20, 100, 200, 300)
PEERS = {
    (10, "640x480"): "20.3",
    (2, "640x480"): "49.8",
    (1, "1280x720"): "63.5",
    (1, "1920x1080"): "37.5",
    (20, "640x480"): "11.9",
}
"""Frames a second of the peer, by actors and size."""


@app.command()
def simulate(
    seconds: Seconds = 20.0,
    repeats: Repeats = 3,
    by: By = "procedural",
    model: Model = None,
) -> None:
    """Headless simulation with poses, one thread, and what each system costs per tick.

    Processor time is counted: what it takes where nothing else runs.
    """
    _check(by, model, seconds=seconds)
    speed = Table("actors", "x real time", "µs per tick", title=f"simulate(), {by}, one core")
    cost = Table("system", title="µs per tick by system")
    columns: list[dict[str, float]] = []
    for n in CROWDS:
        scene = crowd_scene(n, seconds if n < 100 else seconds / 2)
        best, by_system = simulation_cost(scene, repeats, by, model)
        ratio = scene.duration / best
        speed.add_row(str(n), f"{ratio:.1f}", f"{1e6 * DT / ratio:.0f}")
        columns.append(by_system)
        cost.add_column(f"{n} actors", justify="right")
    for name in columns[0]:
        cost.add_row(name, *(f"{column[name]:.1f}" for column in columns))
    console.print(speed)
    console.print(cost)


@app.command()
def video(
    actors: Actors = 5,
    size: Size = "1280x720",
    fps: Annotated[int, typer.Option(min=10, max=120, help="Frames a second.")] = 30,
    repeats: Repeats = 1,
    by: By = "procedural",
    model: Model = None,
) -> None:
    """Simulate, draw and encode: the slope between a 10 s and a 40 s clip, and the first frame."""
    _check(by, model, size=size)
    pairs = [
        [film_cost(actors, parse_size(size), fps, seconds, by, model) for seconds in (10.0, 40.0)]
        for _ in range(repeats)
    ]
    short, long = min(pairs, key=lambda pair: pair[1].wall_s - pair[0].wall_s)
    slope = 30.0 / (long.wall_s - short.wall_s)
    here, there = (
        min((long.cpu_s[i] - short.cpu_s[i]) / (30.0 * fps) for short, long in pairs)
        for i in (0, 1)
    )
    table = Table("what", "figure", title=f"{actors} actors, {by}, {size} at {fps} fps")
    table.add_row("10 s clip", f"{short.wall_s:.2f} s, {10 / short.wall_s:.1f}x real time")
    table.add_row("40 s clip", f"{long.wall_s:.2f} s, {40 / long.wall_s:.1f}x real time")
    table.add_row("slope between them", f"{slope:.1f}x real time, {slope * fps:.0f} frames/s")
    table.add_row(
        "processor time a frame",
        f"{1e3 * here:.2f} + {1e3 * there:.2f} ms in two processes: "
        f"{2.0 / (here + there) / fps:.1f}x real time on two idle cores",
    )
    table.add_row("first frame, imports included", f"{first_frame_s():.2f} s")
    console.print(table)


@app.command()
def draw(
    frames: Annotated[
        int,
        typer.Option(
            min=30, max=9000, help="Of the short clip; the long one has four times as many."
        ),
    ] = 120,
) -> None:
    """Frames drawn and encoded a second, start-up included and without it, beside the peer's."""
    table = Table(
        "actors", "size", "frames/s", "by the slope", "on idle cores", "peer", title="to mp4"
    )
    for (n, size), peer in PEERS.items():
        short, long = (
            film_cost(n, parse_size(size), 30, count / 30) for count in (frames, 4 * frames)
        )
        slope = 3 * frames / (long.wall_s - short.wall_s)
        idle = 2.0 * 3 * frames / (sum(long.cpu_s) - sum(short.cpu_s))
        whole = frames / short.wall_s
        table.add_row(str(n), size, f"{whole:.0f}", f"{slope:.0f}", f"{idle:.0f}", peer)
    console.print(table)


@app.command()
def window(
    actors: Actors = 20,
    size: Size = "1280x720",
    seconds: Seconds = 20.0,
    by: By = "procedural",
    model: Model = None,
) -> None:
    """What a picture of the live window costs, if it shows 60 a second, and how soon it is there.

    The motion model works in a thread, so that processor time is more than time.
    """
    _check(by, model, size=size, seconds=seconds)
    spent, took = window_costs(actors, parse_size(size), seconds, by, model)
    table = Table("what", "figure", title=f"live window, {actors} actors, {by}, {size}")
    table.add_row("processor time a picture", f"{np.mean(spent):.1f} ms")
    table.add_row("95 of 100 are there in", f"{np.percentile(took, 95):.1f} ms")
    table.add_row("pictures that take over 16.7 ms", f"{np.mean(took > 1e3 / FPS):.1%}")
    table.add_row("as fast as it goes", f"{1e3 / np.mean(took):.0f} pictures/s")
    console.print(table)


def _check(by: str, model: Path | None, size: str = "640x480", seconds: float = 1.0) -> None:
    """Refuse a motion, a model, a size or a time that cannot be measured."""
    with users_fault():
        choose_motion(by, model)
        check_size(parse_size(size))
        if not math.isfinite(seconds):
            raise ValueError(f"--seconds: {seconds}; expected a number")


if __name__ == "__main__":
    run_command(app)
