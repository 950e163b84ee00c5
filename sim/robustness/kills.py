"""Kills: at any moment, between any two steps of a commit, in the middle of a file being written.

Whatever was finished before a kill is there after it, unchanged and readable; what is in a
finished file's place is whole; the next run goes on to what a run without kills has made, to the
last bit.
"""

import hashlib
import mmap
import os
import re
import signal
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pygame

import ml.capture.importing
import sim.generate.dataset
from entities.scene import Scene
from entities.units import DT
from ml.episodes.commit import STAGING
from ml.episodes.layout import COLUMNS, INFO
from ml.episodes.reader import EpisodeDataset, open_dataset
from ml.episodes.writer import EpisodeWriter
from sim.inspect.export import write_bvh_file
from sim.loop import Simulation
from sim.output.recorder import Recorder, Take
from sim.robustness.campaign import Outcome
from sim.robustness.isolation import Child, Ended, command, isolated

KILLS = 3
"""Kills of one try, one after the other, on the same folder."""
LIMIT_S = 120.0
"""For one run without a kill."""
SCENES, SCENE_S = 4, 0.5
"""Scenes a recorder records, and how long they are."""
CALLS = ("rename", "replace", "fsync", "unlink")
"""Functions of os that a commit is made of: a kill may come just before or after any call."""

Work = Callable[[], Any]
Finished = dict[str, str]
"""What is finished: a name for each part, and what tells whether it is still the same."""


@dataclass(frozen=True, slots=True)
class Target:
    """A run that can be cut short and repeated. order: the work that goes on to the end.

    finished: what is whole in a folder; it raises for what looks finished but is not.
    """

    name: str
    prepare: Callable[[Path], None]
    order: Callable[[Path, int], Work]
    finished: Callable[[Path], Finished]


def attempt(seed: int, folder: Path) -> Outcome:
    """Kill a run some times, then let it end; compare with a run that was never killed."""
    draw = np.random.default_rng([seed, 5])
    target = TARGETS[seed % len(TARGETS)]
    outcome = Outcome()
    whole, killed = folder / "whole", folder / "killed"
    for place in (whole, killed):
        place.mkdir()
    target.prepare(folder)
    calls = _Calls()
    reference = isolated(calls.counted(target.order(whole, seed)), LIMIT_S)
    if reference.code != 0:
        return replace(outcome, failures=[f"{target.name}, not killed: {reference.what()}"])
    wanted = target.finished(whole)
    before: Finished = {}
    for n in range(KILLS):
        work = target.order(killed, seed)
        if draw.random() < 0.4 or calls.count == 0:
            how = "at a moment"
            child = Child(work, LIMIT_S)
            time.sleep(float(draw.uniform(0.0, 1.05 * reference.seconds)))
            with suppress(ProcessLookupError):
                child.kill()
            ended = child.wait()
        else:
            at, torn = int(draw.integers(1, calls.count + 1)), bool(draw.random() < 0.5)
            after = bool(draw.random() < 0.5)
            how = f"{'after' if after else 'before'} call {at} of {calls.count}"
            how += ", the file half written" if torn else ""
            ended = isolated(calls.struck(work, at, torn=torn, after=after, seed=n), LIMIT_S)
        outcome.runs += 1
        outcome.slowest_s = max(outcome.slowest_s, ended.seconds)
        where = f"{target.name}, kill {n + 1} {how}"
        if ended.code not in (0, -signal.SIGKILL):
            outcome.failures.append(f"{where}: {ended.what()}\n{ended.err}")
        if ended.left_behind:
            outcome.failures.append(f"{where}: processes it had started live on")
        found = isolated(partial(target.finished, killed), LIMIT_S)
        if found.code != 0:
            why = f"{found.what()}\n{found.err}"
            outcome.failures.append(f"{where}: what is there cannot be read: {why}")
            return outcome
        outcome.failures += [f"{where}: {line}" for line in lost(before, found.value)]
        if len(found.value) < _told(ended):
            told = f"{_told(ended)} were said to be finished, {len(found.value)} are"
            outcome.failures.append(f"{where}: {told}")
        before = found.value
    last = isolated(target.order(killed, seed), LIMIT_S)
    outcome.slowest_s = max(outcome.slowest_s, last.seconds)
    if last.code != 0:
        outcome.failures.append(f"{target.name}, after {KILLS} kills: {last.what()}\n{last.err}")
        return outcome
    found = target.finished(killed)
    outcome.failures += [f"{target.name}, at the end: {line}" for line in lost(before, found)]
    if found != wanted:
        apart = sorted({name for name, _ in found.items() ^ wanted.items()})[:5]
        outcome.failures.append(f"{target.name}: not what a run without kills makes: {apart}")
    if (killed / "d").is_dir():
        EpisodeWriter(killed / "d").close()  # what a kill left half done, the next writer finishes
    parts = [path for path in killed.rglob("*") if re.search(r"\.(part|tmp)$", path.name)]
    if parts:
        outcome.failures.append(f"{target.name}: left over: {sorted(p.name for p in parts)}")
    return outcome


def lost(before: Finished, after: Finished) -> list[str]:
    """A line for each part that was finished and now is missing or another."""
    return [
        f"{name} was finished and is {'another' if name in after else 'gone'}"
        for name, content in before.items()
        if after.get(name) != content
    ]


def _told(ended: Ended) -> int:
    """How many parts a run has said are finished: the number in its last such line."""
    numbers = re.findall(r"^finished (\d+)$", ended.out, re.MULTILINE)
    return int(numbers[-1]) if numbers else 0


class _Calls:
    """Counts the calls of CALLS in a child, or kills it at one of them."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 8)  # a forked child counts where its parent reads

    @property
    def count(self) -> int:
        """Calls so far."""
        return struct.unpack("q", self._shared[:8])[0]

    def counted(self, work: Work) -> Work:
        """The work, counting."""

        def counting() -> Any:
            self._watch(lambda call, arguments: call(*arguments))
            return work()

        return counting

    def struck(self, work: Work, at: int, *, torn: bool, after: bool, seed: int) -> Work:
        """The work, killed at its call number ``at``.

        torn: cut short what that call was to make durable or to put in place. after: see CALLS.
        """
        draw = np.random.default_rng([at, seed])
        left = [at]

        def strike(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
            left[0] -= 1
            if left[0]:
                return call(*arguments)
            if torn:
                _tear(call.__name__, arguments[0], float(draw.random()))
            elif after:
                call(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)

        def striking() -> Any:
            self._watch(strike)
            return work()

        return striking

    def _watch(self, on_call: Callable[[Callable[..., Any], tuple[Any, ...]], Any]) -> None:
        def watched(call: Callable[..., Any]) -> Callable[..., Any]:
            def instead(*arguments: Any, **others: Any) -> Any:
                self._shared[:8] = struct.pack("q", self.count + 1)
                return on_call(_bound(call, others), arguments)

            return instead

        for name in CALLS:
            setattr(os, name, watched(getattr(os, name)))


def _bound(call: Callable[..., Any], others: dict[str, Any]) -> Callable[..., Any]:
    """The call with its keyword arguments, under its own name."""
    if not others:
        return call
    bound: Any = partial(call, **others)
    bound.__name__ = call.__name__
    return bound


def _tear(call: str, what: Any, share: float) -> None:
    """Cut a file short that a kill could have met half written.

    A file that is being made durable could; so could one that is put in place without that. What
    is staged for a commit that has been decided is durable already.
    """
    path = Path(os.readlink(f"/proc/self/fd/{what}")) if call == "fsync" else Path(what)
    unfinished = path.name.endswith((".part", ".part.png"))
    decided = path.parent.name == STAGING and call != "fsync" and path.name != "commit.json.part"
    if call == "unlink" or decided or not unfinished or not path.is_file():
        return
    os.truncate(path, int(share * path.stat().st_size))


# What is finished, in a dataset, in a folder of films, in a run of training.


def dataset_parts(path: Path) -> Finished:
    """Every scene of a dataset with its episodes. Raises if its tables and files do not agree."""
    if not (path / INFO).is_file():
        return {}
    dataset = open_dataset(path)
    whole(dataset)
    parts = {}
    for number, record in enumerate(dataset.scenes()):
        record.made_with = {}
        told = hashlib.sha256(record.line(number).encode())
        for episode in dataset.of_scene(number):
            for column in COLUMNS:
                told.update(np.ascontiguousarray(getattr(episode, column.field)).tobytes())
            told.update(f"{episode.actor_id} {episode.task} {episode.subtasks}".encode())
        parts[f"scene {number}"] = told.hexdigest()
    return parts


def whole(dataset: EpisodeDataset) -> None:
    """Raises AssertionError unless every table and file of a dataset agrees with every other."""
    lengths = dataset.column("length")
    assert len(lengths) == len(dataset), f"{len(lengths)} rows of {len(dataset)} episodes"
    assert sum(lengths) == dataset.n_frames, "frames are missing"
    assert dataset.column("episode_index") == list(range(len(dataset))), "episodes out of order"
    assert len(list(dataset.scenes())) == dataset.n_scenes, "scenes are missing"
    rows = dataset.rows(["episode_index", "index", "task_index"])
    assert rows.columns["index"].tolist() == list(range(dataset.n_frames)), "frames out of order"
    assert rows.columns["task_index"].max(initial=-1) < len(dataset.tasks), "tasks are missing"


def film_parts(folder: Path) -> Finished:
    """Every film of a batch. Raises if one that has its name is not whole."""
    parts = {}
    for path in sorted(folder.glob("*.mp4")):
        with av.open(str(path)) as film:
            n = sum(1 for _ in film.decode(video=0))
        assert n == round(FILM_S * FILM_FPS), f"{path.name}: {n} pictures"
        parts[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return parts


def training_parts(folder: Path) -> Finished:
    """The steps that a run of training has behind it, and at its end its weights."""
    from ml.motion.weights import load_model, load_state
    from ml.train import MEAN, STATE

    parts = {}
    for run in (folder / MEAN, folder):
        for name in ("best", "last"):
            if (run / f"{name}.safetensors").is_file():
                load_model(run / f"{name}.safetensors")
        if not (run / STATE).is_file():
            continue
        tensors, state = load_state(run / STATE)
        parts |= {f"{run == folder}, step {step}": "done" for step in range(state["step"] + 1)}
        if state["step"] == TRAIN_STEPS:
            told = hashlib.sha256()
            for name in sorted(name for name in tensors if name.startswith("average.")):
                told.update(tensors[name].numpy().tobytes())
            parts[f"{run == folder}, weights"] = told.hexdigest()
    return parts


# What is killed.


def scene_of(number: int) -> Scene:
    """A short scene of two, the number its seed."""
    return Scene.model_validate(
        {
            "actors": [
                {"id": "a", "initial_position": {"x": 0, "y": 0}, "actions": [[0, "run"]]},
                {"id": "b", "initial_position": {"x": 1, "y": 2}, "actions": [[0, "wave"]]},
            ],
            "duration": SCENE_S,
            "seed": number,
        }
    )


def _nothing(folder: Path) -> None:
    pass


def _n_scenes(path: Path) -> int:
    return open_dataset(path).n_scenes if (path / INFO).is_file() else 0


def _record(path: Path, seed: int) -> Work:
    """``run_sim.py --headless --record``, scene after scene."""

    def work() -> None:
        for number in range(_n_scenes(path / "d"), SCENES):
            scene = path / f"{number}.json"
            scene.write_text(scene_of(number).model_dump_json(), encoding="utf-8")
            flags = "--scene", scene, "--headless", "--quiet", "--record", path / "d"
            with _ends_well():
                command("run_sim", *flags, "--motion", "procedural")()
            print("finished", number + 1, flush=True)

    return work


@contextmanager
def _ends_well() -> Iterator[None]:
    """Goes on after a command that ends with 0."""
    try:
        yield
    except SystemExit as end:
        if end.code:
            raise


def _watch(path: Path, seed: int) -> Work:
    """The live window: scene after scene is recorded with R."""

    def work() -> None:
        from sim.window.window import Window

        first = _n_scenes(path / "d")
        recorder = Recorder(path / "d")
        window = Window(Simulation(scene_of(first), motion="procedural"), (320, 240), recorder)
        press = pygame.event.Event(pygame.KEYDOWN, key=pygame.K_r, unicode="r", mod=0)
        release = pygame.event.Event(pygame.KEYUP, key=pygame.K_r, mod=0)
        for number in range(first, SCENES):
            window.session.play(scene_of(number))
            for _ in range(2):
                pygame.event.post(press)
                pygame.event.post(release)
                for _ in range(round(SCENE_S / DT)):
                    window.step(DT)
            print("finished", number + 1, flush=True)
        window.close()

    return work


def _generate(path: Path, seed: int) -> Work:
    """The generator, with a commit after every second scene."""

    def work() -> None:
        sim.generate.dataset.BATCH_SCENES = 2
        flags = "--samples", 200, "--seconds", 1, "--workers", 1, "--quiet"
        command("tools.generate_dataset", path / "d", *flags)()

    return work


def _write_clips(folder: Path) -> None:
    """Motions as BVH files, which an importer reads."""
    clips = folder / "clips"
    clips.mkdir()
    take = Take(Simulation(crowd(8), motion="procedural"))
    take.run_until(round(2.0 / DT))
    for number, episode in enumerate(take.episodes()):
        write_bvh_file(episode, clips / f"walk_{number}.bvh")


def _import(path: Path, seed: int) -> Work:
    """The importer, with a commit after every third file."""

    def work() -> None:
        ml.capture.importing.BATCH = 3
        command("tools.import_bvh", path.parent / "clips", "--out", path / "d")()

    return work


FILM_S, FILM_FPS, FILMS = 0.5, 10, 4


def _batch(path: Path, seed: int) -> Work:
    deeds = ("a man runs", "a dog sits", "a woman waves", "two boys jump")
    listed = path.parent / "list.txt"
    listed.write_text("\n".join(deeds[:FILMS]), encoding="utf-8")
    flags = "--seconds", FILM_S, "--fps", FILM_FPS, "--size", "160x90", "--workers", 2, "--quiet"
    return command("tools.render_batch", listed, path, *flags, "--motion", "procedural")


TRAIN_STEPS = 6


def _write_corpus(folder: Path) -> None:
    """People who walk, to learn from and to be held out."""
    with EpisodeWriter(folder / "people") as writer:
        for number, split in enumerate(("train", "val")):
            take = Take(Simulation(crowd(3, number), motion="procedural"))
            take.run_until(round(4.0 / DT))
            writer.add(
                take.record("complete"), [replace(one, split=split) for one in take.episodes()]
            )


def _train(path: Path, seed: int) -> Work:
    """A tiny model in the two stages of a real one, with a checkpoint every second step."""

    def work() -> None:
        from ml.motion.corpus import read_corpus
        from ml.motion.model import MotionConfig
        from ml.train import PRESETS, train_from_scratch

        shape = MotionConfig(width=32, layers=1, heads=2, dropout=0.0)
        config = replace(
            PRESETS["cpu-2h"], batch=4, steps=TRAIN_STEPS, check_every=2, check_windows=8, warm_up=1
        )
        people = path.parent / "people"
        corpora = read_corpus(people, "train"), read_corpus(people, "val")
        train_from_scratch(*corpora, path, config, shape, quiet=True)

    return work


def crowd(n: int, seed: int = 0) -> Scene:
    """A scene of ``n`` people who walk, run, wave and dance, each for itself."""
    deeds = ("walk", "run", "wave", "dance")
    return Scene.model_validate(
        {
            "actors": [
                {
                    "id": f"a{i}",
                    "initial_position": {"x": 0, "y": 20 * i},
                    "actions": [[0.0, deeds[i % 4]], [1.0, "walk"]],
                    "caption": f"a person {deeds[i % 4]}s, then walks",
                }
                for i in range(n)
            ],
            "duration": 4.0,
            "seed": seed,
        }
    )


def _in_d(path: Path) -> Finished:
    return dataset_parts(path / "d")


TARGETS = (
    Target("recorder", _nothing, _record, _in_d),
    Target("window", _nothing, _watch, _in_d),
    Target("generator", _nothing, _generate, _in_d),
    Target("importer", _write_clips, _import, _in_d),
    Target("batch", _nothing, _batch, film_parts),
    Target("training", _write_corpus, _train, training_parts),
)
