"""What several test files need: scenes in one line."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import entities.command
import ml.motion.runtime
from entities.scene import Scene

SHIPPED = ml.motion.runtime.default_model()
"""The motion model that comes with the package."""

# The suite keeps every core busy by itself: torch's threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def make_scene(*actors: dict[str, Any], **fields: Any) -> Scene:
    """A scene of actors ``a0, a1, …``, each given by what differs from standing at the origin."""
    cast = [
        {"id": f"a{i}", "initial_position": {"x": 0.0, "y": 0.0}, **actor}
        for i, actor in enumerate(actors)
    ]
    return Scene.model_validate({"actors": cast, **fields})


def at(x: float, y: float, z: float | None = None) -> dict[str, float | None]:
    """A place in a scene file."""
    return {"x": x, "y": y, "z": z}


@pytest.fixture(autouse=True, scope="session")
def _no_display() -> None:
    """Drawing must not need a screen, so no test may find one by accident."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")


@pytest.fixture(autouse=True, scope="session")
def _animator(tmp_path_factory) -> Iterator[None]:
    """In this process nothing asked is the animator: the world, the story and the animator are
    tested to the last bit with it, four times as fast. Commands in other processes, and whatever
    asks for ``shipped``, meet the model that comes with the package.
    """
    absent = tmp_path_factory.getbasetemp() / "no model.onnx"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ml.motion.runtime, "default_model", lambda: absent)
        yield


@pytest.fixture
def shipped(monkeypatch) -> Path:
    """The model that comes with the package, where a user finds it."""
    monkeypatch.setattr(ml.motion.runtime, "default_model", lambda: SHIPPED)
    return SHIPPED


@pytest.fixture
def tool(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Runs a tool's command in this process: its exit code, stdout and stderr."""
    monkeypatch.setattr(entities.command.signal, "signal", lambda *_: None)

    def call(app: typer.Typer, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tool", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            entities.command.run_command(app)
        return exit_.value.code, *capsys.readouterr()

    return call
