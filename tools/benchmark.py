"""``python -m tools.benchmark``: how fast Stride runs here, as ratios against real time."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from entities.scene import Scene
from entities.units import DT

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)
console = Console()
By = Annotated[str, typer.Option("--motion", help="procedural or learned.")]
Model = Annotated[Path | None, typer.Option(help="A model's file, for learned.")]
CROWDS = (1, 4, 20, 100, 200, 300)
FIRST_FRAME = """
import time; start = time.perf_counter()
from sim import parse_prompt
from sim.camera.director import Director
from sim.loop import Simulation
from sim.render.renderer import Renderer
import pygame
scene = parse_prompt("a man runs from home plate to first base while the crowd waits")
run = Simulation(scene)
frame, size = run.frame(), (1280, 720)
camera = Director(run.cast, scene.camera, size).update(frame, 0.0)
Renderer(run.cast, size).draw(pygame.Surface(size), frame, camera)
print(time.perf_counter() - start)
"""


def crowd_scene(n: int, seconds: float, seed: int = 0) -> Scene:
    """``n`` actors who walk, run, wave and follow paths side by side in a park."""
    rng = np.random.default_rng(seed)
    gaits = ("walk", "run", "jog", "sprint")
    actors = []
    for i in range(n):
        x, y = -10.0 + 1.5 * (i % 20), 1.5 * (i // 20)
        actor = {
            "id": f"a{i}",
            "initial_position": {"x": x, "y": y},
            "heading": float(rng.uniform(-0.2, 0.2)),
            "actions": [
                [0.0, gaits[i % 4]],
                [seconds / 3, "wave"],
                [seconds / 2, gaits[(i + 1) % 4]],
            ],
        }
        if i % 4 == 3:
            knots = [
                (0.0, x, y),
                (seconds / 2, x + 2 * seconds, y + 1.0),
                (seconds, x + 3 * seconds, y),
            ]
            actor["movement_path"] = [[t, {"x": px, "y": py}] for t, px, py in knots]
        actors.append(actor)
    return Scene.model_validate(
        {"actors": actors, "duration": seconds, "theme": "park", "seed": seed}
    )


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
    from sim import simulate as run_headless
    from sim.loop import Simulation

    speed = Table("actors", "x real time", "µs per tick", title=f"simulate(), {by}, one core")
    cost = Table("system", title="µs per tick by system")
    columns: list[dict[str, float]] = []
    for n in CROWDS:
        scene = crowd_scene(n, seconds if n < 100 else seconds / 2)
        run = partial(run_headless, scene, motion=by, model=model)
        best = min(_busy(run) for _ in range(repeats))
        ratio = scene.duration / best
        speed.add_row(str(n), f"{ratio:.1f}", f"{1e6 * DT / ratio:.0f}")
        simulation = Simulation(scene, motion=by, model=model)
        columns.append(_system_costs(simulation, round(scene.duration / DT)))
        cost.add_column(f"{n} actors", justify="right")
    for name in columns[0]:
        cost.add_row(name, *(f"{column[name]:.1f}" for column in columns))
    console.print(speed)
    console.print(cost)


def _timed(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _busy(call) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _system_costs(simulation, ticks: int) -> dict[str, float]:
    """Mean µs per tick of every system, and of the poses where they are worked out in blocks."""
    spent: dict[str, float] = {}

    def clocked(system):
        owner = getattr(system, "__self__", None)
        name = type(owner).__name__ if owner is not None else system.__name__

        def call(world, dt):
            start = time.process_time()
            system(world, dt)
            spent[name] = spent.get(name, 0.0) + time.process_time() - start

        return call

    simulation.systems = [clocked(system) for system in simulation.systems]
    start = time.process_time()
    for _ in simulation.blocks(ticks):
        pass
    whole = time.process_time() - start
    spent["poses and snapshots"] = whole - sum(spent.values())
    spent["all"] = whole
    return {name: 1e6 * seconds / ticks for name, seconds in spent.items()}


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
        [_clip(actors, size, fps, seconds, by, model) for seconds in (10.0, 40.0)]
        for _ in range(repeats)
    ]
    short, long = min(pairs, key=lambda pair: pair[1].wall_s - pair[0].wall_s)
    slope = 30.0 / (long.wall_s - short.wall_s)
    here, there = (
        min((long.cpu_s[i] - short.cpu_s[i]) / (30.0 * fps) for short, long in pairs)
        for i in (0, 1)
    )
    first = subprocess.run(
        [sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, check=True
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
    table.add_row("first frame, imports included", f"{float(first.stdout):.2f} s")
    console.print(table)


@dataclass(frozen=True, slots=True)
class Clip:
    """What it took to make a film."""

    wall_s: float
    cpu_s: tuple[float, float]  # of this process and of the one it started


def _clip(
    actors: int,
    size: str,
    fps: int,
    seconds: float,
    by: str = "procedural",
    model: Path | None = None,
) -> Clip:
    """Make an mp4 of so many seconds."""
    from sim import render_video

    width, height = (int(part) for part in size.split("x"))
    scene = crowd_scene(actors, seconds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        before = os.times()
        shape = {"fps": fps, "size": (width, height)}
        wall_s = _timed(lambda: render_video(scene, path, motion=by, model=model, **shape))
        after = os.times()
    spent = [b - a for a, b in zip(before, after, strict=True)]
    return Clip(wall_s, (spent[0] + spent[1], spent[2] + spent[3]))


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
    peers = {
        (10, "640x480"): "20.3",
        (2, "640x480"): "49.8",
        (1, "1280x720"): "63.5",
        (1, "1920x1080"): "37.5",
        (20, "640x480"): "11.9",
    }
    for (n, size), peer in peers.items():
        short, long = (_clip(n, size, 30, count / 30) for count in (frames, 4 * frames))
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
    from sim.loop import Simulation
    from sim.window.window import FPS, Window

    width, height = (int(part) for part in size.split("x"))
    run = Simulation(crowd_scene(actors, seconds), motion=by, model=model)
    shown = Window(run, (width, height))
    spent, took = [], []
    for _ in range(round(seconds * FPS)):
        before, busy = time.perf_counter(), time.process_time()
        shown.turn(1.0 / FPS)
        took.append(1e3 * (time.perf_counter() - before))
        spent.append(1e3 * (time.process_time() - busy))
    table = Table("what", "figure", title=f"live window, {actors} actors, {by}, {size}")
    table.add_row("processor time a picture", f"{np.mean(spent):.1f} ms")
    table.add_row("95 of 100 are there in", f"{np.percentile(took, 95):.1f} ms")
    table.add_row("pictures that take over 16.7 ms", f"{np.mean(np.array(took) > 1e3 / FPS):.1%}")
    table.add_row("as fast as it goes", f"{1e3 / np.mean(took):.0f} pictures/s")
    console.print(table)


if __name__ == "__main__":
    app()
