"""How fast Stride runs on this machine: what simulating, drawing, encoding and the window cost.

Processor time is counted where it says CPU: what the work takes where nothing else runs.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from entities.scene import Scene
from entities.units import DT
from sim.loop import Simulation, simulate
from sim.output.video import render_video
from sim.window.window import FPS, Window

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
"""A program of its own that prints the seconds to the first frame, imports included."""


def crowd_scene(n: int, seconds: float) -> Scene:
    """``n`` actors who walk, run, wave and follow paths side by side in a park."""
    rng = np.random.default_rng(0)
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
    return Scene.model_validate({"actors": actors, "duration": seconds, "theme": "park", "seed": 0})


def simulation_cost(
    scene: Scene, repeats: int, motion: str, model: Path | None
) -> tuple[float, dict[str, float]]:
    """CPU seconds of a headless run, the least of ``repeats``; and mean µs a tick by system."""

    def run() -> None:
        simulate(scene, motion=motion, model=model)

    best = min(_cpu_seconds(run) for _ in range(repeats))
    simulation = Simulation(scene, motion=motion, model=model)
    return best, _system_costs(simulation, round(scene.duration / DT))


def _system_costs(simulation: Simulation, ticks: int) -> dict[str, float]:
    """Mean µs of CPU time per tick of every system, and of the poses, which are made in blocks."""
    spent: dict[str, float] = {}

    def clocked(system: Callable) -> Callable:
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


def _cpu_seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


@dataclass(frozen=True, slots=True)
class FilmCost:
    """What it took to make a film."""

    wall_s: float
    cpu_s: tuple[float, float]  # of this process and of the encoder process


def film_cost(
    n_actors: int,
    size: tuple[int, int],
    fps: int,
    seconds: float,
    motion: str = "procedural",
    model: Path | None = None,
) -> FilmCost:
    """Make an mp4 of a crowd, so many seconds long. size: px."""
    scene = crowd_scene(n_actors, seconds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        before = os.times()
        start = time.perf_counter()
        render_video(scene, path, motion=motion, model=model, fps=fps, size=size)
        wall_s = time.perf_counter() - start
        after = os.times()
    spent = [b - a for a, b in zip(before, after, strict=True)]
    return FilmCost(wall_s, (spent[0] + spent[1], spent[2] + spent[3]))


def first_frame_s() -> float:
    """Seconds to the first frame of a new process, imports included."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def window_costs(
    n_actors: int, size: tuple[int, int], seconds: float, motion: str, model: Path | None
) -> tuple[np.ndarray, np.ndarray]:
    """CPU time and time of every picture of the live window, ms, for so many seconds."""
    run = Simulation(crowd_scene(n_actors, seconds), motion=motion, model=model)
    window = Window(run, size)
    cpu, took = [], []
    for _ in range(round(seconds * FPS)):
        before, busy = time.perf_counter(), time.process_time()
        window.step(1.0 / FPS)
        took.append(1e3 * (time.perf_counter() - before))
        cpu.append(1e3 * (time.process_time() - busy))
    return np.array(cpu), np.array(took)
