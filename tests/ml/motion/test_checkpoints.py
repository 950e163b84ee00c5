"""Checkpoints: killed while they are written, damaged, or somebody else's."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")
safetensors = pytest.importorskip("safetensors.torch")

from entities.errors import UserError  # noqa: E402
from ml.motion.model import MotionConfig  # noqa: E402
from ml.motion.weights import load_model, load_state, save_state, save_weights  # noqa: E402
from ml.train import STATE, read_curve, train  # noqa: E402
from tests.ml.motion.test_model import BRIEF, SMALL, pacing, small_model  # noqa: E402


def refused(path: Path, read=load_model) -> str:
    """Why a file is refused: one line that names it."""
    with pytest.raises(UserError) as error:
        read(path)
    line = str(error.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line


@pytest.fixture
def weights(tmp_path) -> Path:
    path = tmp_path / "w.safetensors"
    save_weights(small_model(pacing()), path, "data", 7)
    return path


def changed(path: Path, about: dict[str, str | None] | None = None, **tensors) -> Path:
    """A checkpoint with other metadata or tensors; None leaves one out."""
    with safetensors.safe_open(path, "pt") as file:
        there = {name: file.get_tensor(name) for name in list(file.keys())} | tensors
        metadata = file.metadata() | (about or {})
    safetensors.save_file(
        {name: tensor for name, tensor in there.items() if tensor is not None},
        path,
        {name: value for name, value in metadata.items() if value is not None},
    )
    return path


def test_weights_are_whole_and_finite(weights) -> None:
    bad = torch.full((22,), 1.0)
    assert "std has numbers that are not above 0" in refused(changed(weights, std=0.0 * bad))
    assert "std has numbers that are not finite" in refused(changed(weights, std=bad / 0.0))
    assert "std is (21,); expected (22,)" in refused(changed(weights, std=bad[:21]))
    assert "(lacks std)" in refused(changed(weights, std=None))
    assert "(has odd)" in refused(changed(weights, std=bad, odd=2.0 * bad))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("config", None, "config is null"),
        ("config", "{", "not JSON"),
        ("config", '{"wide": 3}', "unexpected keyword argument 'wide'"),
        ("config", '{"width": "32"}', "width: 32; expected 1 to 8192"),
        ("config", '{"width": 8192, "layers": 128}', "weights of another shape"),
        ("config", '{"width": 99999999}', "width: 99999999; expected 1 to 8192"),
        ("config", '{"dropout": 2}', "dropout: 2; expected at least 0"),
        ("encoder", "gemini", "encoder is gemini; expected minilm"),
        ("joints", None, "joints is not given"),
        ("tick_s", "0.1", "tick_s is 0.1"),
    ],
)
def test_metadata_of_a_checkpoint(weights, field, value, told) -> None:
    if value is not None and value.startswith('{"'):
        with safetensors.safe_open(weights, "pt") as file:
            whole = json.loads(file.metadata()["config"])
        given = json.loads(value)
        value = value if "wide" in given else json.dumps(whole | given)
    assert told in refused(changed(weights, {field: value}))


def test_damaged_files_are_one_line(weights, tmp_path) -> None:
    content = weights.read_bytes()
    rng = np.random.default_rng(0)
    path, lines = tmp_path / "damaged.safetensors", []
    for _ in range(60):
        damaged = bytearray(content[: int(rng.integers(len(content)))])
        if rng.random() < 0.5 and damaged:
            damaged = bytearray(content)
            for at in rng.integers(2000, size=3).tolist():  # of the header
                damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            load_model(path)
        except UserError as error:
            lines.append(str(error))
    assert len(lines) > 40  # some are read all the same
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in lines)
    assert "no such file" in refused(tmp_path / "absent")
    (tmp_path / "folder").mkdir()
    assert "holds no weights" in refused(tmp_path / "folder")
    assert "not a weights file" in refused(Path(__file__))


def test_a_state_knows_when_it_is_damaged(tmp_path) -> None:
    path = tmp_path / STATE
    tensors = {"model.a": torch.randn(100), "optimiser.0.step": torch.tensor(3.0)}
    save_state(path, tensors, {"step": 3, "best": "inf"})
    found, about = load_state(path)
    assert about == {"step": 3, "best": "inf"}
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    content = path.read_bytes()
    for at in range(8, len(content), 37):
        damaged = bytearray(content)
        damaged[at] ^= 4
        path.write_bytes(damaged)
        refused(path, load_state)
    path.write_bytes(content[:-1])
    refused(path, load_state)
    save_weights(small_model(pacing()), path, "data", 7)
    assert "not the state of a run" in refused(path, load_state)


@pytest.mark.slow
def test_a_folder_with_a_strangers_files_is_refused(tmp_path) -> None:
    corpus = pacing()
    (tmp_path / STATE).write_bytes(b"PK\x03\x04 a pickle, perhaps")
    with pytest.raises(UserError, match="not a weights file"):
        train(corpus, corpus, tmp_path, BRIEF, SMALL, quiet=True)
    (tmp_path / "curve.csv").write_text("what,ever\n1,2\n")
    with pytest.raises(UserError, match=r"curve\.csv: damaged; remove it"):
        read_curve(tmp_path / "curve.csv", 3)


def test_corpora_that_teach_nothing_are_refused_at_once(tmp_path) -> None:
    corpus, run = pacing(), tmp_path / "run"
    long = replace(SMALL, chunk=200)
    with pytest.raises(UserError, match=r"split train: no episode of 6\.7 s"):
        train(corpus, corpus, run, BRIEF, long, quiet=True)
    with pytest.raises(UserError, match="texts of 8 numbers; the model expected 384"):
        train(corpus, corpus, run, BRIEF, MotionConfig(), quiet=True)
    still = replace(corpus, root_valid=np.zeros(len(corpus), bool))
    with pytest.raises(UserError, match="no episode whose root"):
        train(still, corpus, run, BRIEF, SMALL, quiet=True)
    broken = replace(corpus, state=corpus.state * np.nan)
    with pytest.raises(UserError, match="not finite"):
        train(broken, corpus, run, BRIEF, SMALL, quiet=True)
    assert not run.exists()


def test_a_config_is_of_whole_numbers() -> None:
    for name in ("width", "layers", "heads", "text", "history", "chunk", "patch"):
        for value in (0, -1, 2.0, True, "8", 10**9, None):
            with pytest.raises(ValueError, match=f"{name}: "):
                replace(SMALL, **{name: value})


def _train_until(call: str, number: int, after: bool, folder: Path) -> None:
    """Train, in a process that kills itself at the n-th call of a function of os."""
    calls, real = 0, getattr(os, call)

    def deadly(*arguments, **more):
        nonlocal calls
        calls += 1
        if calls == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        done = real(*arguments, **more)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(os, call, deadly)
    corpus, held_out = pacing(), pacing(seed=1)
    train(corpus, held_out, folder, BRIEF, SMALL, quiet=True)


def last_weights(folder: Path) -> list["torch.Tensor"]:
    model, _ = load_model(folder / "last.safetensors")
    return list(model.parameters())


@pytest.mark.slow
def test_a_kill_within_a_checkpoint_loses_no_checkpoint(tmp_path) -> None:
    """Each checkpoint flushes and renames four files; every one of these calls is the last once."""
    isolation = pytest.importorskip("sim.robustness.isolation", reason="forks, so no Windows")
    corpus, held_out = pacing(), pacing(seed=1)
    train(corpus, held_out, tmp_path / "whole", BRIEF, SMALL, quiet=True)
    wanted = last_weights(tmp_path / "whole")
    kills = 0
    for call, after in (("fsync", False), ("replace", False), ("replace", True)):
        number, folder = 0, tmp_path / f"{call}-{after}"
        while True:
            number += 1
            work = lambda: _train_until(call, number, after, folder)  # noqa: B023, E731
            ended = isolation.isolated(work, 120.0)
            kills += ended.code == -signal.SIGKILL
            steps = []
            for name in ("best", "last"):
                path = folder / f"{name}.safetensors"
                if path.exists():
                    load_model(path)  # whole, whenever it is there
            if (folder / STATE).exists():
                steps.append(load_state(folder / STATE)[1]["step"])
                assert [row["step"] for row in read_curve(folder / "curve.csv", steps[0])] == list(
                    range(1, steps[0] + 1)
                )
            if ended.code == 0:
                break
            assert ended.code == -signal.SIGKILL, ended.err
            assert number < 20
        assert not list(folder.glob("*.part"))
        assert not list(folder.glob(".*.part"))
        for mine, yours in zip(wanted, last_weights(folder), strict=True):
            assert torch.equal(mine, yours)
    assert kills >= 10


def test_the_shape_of_a_model_costs_no_memory_before_it_is_known(weights) -> None:
    huge = json.dumps({"width": 8192, "layers": 128, "heads": 8, "history": 8192, "chunk": 8192})
    assert "weights of another shape" in refused(changed(weights, {"config": huge}))
