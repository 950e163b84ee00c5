"""Rollouts of learned motion: speeds, routes, long streams, and how soon a change shows.

In: a motion model, or None for the procedural animator. Out: motions and figures of its scenes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.scene import Scene
from entities.skeleton import LATERAL, joints_world
from entities.units import DT
from ml.episodes.features import decode, encode
from ml.measure.metrics import MOTION_FPS, Motion, jerk
from ml.motion.corpus import Corpus, cut_windows
from ml.motion.runtime import MotionModel, Streams, open_text_vectors
from sim import simulate
from sim.animation.learned import MODEL_DOES, RENEW_FRAMES
from sim.evaluate.trials import motions_of
from sim.navigation.path import Path
from sim.trace import Trace

SPEEDS = (1.3, 3.0, 5.0, 6.0, 8.0)  # m/s
WARM_UP_S = 3.0
APART_M = 40.0
MOMENTS_S = tuple(2.0 + 4.0 * k / MOTION_FPS for k in range(8))
"""When actions change, s: at another phase of the stride each time."""
BEFORE_S = 0.1
"""Jerk at a change is measured from so long before it."""
SHOWN_M = 0.02
"""A change shows when a pose is so far from what it would have been without it."""


def rollout(model: MotionModel | None, scene: Scene) -> Trace:
    """A run of a scene whose actors a model moves; None is the procedural animator."""
    return simulate(scene, motion="procedural" if model is None else "learned", model=model)


def gait_at(speed: float) -> tuple[str, str]:
    """The action and the clause that stand for a speed in m/s."""
    for limit, action, clause in (
        (2.0, "walk", "walks"),
        (4.0, "jog", "jogs"),
        (5.5, "run", "runs"),
        (7.0, "running_bases", "runs the bases"),
    ):
        if speed < limit:
            return action, clause
    return "sprint", "sprints"


@dataclass(frozen=True, slots=True)
class FreeStream:
    """A model's stream whose root nothing corrects."""

    speed: float  # m/s, mean of its own steps
    states: np.ndarray  # (T, 22)


def free_streams(
    model: MotionModel, speeds: tuple[float, ...], seconds: float, start: np.ndarray
) -> list[FreeStream]:
    """Streams asked to go straight ahead at ``speeds`` (S,), after the frames ``start``.

    start: (S, K, 22), the history of each stream.
    """
    n = len(speeds)
    streams, words = Streams(model, n, 0), open_text_vectors(model.encoder)
    rows = np.arange(n)
    streams.begin(rows, start)
    text = np.stack([words[gait_at(speed)[1]] for speed in speeds])
    asked = np.zeros((n, model.chunk, 3))
    asked[:, :, 0] = np.array(speeds)[:, None]
    states = []
    for k in range(round(seconds * MOTION_FPS)):
        if k % RENEW_FRAMES == 0:
            streams.plan(rows, text, np.zeros_like(text), asked)
        streams.advance()
        states.append(streams.now.copy())
    made = np.stack(states, axis=1)
    return [FreeStream(float(own[:, -2].mean() * MOTION_FPS), own) for own in made]


def steady_frames(speeds: tuple[float, ...], frames: int) -> np.ndarray:
    """Frames (S, K, 22) of procedural actors who already go at ``speeds`` in m/s."""
    scene = _straight_scene(speeds, 5.0)
    trace = rollout(None, scene)
    starts = []
    for a in range(len(speeds)):
        root, heading = trace.root[::2, a].astype(float), trace.heading[::2, a].astype(float)
        state = encode(root, heading, trace.pose[::2, a].astype(float), 1.0)
        starts.append(state[-frames - 1 : -1])
    return np.stack(starts)


def _straight_scene(speeds: tuple[float, ...], seconds: float) -> Scene:
    actors = [
        {
            "id": f"a{k}",
            "initial_position": {"x": 0.0, "y": APART_M * k},
            "velocity": [speed, 0.0],
            "actions": [[0.0, gait_at(speed)[0]]],
        }
        for k, speed in enumerate(speeds)
    ]
    return Scene.model_validate({"actors": actors, "duration": seconds, "seed": 1})


def steady(model: MotionModel | None, seconds: float = 10.0) -> dict[float, Motion]:
    """Motions of actors who keep each of SPEEDS, without their first WARM_UP_S seconds."""
    scene = _straight_scene(SPEEDS, WARM_UP_S + seconds)
    trace = rollout(model, scene)
    return {
        speed: one.between(WARM_UP_S, WARM_UP_S + seconds)
        for speed, one in zip(SPEEDS, motions_of(scene, trace), strict=True)
    }


def routes() -> dict[str, list[list]]:
    """Movement paths by name: circle, square, figure eight and the ballpark diamond."""
    turn = np.linspace(0.0, 2.0 * np.pi, 17)

    def timed(points: np.ndarray, speed: float) -> list[list]:
        legs = np.hypot(*np.diff(points, axis=0).T)
        t = np.concatenate([[0.0], 1.0 + np.cumsum(legs) / speed])
        return [
            [float(a), {"x": float(x), "y": float(y)}] for a, (x, y) in zip(t, points, strict=True)
        ]

    circle = 5.0 * np.stack([np.sin(turn), 1.0 - np.cos(turn)], axis=1)
    eight = np.stack([8.0 * np.sin(turn), 4.0 * np.sin(2.0 * turn)], axis=1)
    square = np.array([[0, 0], [8, 0], [8, 8], [0, 8], [0, 0]], float)
    diamond = 27.43 * np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], float)
    return {
        "circle": timed(circle, 2.0),
        "square": timed(square, 1.3),
        "figure eight": timed(eight, 1.8),
        "diamond": timed(diamond, 4.5),
    }


def path_errors(model: MotionModel | None) -> dict[str, tuple[float, float]]:
    """Mean and largest distance, m, from the reference curve, by route."""
    found = {}
    for name, knots in routes().items():
        actor = {"id": "a", "initial_position": knots[0][1], "movement_path": knots}
        scene = Scene.model_validate({"actors": [actor], "duration": knots[-1][0], "seed": 1})
        root = rollout(model, scene).root[:, 0, :2]
        path = Path.through([(t, p["x"], p["y"], None) for t, p in knots], "route")
        line = path.at(np.arange(0.0, path.end, 0.02))[:, :2]
        off = np.array([np.hypot(*(line - place).T).min() for place in root])
        found[name] = float(off.mean()), float(off.max())
    return found


@dataclass(frozen=True, slots=True)
class Response:
    """How a change of action shows, over changes made at MOMENTS_S."""

    seconds: float  # mean, until the pose is SHOWN_M from what it would have been
    latest: float  # the longest of them
    settled: float  # mean, until the change shows and no joint leaps any more
    jerk: float  # m/s³, mean of the highest in the second from just before it
    highest: float  # the highest of them
    apart: np.ndarray  # (T,) m, mean over MOMENTS_S, tick by tick for a second after the change


def response(
    model: MotionModel | None, first: str, then: str, leap: float = float("inf")
) -> Response:
    """How soon a change of action shows, and how hard it jerks; None is the animator.

    leap: m/s³ of jerk from which on a joint leaps. An actor who leaps into another motion shows
    the change at once; ``settled`` waits until the new motion moves as people do.
    """

    def run(actions: list, until: float) -> tuple[Scene, Trace]:
        actor = {"id": "a", "initial_position": {"x": 0.0, "y": 0.0}, "actions": actions}
        scene = Scene.model_validate({"actors": [actor], "duration": until, "seed": 1})
        return scene, rollout(model, scene)

    unchanged = run([[0.0, first]], MOMENTS_S[-1] + 1.5)[1].pose[:, 0]
    took, settled, jerks, distances = [], [], [], []
    for at in MOMENTS_S:
        scene, trace = run([[0.0, first], [at, then]], at + 1.5)
        apart = np.abs(trace.pose[:, 0] - unchanged[: len(trace.pose)]).max(axis=(1, 2))
        distances.append(apart[round(at / DT) :][: round(1.0 / DT)])
        late = np.flatnonzero(distances[-1] > SHOWN_M)
        took.append(float(late[0] * DT) if len(late) else float("inf"))
        start = at - BEFORE_S
        found = jerk(motions_of(scene, trace)[0].between(start, start + 1.0 + BEFORE_S))
        over = np.flatnonzero(found > leap)
        # The third difference at index i is of frames i to i + 3; it is over at the last.
        settled.append(max(took[-1], (over[-1] + 3) / MOTION_FPS - BEFORE_S if len(over) else 0.0))
        jerks.append(found.max())
    return Response(
        float(np.mean(took)), max(took), float(np.mean(settled)),
        float(np.mean(jerks)), float(np.max(jerks)), np.mean(distances, axis=0),
    )  # fmt: skip


def jerks_at_changes(model: MotionModel | None, actions: Sequence[ActionType]) -> np.ndarray:
    """(P,) m/s³, the highest within 2.4 s of a change, for every ordered pair of actions.

    Each pair changes at three moments. None is the animator.
    """
    pairs = [(a, b) for a in actions for b in actions if a is not b]
    moments = [2.0 + 0.1 * ((7 * k) % 9) for k in range(3 * len(pairs))]
    actors = [
        {
            "id": f"a{k}",
            "initial_position": {"x": 1.5 * APART_M * (k // 40), "y": APART_M * (k % 40)},
            "actions": [[0.0, first], [at, then]],
        }
        for k, (at, (first, then)) in enumerate(zip(moments, 3 * pairs, strict=True))
    ]
    scene = Scene.model_validate({"actors": actors, "duration": 5.5, "seed": 1})
    made = motions_of(scene, rollout(model, scene))
    found = []
    for at, one in zip(moments, made, strict=True):
        found.append(jerk(one.between(at - 0.1, at + 2.4)).max())
    return np.array(found)


@dataclass(frozen=True, slots=True)
class Travel:
    """Root errors of streams against the recorded roots."""

    ade: float  # m, mean over the time
    fde: float  # m, at its end
    distance: float  # m travelled
    share: float  # of windows within 2 % of their distance + 0.03 m on average


def travel_error(
    model: MotionModel, corpus: Corpus, n: int = 256, frames: int = 60, *, given: bool = True
) -> Travel:
    """Root errors over ``frames`` frames of streams that start from held-out histories.

    given: whether the recorded velocity is asked for, or nothing.
    """
    rng = np.random.default_rng(7)
    h, c = model.history, model.chunk
    fits, _ = corpus.chunk_starts(frames + c)
    fits = fits[(fits - corpus.first[fits] >= h) & corpus.root_valid[fits]]
    same = corpus.clause[fits] == corpus.clause[fits + frames]
    pace = np.hypot(*corpus.state[fits, -2:].T) * MOTION_FPS
    at = rng.choice(fits[same & (pace > 0.5)], n)
    streams = Streams(model, n, 0)
    rows = np.arange(n)
    past = np.stack([corpus.state[a - h : a] for a in at]).astype(float)
    streams.begin(rows, past)
    states = []
    for k in range(frames):
        if k % RENEW_FRAMES == 0:
            w = cut_windows(corpus, at + k, 0, c, rng, smoothing_s=(0.0,))
            streams.plan(rows, w.text, w.style, w.asked, np.full((n, 1), float(given)))
        streams.advance()
        states.append(streams.now)
    made = np.stack(states, axis=1)
    heading = np.stack([corpus.heading[a : a + frames] for a in at]).astype(float)
    true = np.stack([corpus.state[a : a + frames] for a in at]).astype(float)
    tracks = [
        np.stack([decode(s, hd, np.zeros(2), 1.0)[0] for s, hd in zip(which, heading, strict=True)])
        for which in (made, true)
    ]
    off = np.hypot(*np.moveaxis(tracks[0] - tracks[1], 2, 0))
    far = np.hypot(*np.moveaxis(np.diff(tracks[1], axis=1), 2, 0)).sum(axis=1)
    good = off.mean(axis=1) <= 0.02 * far + 0.03
    return Travel(
        float(off.mean()), float(off[:, -1].mean()), float(far.mean()), float(good.mean())
    )


def stream_motion(states: np.ndarray, heading: np.ndarray | None = None) -> Motion:
    """A stream (T, 22) as a Motion, straight ahead unless ``heading`` (T,) in rad is given."""
    heading = np.zeros(len(states)) if heading is None else heading
    ground, pose = decode(states, heading, np.zeros(2), 1.0)
    root = np.concatenate([ground, np.zeros((len(states), 1))], axis=1)
    lateral = np.tile(LATERAL, (len(states), 1))
    world = joints_world(root, heading, pose, lateral)
    return Motion(MOTION_FPS, root, heading, pose, lateral, world, np.zeros((len(states), 2), bool))


class WrappedModel(MotionModel):
    """A model with everything of another one; subclasses replace a part."""

    def __init__(self, model: MotionModel) -> None:
        vars(self).update(vars(model))
        self._model = model

    def plan(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As MotionModel."""
        return self._model.plan(*inputs)


def for_all_actions(model: MotionModel) -> MotionModel:
    """The same model, used for every action that models can do, whatever it is exported for."""
    every = WrappedModel(model)
    every.actions = frozenset()
    return every


class WithoutPositionHead(WrappedModel):
    """A model whose position head gives no steps: the displacement left is the correction's."""

    def plan(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As MotionModel, without steps."""
        chunk, contact = self._model.plan(*inputs)
        chunk[..., -2:] = 0.0
        return chunk, contact


def distance_without_head(model: MotionModel) -> tuple[float, float]:
    """Metres walked in 8 s with the position head and without it."""
    scene = _straight_scene((1.3,), 8.0)
    return tuple(
        float(rollout(each, scene).root[-1, 0, 0]) for each in (model, WithoutPositionHead(model))
    )


def learned_share(model: MotionModel) -> float:
    """Share of actor-ticks that the model makes, in the gaits it is exported for."""
    gaits: tuple[str, ...] = (
        "walk",
        "jog",
        "run",
        "sprint",
        "sneak",
        "march",
        "walk_backwards",
        "strafe",
    )
    gaits = tuple(gait for gait in gaits if not model.actions or gait in model.actions)
    actors = [
        {
            "id": f"a{k}",
            "initial_position": {"x": 0.0, "y": APART_M * k},
            "actions": [[0.0, gait], [4.0, gaits[k - 1]]],
        }
        for k, gait in enumerate(gaits)
    ]
    scene = Scene.model_validate({"actors": actors, "duration": 8.0, "seed": 2})
    trace = rollout(model, scene)
    return float(trace.source.mean())


def liveliness(model: MotionModel | None) -> dict[ActionType, float]:
    """By action that models can do: mean deviation of joints from their mean pose, m."""
    actions = [action for action, does in zip(ACTIONS, MODEL_DOES, strict=True) if does]
    actors = [
        {
            "id": f"a{k}",
            "initial_position": {"x": 0.0, "y": APART_M * k},
            "actions": [[0.0, action.value]],
        }
        for k, action in enumerate(actions)
    ]
    scene = Scene.model_validate({"actors": actors, "duration": 8.0, "seed": 5})
    pose = rollout(model, scene).pose[round(1.0 / DT) :]
    return dict(zip(actions, pose.std(axis=0).mean(axis=(1, 2)).tolist(), strict=True))


def call_cost(model: MotionModel, n: int) -> float:
    """Least CPU time, ms, of a call that plans for ``n`` actors."""
    rng = np.random.default_rng(0)
    inputs = (
        0.1 * rng.standard_normal((n, model.history, 22)),
        np.zeros((n, model.text)),
        np.zeros((n, model.text)),
        np.zeros((n, model.chunk, 3)),
        np.ones((n, 1)),
        rng.standard_normal((n, model.chunk, 22)),
    )
    best = np.inf
    for _ in range(8):
        start = time.process_time()
        model.plan(*inputs)
        best = min(best, time.process_time() - start)
    return 1e3 * best


def crowd_cost(model: MotionModel, n: int) -> float:
    """Seconds of CPU that a second of ``n`` learned walkers takes, physics and all."""
    seconds = 4.0
    actors = [
        {
            "id": f"a{k}",
            "initial_position": {"x": 3.0 * (k // 10), "y": 3.0 * (k % 10)},
            "actions": [[0.0, "walk"]],
        }
        for k in range(n)
    ]
    scene = Scene.model_validate({"actors": actors, "duration": seconds, "seed": 3})
    start = time.process_time()
    rollout(model, scene)
    return (time.process_time() - start) / seconds
