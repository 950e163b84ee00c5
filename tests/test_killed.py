"""Killed at any moment, or out of room: what was finished is there, once, and it goes on."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml.episodes.reader import EpisodeDataset, open_dataset
from ml.episodes.writer import EpisodeWriter
from sim.generate.dataset import Recipe, SceneJob, make

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
RECORDER_KILLS, GENERATOR_KILLS = 35, 15


def start(*arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=ENVIRONMENT,
    )


def whole(dataset: EpisodeDataset) -> None:
    """Every table and file of a dataset agrees with every other."""
    lengths = dataset.column("length")
    assert len(lengths) == len(dataset)
    assert sum(lengths) == dataset.n_frames
    assert dataset.column("episode_index") == list(range(len(dataset)))
    assert len(list(dataset.scenes())) == dataset.n_scenes
    rows = dataset.rows(["episode_index", "index", "task_index"])
    assert rows.columns["index"].tolist() == list(range(dataset.n_frames))
    assert rows.columns["task_index"].max(initial=-1) < len(dataset.tasks)
    files = {path.name for path in dataset.root.rglob("*") if path.is_file()}
    assert not [name for name in files if re.search(r"\.(part|tmp)$", name)]


@pytest.mark.slow
def test_a_killed_recorder_loses_at_most_what_it_was_at(tmp_path):
    rng = random.Random(7)
    for _ in range(RECORDER_KILLS):
        finished = -1
        with start("tests.recording", tmp_path / "d") as process:
            finished = int(process.stdout.readline())
            time.sleep(rng.uniform(0.0, 0.6))
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:
                finished = int(line)
        dataset = open_dataset(tmp_path / "d")
        assert dataset.n_scenes >= finished + 1
    EpisodeWriter(tmp_path / "d").close()  # whoever comes next tidies up
    whole(dataset)
    assert dataset.n_scenes > RECORDER_KILLS
    seeds = [record.scene.seed for record in dataset.scenes()]
    assert seeds == list(range(dataset.n_scenes))
    assert dataset.column("scene_index") == [i for i in seeds for _ in (0, 1)]
    assert set(dataset.column("length")) == {15}


@pytest.mark.slow
def test_a_killed_generator_goes_on_without_gaps_or_doubles(tmp_path):
    rng = random.Random(8)
    order = "tools.generate_dataset", tmp_path / "d", "--seconds", 1, "--samples", 700, "--quiet"
    for _ in range(GENERATOR_KILLS):
        with start(*order, "--workers", 2) as process:
            time.sleep(rng.uniform(1.0, 6.0))
            process.send_signal(signal.SIGKILL)
    with start(*order, "--workers", 2) as process:
        told, trouble = process.communicate(timeout=300)
        assert process.returncode == 0, trouble
    dataset = open_dataset(tmp_path / "d")
    whole(dataset)
    assert len(dataset) == 700
    numbers = [record.about["number"] for record in dataset.scenes()]
    assert numbers == list(range(dataset.n_scenes))
    expected = []
    for number in numbers:
        expected += [episode.task for episode in make(SceneJob(Recipe(0, 1.0), number))[1]]
    assert [tasks[0] for tasks in dataset.column("tasks")] == expected[:700]
    assert told.split()[-1] == dataset.content_hash()


@pytest.fixture
def small_disk(tmp_path):
    """A file system with little room."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("no mount command")
    if done.returncode:
        pytest.skip(f"a small file system needs rights: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_leaves_what_was_finished(small_disk):
    folder = small_disk / "d"
    order = [sys.executable, "run_sim.py", "--headless", "--record", str(folder), "--quiet"]
    options = {"capture_output": True, "text": True, "cwd": ROOT, "env": ENVIRONMENT}
    short = [*order, "--prompt", "a man runs", "--seconds", "2"]
    assert subprocess.run(short, **options).returncode == 0
    before = open_dataset(folder).content_hash()
    crowd = [*order, "--prompt", "ten men run and jump", "--seconds", "30"]
    done = subprocess.run(crowd, **options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert str(folder) in done.stderr
    assert "No space left on device" in done.stderr
    dataset = open_dataset(folder)
    whole(dataset)
    assert dataset.content_hash() == before
    assert subprocess.run(short, **options).returncode == 0
    assert len(open_dataset(folder)) == 2
