"""``python -m tools.benchmark``: how fast Stride runs here, as ratios against real time."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from entities.units import DT
from sim.command import parse_size
from sim.evaluate.speed import (
    crowd_scene,
    film_cost,
    first_frame_s,
    simulation_cost,
    window_costs,
)
from sim.window.window import FPS

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)
console = Console()
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
    seconds: Annotated[float, typer.Option(help="Simulated seconds per run.")] = 20.0,
    repeats: Annotated[int, typer.Option(help="Runs; the fastest counts.")] = 3,
    by: By = "procedural",
    model: Model = None,
) -> None:
    """Headless simulation with poses, one thread, and what each system costs per tick.

    Processor time is counted: what it takes where nothing else runs.
    """
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
    actors: Annotated[int, typer.Option(help="Actors in the scene.")] = 5,
    size: Annotated[str, typer.Option(help="Frame size.")] = "1280x720",
    fps: Annotated[int, typer.Option(help="Frames a second.")] = 30,
    repeats: Annotated[int, typer.Option(help="Pairs of clips; the steepest slope counts.")] = 1,
    by: By = "procedural",
    model: Model = None,
) -> None:
    """Simulate, draw and encode: the slope between a 10 s and a 40 s clip, and the first frame."""
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
        int, typer.Option(help="Frames of the short clip; the long one has four times as many.")
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
    actors: Annotated[int, typer.Option(help="Actors in the scene.")] = 20,
    size: Annotated[str, typer.Option(help="Of the window.")] = "1280x720",
    seconds: Annotated[float, typer.Option(help="How long it plays.")] = 20.0,
    by: By = "procedural",
    model: Model = None,
) -> None:
    """What a picture of the live window costs, if it shows 60 a second, and how soon it is there.

    The motion model works in a thread, so that processor time is more than time.
    """
    spent, took = window_costs(actors, parse_size(size), seconds, by, model)
    table = Table("what", "figure", title=f"live window, {actors} actors, {by}, {size}")
    table.add_row("processor time a picture", f"{np.mean(spent):.1f} ms")
    table.add_row("95 of 100 are there in", f"{np.percentile(took, 95):.1f} ms")
    table.add_row("pictures that take over 16.7 ms", f"{np.mean(took > 1e3 / FPS):.1%}")
    table.add_row("as fast as it goes", f"{1e3 / np.mean(took):.0f} pictures/s")
    console.print(table)


if __name__ == "__main__":
    app()
