"""Recording: headless, as a film, live; the same numbers, and the same run again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pygame
import pytest

import sim.output.recorder
from entities.actions import ACTION_INDEX, ActionType
from entities.units import DT
from ml.episodes.features import decode
from ml.episodes.layout import HISTOGRAMS
from ml.episodes.reader import EpisodeDataset, SceneRecord, open_dataset
from sim import parse_prompt, simulate
from sim.loop import Simulation
from sim.output.recorder import Recorder, Take, differences
from sim.output.replay import Recording
from sim.output.video import Clip, prepare_video
from sim.story.captions import caption_of, clauses_of
from sim.window.window import Window
from tests.conftest import at, make_scene

ROOT = Path(__file__).parents[3]


def walkers(**fields):
    """Two who go different ways at different sizes, one of whom jumps."""
    return make_scene(
        {"id": "anna", "actions": [[0.0, "run"]], "heading": 0.7, "caption": "a woman runs"},
        {
            "id": "kid_1",
            "actor_type": "child",
            "initial_position": at(0.0, 5.0),
            "actions": [[0.0, "walk"], [1.0, "jump"]],
            "caption": "a kid walks, then jumps",
        },
        **fields,
    )


def record(path: Path, scene, seconds: float = 2.0) -> EpisodeDataset:
    recorder = Recorder(path)
    simulation = recorder.watch(lambda: Simulation(scene))
    ticks = round(seconds / DT)
    with recorder.committing(ticks):
        for _ in simulation.blocks(ticks):
            pass
    return open_dataset(path)


def test_episodes_are_what_happened(tmp_path):
    scene = walkers()
    dataset = record(tmp_path, scene)
    trace = simulate(scene, 2.0 + 2 * DT)
    assert dataset.column("length") == [60, 60]
    for row, episode in enumerate(dataset):
        assert episode.actor_id == scene.actors[row].id
        np.testing.assert_array_equal(episode.root, trace.root[:-2:2, row])
        np.testing.assert_array_equal(episode.heading, trace.heading[:-2:2, row])
        np.testing.assert_array_equal(episode.contact, trace.contact[:-2:2, row])
        np.testing.assert_array_equal(episode.action_id, trace.action[:-2:2, row])
        np.testing.assert_allclose(episode.pose, trace.pose[:-2:2, row], atol=1e-6)
        np.testing.assert_array_equal(episode.lateral, trace.overlay.lateral[:-2:2, row])
        assert (episode.state[:, 0] == 0.0).all()  # pelvis forward
        # The steps lead from the first frame to the frame after the last.
        ways = np.concatenate([episode.state, episode.state[-1:]])
        heading = trace.heading[::2, row]
        way, _ = decode(ways, heading, trace.root[0, row, :2], episode.scale)
        np.testing.assert_allclose(way, trace.root[::2, row, :2], atol=1e-4)
        turned = np.diff(heading) * 30.0
        np.testing.assert_allclose(episode.action[:, 2], turned, atol=1e-4)
    anna, kid = dataset
    starting = 5.0 * (1.0 - np.exp(-(np.arange(60) + 1.0) / 30.0))
    np.testing.assert_allclose(anna.action[:, 0], starting, atol=0.05)
    assert kid.scale == 0.65
    assert kid.subtasks == ["walks", "jumps"]
    assert kid.subtask_index.tolist() == [0] * 30 + [1] * 30
    assert kid.task == "a kid walks, then jumps"
    walks = kid.action_id == ACTION_INDEX[ActionType.WALK]
    assert walks[:30].all()


def test_recording_changes_nothing(tmp_path):
    scene = walkers()
    plain = simulate(scene, 2.0)
    simulation = Simulation(scene)
    take = Take(simulation)
    roots = np.concatenate([block.root for block in simulation.blocks(120)])
    np.testing.assert_array_equal(roots.astype(np.float32), plain.root)
    assert take.n_frames == 59


def test_film_window_and_headless_record_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scene = walkers(duration=2.0)
    headless = record(tmp_path / "headless", scene)
    recorder = Recorder(tmp_path / "film")
    clip = Clip(scene, 24, (64, 36), run=lambda: recorder.watch(lambda: Simulation(scene)))
    job = prepare_video(clip, tmp_path / "a.gif")  # which looks at the scene twice
    with recorder.committing(120):
        job(None)
    window = Window(Simulation(scene), (320, 180))
    press(window, pygame.K_r)
    for _ in range(122):
        window.step(DT)
    press(window, pygame.K_r)
    window.session.open = False
    window.run()
    live, film = open_dataset("stride-episodes"), open_dataset(tmp_path / "film")
    assert film.content_hash() == headless.content_hash()
    for episode, same in zip(headless, live, strict=True):
        assert len(same) >= 60
        np.testing.assert_array_equal(same.state[:60], episode.state)
        np.testing.assert_array_equal(same.action[:60], episode.action)
    assert live.scene(0).end_reason == "stopped"


def press(window: Window, key: int) -> None:
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode="", mod=0))
    pygame.event.post(pygame.event.Event(pygame.KEYUP, key=key, mod=0))
    window.step(0.0)


def test_a_window_records_what_it_is_told(tmp_path, monkeypatch):
    """From any moment on, through a new scene, until the window is closed."""
    monkeypatch.chdir(tmp_path)
    window = Window(Simulation(walkers()), (320, 180))
    for _ in range(31):
        window.step(DT)
    press(window, pygame.K_r)
    for _ in range(40):
        window.step(DT)
    window.session.tell("now she sits", "anna")
    for _ in range(40):
        window.step(DT)
    window.session.play_prompt("a robot walks to the car")
    for _ in range(40):
        window.step(DT)
    window.session.open = False
    window.run()
    dataset = open_dataset("stride-episodes")
    assert dataset.column("actor_id") == ["anna", "kid_1", "robot"]
    assert [r.end_reason for r in dataset.scenes()] == ["stopped", "closed"]
    anna = dataset.episode(0)
    first = dataset.scene(0)
    assert first.first_tick == 32
    assert [event.text for event in first.scene.events] == ["now she sits"]
    assert anna.task == "a woman runs, then now she sits"
    assert anna.subtasks == ["runs", "now she sits"]
    sits = ACTION_INDEX[ActionType.SIT]
    at_event = int((anna.subtask_index == 1).argmax())
    assert abs(int((anna.action_id == sits).argmax()) - at_event) <= 1
    assert differences(dataset, 0) == []
    assert differences(dataset, 1) == []


def test_what_differs_is_said(tmp_path):
    scene = walkers()
    record(tmp_path, scene, 1.0)
    assert differences(open_dataset(tmp_path), 0) == []
    dataset = open_dataset(tmp_path)
    real = dataset.scene

    def older(index: int) -> SceneRecord:
        record = real(index)
        record.scene.actors[0].actions[0] = (0.0, ActionType.JOG)
        record.made_with["versions"]["numpy"] = "1.0"
        record.made_with["cpu_features"] = ["MMX"]
        return record

    dataset.scene = older
    lines = differences(dataset, 0)
    assert lines[0].startswith("anna: observation.state") or lines[0].startswith("anna: state")
    assert any(line.startswith("anna: root from frame 1 on, by up to ") for line in lines)
    assert not any(line.startswith("kid_1") for line in lines)
    assert f"made with versions numpy 1.0; here {np.__version__}" in lines
    assert any(line.startswith("made with cpu_features ['MMX']; here") for line in lines)


def test_long_takes_go_through_the_disk(tmp_path, monkeypatch):
    scene = walkers()
    memory = record(tmp_path / "memory", scene)
    monkeypatch.setattr(sim.output.recorder, "TILE_FRAMES", 7)
    disk = record(tmp_path / "disk", scene)
    assert disk.content_hash() == memory.content_hash()


def test_films_have_a_picture_for_every_frame(tmp_path):
    scene = walkers()
    for seconds in (1.0, 0.5):
        recorder = Recorder(tmp_path, film_size=(64, 36) if seconds == 1.0 else None)
        with recorder.committing(round(seconds / DT)):
            recorder.watch(lambda: Simulation(scene))
    dataset = open_dataset(tmp_path)
    assert dataset.info["features"]["observation.images.scene"]["shape"] == [36, 64, 3]
    for scene_index, length in ((0, 30), (1, 15)):
        table = pq.read_table(tmp_path / f"meta/episodes/chunk-000/file-{scene_index:03d}.parquet")
        rows = table.to_pylist()
        key = "videos/observation.images.scene/"
        assert [r["length"] for r in rows] == [length, length]
        assert {(r[f"{key}file_index"], r[f"{key}from_timestamp"]) for r in rows} == {
            (scene_index, 0.0)
        }
        assert rows[0][f"{key}to_timestamp"] == pytest.approx(length / 30)
        name = f"videos/observation.images.scene/chunk-000/file-{scene_index:03d}.mp4"
        with av.open(str(tmp_path / name)) as film:
            times = [frame.time for frame in film.decode(video=0)]
        np.testing.assert_allclose(times, np.arange(length) / 30, atol=1e-6)
    assert np.array(dataset.stats["observation.images.scene"]["mean"]).shape == (3, 1, 1)
    with pytest.raises(ValueError, match="was created with video of 64x36; video of 32x32 was"):
        Recorder(tmp_path, film_size=(32, 32))


def test_a_replay_shows_what_was_recorded(tmp_path):
    record(tmp_path, walkers())
    recording = Recording(tmp_path, 1)
    assert recording.scene.duration == 2.0
    assert recording.scene.camera.follow == "kid_1"
    replay = recording.run(recording.scene.camera)
    frames = list(replay.frames(130))
    for row, episode in enumerate(open_dataset(tmp_path)):
        root = np.array([frame.root[row] for frame in frames])
        pose = np.array([frame.joints[row] for frame in frames])
        np.testing.assert_allclose(root[:120:2], episode.root, atol=1e-6)
        np.testing.assert_allclose(pose[:120:2], episode.pose, atol=1e-6)
        np.testing.assert_allclose(root[125], episode.root[-1], atol=1e-6)
        between = 0.5 * (episode.root[10].astype(float) + episode.root[11])
        np.testing.assert_allclose(root[21], between, atol=1e-6)
    with pytest.raises(ValueError, match="this is a recording"):
        replay.add_event("now she sits", "anna")


def test_captions_are_cut_at_the_actions():
    scene = parse_prompt("a man walks to the bench, sits down, waves and then runs to the tree")
    clauses = clauses_of(scene.actors[0])
    texts = [text for _, text in clauses]
    assert texts == ["walks to the bench", "sits down", "waves", "runs to the tree", "waits"]
    assert [t for t, _ in clauses] == [t for t, _ in scene.actors[0].actions]
    bare = make_scene({"actions": [[0.0, "jog"], [2.0, "jump"], [3.0, "idle"]]}).actors[0]
    assert caption_of(bare) == "a human jogs, then jumps"
    assert clauses_of(bare) == [(0.0, "jogs"), (2.0, "jumps"), (3.0, "waits")]
    named = make_scene({"id": "james", "caption": "James runs", "actions": [[0.0, "run"]]}).actors
    assert clauses_of(named[0]) == [(0.0, "runs")]


def command(*arguments: object, **options) -> subprocess.CompletedProcess:
    line = [sys.executable, str(ROOT / "run_sim.py"), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, **options)


@pytest.mark.slow
def test_the_command_records_and_replays(tmp_path):
    folder = tmp_path / "runs"
    made = command("--prompt", "a man runs to the tree", "--record", folder, "--headless")
    assert made.returncode == 0
    assert f"recorded 1 episodes of 7.4 s to {folder}" in made.stderr
    again = command("--replay", folder, "--episode", 0, "--headless")
    assert (again.returncode, again.stdout) == (
        0,
        "scene 0, run again: the same to the last bit\n",
    )
    film = tmp_path / "again.mp4"
    shown = command("--replay", folder, "--video", film, "--size", "64x36", "--seconds", 1)
    assert shown.returncode == 0
    with av.open(str(film)) as container:
        assert container.streams.video[0].frames == 30
    with Recorder(folder)._writer:  # somebody else writes
        busy = command("--prompt", "a man waves", "--record", folder, "--headless")
    assert busy.returncode == 2
    assert f"stride: {folder}: process {os.getpid()} is writing this dataset" in busy.stderr
    with pytest.raises(ValueError, match="episode 1: expected 0 to 0"):
        Recording(folder, 1)


@pytest.mark.slow
def test_an_interrupted_recording_is_kept(tmp_path):
    folder = tmp_path / "runs"
    line = [sys.executable, str(ROOT / "run_sim.py"), "--prompt", "a man runs to the tree"]
    options = ["--seconds", "3000", "--headless", "--record", str(folder)]
    with subprocess.Popen([*line, *options], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60.0
        while not (folder / "meta/info.json").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(5.0)  # a busy machine has hardly begun to simulate after one
        process.send_signal(signal.SIGTERM)
        assert "recorded 1 episodes of" in process.stderr.read()
    dataset = open_dataset(folder)
    assert dataset.scene(0).end_reason == "interrupted"
    assert dataset.n_frames == len(dataset.episode(0)) > 10


@pytest.mark.slow
def test_colours_of_films_are_counted_anew_and_a_damaged_film_is_named(tmp_path):
    for _ in range(2):
        recorder = Recorder(tmp_path, film_size=(64, 36))
        with recorder.committing(round(0.3 / DT)):
            recorder.watch(lambda: Simulation(walkers()))
    before = open_dataset(tmp_path).stats["observation.images.scene"]
    (tmp_path / HISTOGRAMS).unlink()
    recorder = Recorder(tmp_path)
    with recorder.committing(round(0.3 / DT)):
        recorder.watch(lambda: Simulation(walkers()))
    after = open_dataset(tmp_path).stats["observation.images.scene"]
    np.testing.assert_array_equal(after["q50"], before["q50"])  # three times the same film
    (tmp_path / HISTOGRAMS).unlink()
    film = tmp_path / "videos/observation.images.scene/chunk-000/file-001.mp4"
    film.write_bytes(film.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"file-001.mp4: no"):
        Recorder(tmp_path)
