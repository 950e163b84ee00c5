"""Scenes without actors, without anything, of a single tick: they play, are filmed and recorded."""

import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pygame
import pytest

import run_sim
from entities.scene import CameraMode, Scene
from entities.units import DT
from sim import parse_prompt, render_video, simulate
from sim.camera.director import Director
from sim.loop import Simulation
from sim.output.recorder import Recorder
from sim.render.renderer import Renderer

SCENES = {
    "nothing": {},
    "a tree": {"objects": [{"object_type": "tree", "position": {"x": 0, "y": 0}}]},
    "a ball in motion": {
        "objects": [
            {"object_type": "ball", "position": {"x": 0, "y": 0}, "velocity": [3, 1]},
            {"object_type": "car", "position": {"x": 2, "y": 4},
             "movement_path": [[0, {"x": 2, "y": 4}], [2, {"x": 9, "y": 4}]]},
        ]
    },
}  # fmt: skip


def scene(name: str, **more: object) -> Scene:
    return Scene.model_validate({"duration": 0.5, **SCENES[name], **more})


@pytest.mark.parametrize("motion", ["learned", "procedural"])
@pytest.mark.parametrize("name", SCENES)
def test_nobody_moves(name, motion, shipped):
    trace = simulate(scene(name), motion=motion)
    assert trace.pose.shape == (30, 0, 10, 2)
    assert trace.object_position.shape == (30, len(scene(name).objects), 3)
    assert np.isfinite(trace.object_position).all()
    once = simulate(scene(name), DT, motion=motion)
    assert once.root.shape == (1, 0, 3)


def test_a_sentence_without_an_agent():
    trace = simulate(parse_prompt("a spaceship lands"), 2.0)
    assert trace.root.shape[1] == 0
    high = trace.object_position[:, 0, 2]
    assert high[-1] < high[0]  # it comes down


@pytest.mark.parametrize("mode", list(CameraMode))
@pytest.mark.parametrize("name", SCENES)
def test_every_camera_sees_it(name, mode):
    size, filmed = (64, 36), scene(name, camera={"mode": mode.value})
    run, picture = Simulation(filmed), pygame.Surface(size)
    director, renderer = Director(run.cast, filmed.camera, size), Renderer(run.cast, size)
    for frame in run.frames(2):
        renderer.draw(picture, frame, director.update(frame, DT))
    assert pygame.surfarray.array3d(picture).any()


def test_a_film_of_one_tick(tmp_path):
    render_video(scene("nothing", duration=DT), tmp_path / "film.mp4", size=(64, 36))
    with av.open(str(tmp_path / "film.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 1


def test_it_is_recorded_as_a_scene_without_episodes(tmp_path):
    recorder = Recorder(tmp_path)
    with recorder.committing(30):
        recorder.watch(lambda: Simulation(scene("a tree")))
    (line,) = (tmp_path / "meta" / "scenes.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["scene"]["objects"][0]["object_type"] == "tree"
    assert json.loads((tmp_path / "meta" / "info.json").read_text())["total_episodes"] == 0


@pytest.mark.slow
def test_the_command_takes_it(tmp_path):
    command = [sys.executable, str(Path(run_sim.__file__)), "--prompt", "a spaceship lands"]
    short = ["--seconds", "0.0167", "--frames", str(tmp_path / "frames"), "--size", "64x36"]
    for more, code in ((short, 0), (["--seconds", "0", "--headless"], 2)):
        ran = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60)
        assert ran.returncode == code, ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert len(list((tmp_path / "frames").glob("*.png"))) == 1
