"""Scenes that are redirected while they run, by a script or by hand in the window, and recorded.

Whatever is said, the run goes on; what was done is in the scene, so that the recording is the same
when it is run once more, to the last bit. What cannot be done is said.
"""

import time
from pathlib import Path

import numpy as np
import pygame

from entities.scene import Event, Scene
from entities.units import DT
from ml.episodes.reader import open_dataset
from sim.loop import Simulation
from sim.output.recorder import Recorder, differences
from sim.robustness.campaign import Outcome
from sim.robustness.later_sentences import STAGES, later_sentence
from sim.robustness.scenes import wrong_refusal
from sim.story import parse_prompt
from sim.window.window import Window

MOST_S = 6.0
"""Longest scene, s: the last sentence still has two seconds to show what comes of it."""
SIZE = (320, 240)
TICKS_A_PICTURE = 4
FAULT = "could not be carried out ("
"""In a notice: the sentence has tripped the program over a fault of its own."""


def attempt(seed: int, folder: Path) -> Outcome:
    """A scene with one to three later sentences: in the window if the seed is odd.

    It is moved by the model every fourth time. The runs of the outcome are sentences.
    """
    draw = np.random.default_rng([seed, 98])
    scene = parse_prompt(STAGES[int(draw.integers(len(STAGES)))], seed=int(draw.integers(1_000)))
    scene.duration = min(scene.duration, MOST_S)
    times = np.sort(draw.uniform(0.0, scene.duration - 2.0, int(draw.integers(1, 4))))
    said = [(round(float(t), 2), later_sentence(draw)) for t in times]
    told = "\n".join([scene.prompt, *(f"{t} {text}" for t, text in said)])
    (folder / "said.txt").write_text(told, encoding="utf-8", errors="backslashreplace")
    motion = "learned" if seed % 8 < 2 else "procedural"
    outcome, began = Outcome(), time.monotonic()
    path = folder / "d"
    recorder = Recorder(path)
    simulation = recorder.watch(lambda: Simulation(scene, motion=motion))
    if seed % 2:
        _in_window(simulation, recorder, said, outcome)
    else:
        _by_script(simulation, recorder, said, draw, outcome)
    outcome.failures += [f"a fault: {n}" for n in simulation.notices if FAULT in n]
    outcome.failures += [w for n in simulation.notices for w in wrong_refusal(n)]
    outcome.failures += _replayed(path, simulation.scene)
    outcome.slowest_s = time.monotonic() - began
    return outcome


def _by_script(
    simulation: Simulation,
    recorder: Recorder,
    said: list[tuple[float, str]],
    draw: np.random.Generator,
    outcome: Outcome,
) -> None:
    """Say everything at its time, to an actor of those who are there then, or to all."""
    for t, text in said:
        _run_to(simulation, round(t / DT))
        names = [actor.id for actor in simulation.scene.actors]
        actor = names[int(draw.integers(len(names)))] if names and draw.random() < 0.5 else None
        outcome.runs += 1
        try:
            simulation.add_event(text, actor)
        except ValueError as error:
            outcome.refused += 1
            outcome.failures += _wrong(str(error))
    _run_to(simulation, round(simulation.scene.duration / DT))
    recorder.stop("complete")
    recorder.close()


def _run_to(simulation: Simulation, tick: int) -> None:
    missing = tick - simulation.world.tick
    for block in simulation.blocks(missing + 1) if missing > 0 else ():
        assert np.isfinite(block.root).all(), "a place is not finite"
        assert np.isfinite(block.pose.joints).all(), "a pose is not finite"


def _in_window(
    simulation: Simulation, recorder: Recorder, said: list[tuple[float, str]], outcome: Outcome
) -> None:
    """Type everything at its time in the window: Tab, Enter, the words, Enter."""
    window = Window(simulation, SIZE, recorder)
    try:
        for t, text in said:
            _watch_to(window, t)
            names = window.session.playback.simulation.cast.actor_ids
            if not names:
                continue  # nobody to tell
            if outcome.runs % 2 or (window.session.chosen is None and len(names) > 1):
                _press(window, pygame.K_TAB)
            _press(window, pygame.K_RETURN)
            pygame.event.post(pygame.event.Event(pygame.TEXTINPUT, text=text))
            window.step(0.0)
            before = list(simulation.scene.events)
            _press(window, pygame.K_RETURN)
            outcome.runs += 1
            if simulation.scene.events == before:
                outcome.refused += 1
                _press(window, pygame.K_ESCAPE)
            if not window.session.open:
                outcome.failures.append(f"closed by {text[:60]!r}")
                return
        _watch_to(window, simulation.scene.duration)
        if window.session.playback.simulation is not simulation:
            outcome.failures.append("another scene is played")
    finally:
        window.close()


def _watch_to(window: Window, t: float) -> None:
    """Watch pictures until ``t`` s are played."""
    session = window.session
    for _ in range(100_000):
        if not session.open or session.frame.time >= t - 2 * DT:
            return
        window.step(TICKS_A_PICTURE * DT)
    raise AssertionError(f"stands still at {session.frame.time:.2f} s")


def _press(window: Window, key: int) -> None:
    for kind in (pygame.KEYDOWN, pygame.KEYUP):
        pygame.event.post(pygame.event.Event(kind, key=key, unicode="", mod=0))
    window.step(0.0)


def _wrong(refusal: str) -> list[str]:
    """What is wrong with a refusal: not one line, or a fault of the program's own."""
    return [f"a fault: {refusal}"] if FAULT in refusal else wrong_refusal(refusal)


def _replayed(path: Path, scene: Scene) -> list[str]:
    """What differs when a recording is run once more, and what of a scene it does not hold."""
    dataset = open_dataset(path)
    if dataset.n_scenes == 0:
        return [] if not scene.actors else ["nothing was recorded"]
    wrong = []
    kept: list[Event] = dataset.scene(0).scene.events
    if kept != scene.events:
        wrong.append(f"{len(kept)} sentences are recorded of {len(scene.events)}")
    for episode in dataset:
        if not (np.isfinite(episode.state).all() and np.isfinite(episode.root).all()):
            wrong.append(f"{episode.actor_id}: numbers that are not finite are recorded")
    return wrong + differences(dataset, 0)
