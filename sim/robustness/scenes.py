"""Whole scene files, valid and nearly valid: everything they may say, in any mixture.

A scene is refused in one line, or it is built, it runs with finite numbers, and it does so twice to
the same bit.
"""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from entities.actions import ActionType
from entities.objects import ObjectType
from entities.scene import CameraMode, Scene, TimeOfDay, Weather, explain
from entities.skeleton import ActorType
from sim.animation.style import STYLES
from sim.loop import simulate
from sim.robustness.campaign import Outcome, pick
from sim.story.language.lexicon import themes
from sim.trace import Trace

SECONDS = 2.0
"""Most simulated time of a try, s."""
ACTIONS = [action.value for action in ActionType]
OBJECTS = [kind.value for kind in ObjectType]
COLORS = ("red", "#ffffff", "#000000", "#12aBcd")
WORDS = ("hello", "", "a" * 2_000, "Ω 你好 🎉", "two\nlines", "\t", "-5", "{}")
THEMES = [*themes().themes, "nowhere"]
WAYS = ("spread", "spread", "spread", "heap", "line", "far", "edge")
"""How a cast is laid out."""

Draw = np.random.Generator


def random_scene(
    draw: Draw, n_actors: int, n_objects: int, duration: float, way: str = "spread"
) -> dict[str, Any]:
    """A scene file in which everything that may be said is said somewhere.

    way: spread over a stage; heap, all at one point; line, touching; far and edge, at a distance at
    which numbers are coarse.
    """
    spread = 3.0 + 2.0 * np.sqrt(n_actors + n_objects)
    middle = {"far": 9_000.0, "edge": 99_900.0}.get(way, 0.0)
    taken = 0

    def place() -> dict[str, float]:
        nonlocal taken
        taken += 1
        if way == "heap":
            return {"x": 0.0, "y": 0.0}
        if way == "line":
            return {"x": 0.3 * taken, "y": 0.0}
        x, y = (middle + draw.normal(0, spread, 2)).clip(-99_999.0, 99_999.0).tolist()
        return {"x": x, "y": y}

    actor_ids = [f"a{i}" for i in range(n_actors)]
    object_ids = [f"o{i}" for i in range(n_objects)]
    names = actor_ids + object_ids
    scene: dict[str, Any] = {
        "actors": [_actor(draw, name, place(), names, object_ids, duration) for name in actor_ids],
        "objects": [_object(draw, name, place(), actor_ids) for name in object_ids],
        "duration": duration,
        "seed": int(draw.integers(2**63 - 1)),
        "gravity": pick(draw, (9.81, 9.81, 1.62, 0.0, 25.0, 100.0)),
        "theme": pick(draw, THEMES),
        "weather": pick(draw, list(Weather)),
        "time_of_day": pick(draw, list(TimeOfDay)),
        "camera": _camera(draw, actor_ids, duration),
    }
    return scene


def broken_scene(draw: Draw, scene: dict[str, Any]) -> dict[str, Any]:
    """The scene with one value somewhere that is not allowed, or just about."""
    scene = json.loads(json.dumps(scene))
    at: Any = scene
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = keys[int(draw.integers(len(keys)))]
        if isinstance(at[key], dict | list) and at[key] and draw.random() < 0.85:
            at = at[key]
            continue
        at[key] = pick(draw, ODD)
        return scene


ODD = (
    None, True, False, "", " ", "\x00", "a0", "o0", "ghost", "é" * 65, -1, 0, 1, 0.0, -0.0, 1e-300,
    1e300, -1e6, 2**63, 2**63 - 1, 0.01, 100.0, 100_001, 3_601, float("nan"), float("inf"), [], {},
    [[0, "walk"]], [[5, "walk"], [1, "run"]], [[0.0, "moonwalk"]], [[0.0, {"x": 0, "y": 0}]] * 2,
    [[0.0, {"x": 0, "y": 0}], [0.01, {"x": 50, "y": 0}]], {"x": 0, "y": 0}, [0, 0], [12, 12],
    [-100, 100], "walk", "human", "red", "#12345", "#gggggg", "follow", [[]], {"t": 0}, [{"t": 0}],
    [{"t": 0, "say": "\x00"}], [{"t": 0, "target": "ghost"}], [{"t": 0, "text": "now she sits"}],
    [{"t": 0, "actor": "a0", "text": "now she sits"}], "1" * 400,
)  # fmt: skip
"""Values of every type, at and beyond what some field allows."""


def attempt(seed: int, folder: Path) -> Outcome:
    """Make a scene of a seed and run it twice; by the model every fourth time."""
    draw = np.random.default_rng([seed, 77])
    n_actors = int(np.exp(draw.uniform(0, np.log(40)))) if draw.random() > 0.1 else 0
    n_objects = int(draw.integers(0, 14)) if draw.random() > 0.1 else 0
    duration = 1 / 60 if draw.random() < 0.08 else float(draw.uniform(0.02, SECONDS))
    content = random_scene(draw, n_actors, n_objects, duration, pick(draw, WAYS))
    if draw.random() < 0.4:
        content = broken_scene(draw, content)
    text = json.dumps(content)
    (folder / "scene.json").write_text(text, encoding="utf-8")
    outcome, began = Outcome(runs=1), time.monotonic()
    motion = "learned" if seed % 4 == 0 else "procedural"
    try:
        try:
            scene = Scene.model_validate_json(text)
        except ValidationError as error:
            raise ValueError(explain(error)) from None
        seconds = min(scene.duration, SECONDS)
        digests = {digest(simulate(scene, max(seconds, 1 / 60), motion=motion)) for _ in range(2)}
    except ValueError as error:
        outcome.refused = 1
        outcome.failures += wrong_refusal(str(error))
    else:
        if len(digests) > 1:
            outcome.failures.append("the same scene twice is not the same to the last bit")
    outcome.slowest_s = (time.monotonic() - began) / 2
    return outcome


def digest(trace: Trace) -> str:
    """SHA-256 of a trace's numbers. Raises AssertionError for one that is not finite."""
    overlay = trace.overlay
    told = hashlib.sha256()
    for name, numbers in (
        ("root", trace.root), ("heading", trace.heading), ("pose", trace.pose),
        ("lateral", overlay.lateral), ("roll", overlay.roll), ("gaze", overlay.gaze),
        ("mouth", overlay.mouth), ("face", overlay.face), ("contact", trace.contact),
        ("action", trace.action), ("object_position", trace.object_position),
    ):  # fmt: skip
        assert np.isfinite(numbers).all(), f"{name}: not finite"
        told.update(np.ascontiguousarray(numbers).tobytes())
    return told.hexdigest()


def wrong_refusal(text: str) -> list[str]:
    """What is wrong with the text of a refusal: it is one line that says something."""
    lines = text.strip().splitlines()
    if len(lines) != 1:
        return [f"a refusal of {len(lines)} lines: {text!r}"]
    if len(text) > 600:
        return [f"a refusal of {len(text)} letters: {text[:100]!r}"]
    return []


def _actor(
    draw: Draw,
    name: str,
    start: dict[str, float],
    names: list[str],
    object_ids: list[str],
    duration: float,
) -> dict[str, Any]:
    times = np.sort(draw.uniform(0, duration, int(draw.integers(0, 6)))).tolist()
    actor: dict[str, Any] = {
        "id": name,
        "initial_position": start,
        "heading": float(draw.uniform(-7, 7)),
        "actor_type": pick(draw, list(ActorType)),
        "actions": [[t, pick(draw, ACTIONS)] for t in times],
        "scale": float(np.exp(draw.uniform(np.log(0.1), np.log(10.0)))),
    }
    if draw.random() < 0.4:
        actor["scale"] = float(draw.uniform(0.7, 1.3))
    if draw.random() < 0.1:
        actor["initial_position"] = {**start, "z": float(draw.uniform(0, 30))}
    if draw.random() < 0.2:
        actor |= {"style": pick(draw, list(STYLES)), "style_intensity": float(draw.random())}
    if draw.random() < 0.2:
        actor["color"] = pick(draw, COLORS)
    if draw.random() < 0.2:
        actor["caption"] = pick(draw, WORDS)
    if draw.random() < 0.25:
        actor["prop"] = pick(draw, OBJECTS + object_ids)
    kind = int(draw.integers(4))
    if kind == 0:
        actor["movement_path"] = _path(draw, start)
    elif kind == 1:
        actor["velocity"] = draw.uniform(-7, 7, 2).tolist()
    if draw.random() < 0.4:
        times = np.sort(draw.uniform(0, duration, int(draw.integers(1, 5)))).tolist()
        actor["cues"] = [_cue(draw, t, names) for t in times]
    return actor


def _cue(draw: Draw, t: float, names: list[str]) -> dict[str, Any]:
    cue: dict[str, Any] = {"t": t}
    if draw.random() < 0.6:
        cue["target"] = pick(draw, names)
    if draw.random() < 0.3:
        cue["gaze"] = pick(draw, names)
    if draw.random() < 0.3:
        cue["say"] = pick(draw, WORDS)
    if draw.random() < 0.3:
        cue["style"] = pick(draw, list(STYLES))
    if draw.random() < 0.3:
        cue["intensity"] = float(draw.random())
    return cue


def _object(draw: Draw, name: str, start: dict[str, float], actor_ids: list[str]) -> dict[str, Any]:
    thing: dict[str, Any] = {
        "id": name,
        "object_type": pick(draw, OBJECTS),
        "position": start,
        "heading": float(draw.uniform(-7, 7)),
        "scale": float(draw.uniform(0.3, 2.0)),
    }
    if draw.random() < 0.1:
        thing["scale"] = pick(draw, (0.01, 0.1, 10.0, 100.0))
    if draw.random() < 0.15:
        thing["position"] = {**start, "z": float(draw.uniform(-1, 40))}
    kind = int(draw.integers(6))
    if kind == 0:
        thing["velocity"] = draw.uniform(-30, 30, 2).tolist()
    elif kind == 1:
        thing["movement_path"] = _path(draw, start)
    elif kind == 2 and actor_ids:
        thing["held_by"] = pick(draw, actor_ids)
    return thing


def _path(draw: Draw, start: dict[str, float]) -> list[list[Any]]:
    t, x, y, knots = 0.0, start["x"], start["y"], [[0.0, start]]
    for _ in range(int(draw.integers(1, 5))):
        leg, turn = float(draw.uniform(1.5, 4.0)), float(draw.uniform(-np.pi, np.pi))
        t, far = t + leg, leg * float(draw.uniform(0.0, 3.0))
        x, y = x + far * np.cos(turn), y + far * np.sin(turn)
        knots.append([t, {"x": float(np.clip(x, -1e5, 1e5)), "y": float(np.clip(y, -1e5, 1e5))}])
    return knots


def _camera(draw: Draw, actor_ids: list[str], duration: float) -> dict[str, Any]:
    camera: dict[str, Any] = {"mode": pick(draw, list(CameraMode))}
    if actor_ids and draw.random() < 0.3:
        camera["follow"] = pick(draw, actor_ids)
    keys = []
    for t in np.sort(draw.uniform(0, duration, int(draw.integers(0, 3)))).tolist():
        key: dict[str, Any] = {"t": t}
        if draw.random() < 0.4:
            key["zoom"] = pick(draw, (0.011, 0.5, 2.0, 100.0))
        if draw.random() < 0.4:
            key["pan"] = float(draw.uniform(-1e4, 1e4))
        if draw.random() < 0.3:
            key["mode"] = pick(draw, list(CameraMode))
        if actor_ids and draw.random() < 0.3:
            key["follow"] = pick(draw, actor_ids)
        keys.append(key)
    return {**camera, "keyframes": keys}
