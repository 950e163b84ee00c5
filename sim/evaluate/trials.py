"""The runs that the animator's tables measure: scenes in, motions out."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from entities.actions import ACTIONS, ActionType
from entities.objects import ObjectType, height_m
from entities.scene import Scene
from entities.skeleton import BONE_LENGTHS, L_FOOT, L_HAND, PELVIS, R_FOOT, R_HAND, joints_world
from entities.units import DT
from ml.measure.metrics import Motion, joint_speed
from ml.measure.similarity import signature
from sim import simulate
from sim.animation.style import STYLES
from sim.loop import Simulation
from sim.trace import Trace

STEADY_SEED, COURSE_SEED, SOLO_SEED, TRANSITION_SEED = 1, 2, 3, 4
STEADY_SPEEDS = (0.8, 1.3, 2.0, 3.0, 5.0, 6.0, 8.0)  # m/s
PERSONS = 8
"""Actors per speed: each draws its own bodily traits, so a row is a mean over people."""
WARM_UP_S, STEADY_S = 3.0, 10.0
COURSE_S, SOLO_S, STYLED_S = 60.0, 4.0, 6.0
SWITCH_S, AFTER_S = 2.0, 3.5
"""When the action changes, and how long the motion after it is watched: no transition is longer."""
PAIRS_PER_SCENE = 40
APART_M = 25.0
"""m between actors who must not meet."""
SEAT_M = 0.09
"""m that a seated pelvis is above its seat."""


def motions_of(scene: Scene, trace: Trace) -> list[Motion]:
    """Every actor of a run as a Motion at 60 frames a second."""
    return [
        motion_of(trace, a, actor.scale, actor.actor_type, _asked_speed(actor))
        for a, actor in enumerate(scene.actors)
    ]


def motion_of(trace: Trace, a: int, scale: float, kind, target_speed: float | None) -> Motion:
    """One actor of a trace. scale, kind: the actor's, as the trace does not keep them."""
    root, heading = trace.root[:, a].astype(float), trace.heading[:, a].astype(float)
    pose, lateral = trace.pose[:, a].astype(float), trace.overlay.lateral[:, a].astype(float)
    roll = trace.overlay.roll[:, a].astype(float)
    return Motion(
        fps=1.0 / DT,
        root=root,
        heading=heading,
        pose=pose,
        lateral=lateral,
        world=joints_world(root, heading, pose, lateral, roll),
        contact=trace.contact[:, a],
        scale=scale,
        bones=np.array(BONE_LENGTHS[kind]),
        target_speed=target_speed,
    )


def _asked_speed(actor) -> float | None:
    return float(np.hypot(*actor.velocity)) if actor.velocity else None


def steady_motions(speed: float, persons: int = PERSONS) -> list[Motion]:
    """Actors who keep one speed on a straight line, without their first WARM_UP_S seconds."""
    action = "walk" if speed < 2.0 else "jog" if speed < 4.0 else "run"
    scene = _scene(
        [{"velocity": (speed, 0.0), "actions": [[0.0, action]]} for _ in range(persons)],
        WARM_UP_S + STEADY_S,
        STEADY_SEED,
    )
    motions = motions_of(scene, simulate(scene, motion="procedural"))
    return [motion.between(WARM_UP_S, WARM_UP_S + STEADY_S) for motion in motions]


def course_motions() -> dict[str, Motion]:
    """60 s of starts, stops and turns: three actors by timetable, three on paths with corners."""
    rng = np.random.default_rng(COURSE_SEED)
    gaits, speeds = (("walk",), ("walk", "jog"), ("jog", "run", "walk")), (1.3, 2.5, 4.0)
    names = [", ".join(names) for names in gaits] + [f"path at {speed} m/s" for speed in speeds]
    actors = [{"actions": _stop_and_go(rng, names)} for names in gaits]
    actors += [{"movement_path": _corners(rng, speed)} for speed in speeds]
    scene = _scene(actors, COURSE_S, COURSE_SEED, apart=8.0 * APART_M)
    motions = motions_of(scene, simulate(scene, motion="procedural"))
    return dict(zip(names, motions, strict=True))


def _stop_and_go(rng: np.random.Generator, gaits: tuple[str, ...]) -> list[list]:
    plan, t = [], 0.0
    while t < COURSE_S - 4.0:
        plan.append([t, gaits[int(rng.integers(len(gaits)))]])
        t += float(rng.uniform(3.0, 6.0))
        plan.append([t, ("idle", "stand", "turn_around")[int(rng.integers(3))]])
        t += float(rng.uniform(1.5, 3.0))
    return plan


def _corners(rng: np.random.Generator, speed: float) -> list[list]:
    """Waypoints of a walk with turns of up to 120 degrees, standing still at every third."""
    t, place, heading = 0.0, np.zeros(2), 0.0
    path = [[t, {"x": 0.0, "y": 0.0}]]
    corner = 0
    while t < COURSE_S - 6.0:
        heading += float(rng.uniform(-2.1, 2.1))
        leg = float(rng.uniform(3.0, 6.0)) * speed
        place = place + leg * np.array([np.cos(heading), np.sin(heading)])
        t += leg / speed + 0.8
        corner += 1
        path.append([t, {"x": float(place[0]), "y": float(place[1])}])
        if corner % 3 == 0:
            t += 2.0
            path.append([t, {"x": float(place[0]), "y": float(place[1])}])
    return path


def _scene(actors: list[dict], seconds: float, seed: int, apart: float = APART_M) -> Scene:
    cast = []
    for i, actor in enumerate(actors):
        y = apart * i
        made = {"id": f"a{i}", "initial_position": {"x": 0.0, "y": y}, **actor}
        if "movement_path" in made:
            made["movement_path"] = [
                [t, {"x": at["x"], "y": at["y"] + y}] for t, at in made["movement_path"]
            ]
        cast.append(made)
    return Scene.model_validate({"actors": cast, "duration": seconds, "seed": seed})


@dataclass(frozen=True, slots=True, eq=False)
class Solo:
    """One action, alone, from the first frame on."""

    action: ActionType
    motion: Motion
    signature: np.ndarray  # (T-1, 14, 3) m, at 30 frames a second
    own_mps: float  # its own highest joint speed


def solos() -> list[Solo]:
    """Every action by the same person, mimed where it needs an object or a partner."""
    made = []
    for action in ACTIONS:
        scene = _scene([{"actions": [[0.0, action.value]]}], SOLO_S, SOLO_SEED)
        motion, points = _with_signature(scene)
        made.append(Solo(action, motion, points, float(joint_speed(motion)[6:].max())))
    return made


def styled_walks() -> dict[str, tuple[Motion, np.ndarray]]:
    """The same person walking under no style ("plain") and under every one."""
    made = {}
    for style in (None, *STYLES):
        scene = _scene([{"actions": [[0.0, "walk"]], "style": style}], STYLED_S, SOLO_SEED)
        motion, points = _with_signature(scene)
        made[style or "plain"] = (motion.between(3.0, STYLED_S), points[90:])
    return made


def _with_signature(scene: Scene) -> tuple[Motion, np.ndarray]:
    trace = simulate(scene, motion="procedural")
    motion = motions_of(scene, trace)[0]
    overlay = trace.overlay
    points = signature(
        motion.at_fps(30.0), overlay.gaze[::2, 0], overlay.face[::2, 0], overlay.mouth[::2, 0]
    )
    return motion, points


def transition_motions(
    pairs: list[tuple[ActionType, ActionType]],
) -> Iterator[tuple[ActionType, ActionType, Motion]]:
    """The motion of every pair: its second action takes over at SWITCH_S."""
    for start in range(0, len(pairs), PAIRS_PER_SCENE):
        chunk = pairs[start : start + PAIRS_PER_SCENE]
        actors = [
            {"actions": [[0.0, first.value], [SWITCH_S, second.value]]} for first, second in chunk
        ]
        scene = _scene(actors, SWITCH_S + AFTER_S, TRANSITION_SEED)
        motions = motions_of(scene, simulate(scene, motion="procedural"))
        for (first, second), motion in zip(chunk, motions, strict=True):
            yield first, second, motion


@dataclass(frozen=True, slots=True)
class Touch:
    """How far apart two things are that should meet."""

    what: str
    gap_m: float  # nan where they never meet
    wanted_m: float


@dataclass(frozen=True, slots=True, eq=False)
class _Recorded:
    joints: np.ndarray  # (T, A, 10, 3) m, world
    ball: np.ndarray  # (T, O, 3) m
    holder: np.ndarray  # (T, O)
    hand: np.ndarray  # (T, O)
    marks: list[list]


def _run(actors: list[dict], objects: list[dict], seconds: float) -> _Recorded:
    scene = Scene.model_validate({"actors": actors, "objects": objects, "duration": seconds})
    blocks = list(Simulation(scene, motion="procedural").blocks(round(seconds / DT)))

    def joined(pick) -> np.ndarray:
        return np.concatenate([pick(block) for block in blocks])

    pose = [joined(lambda b, n=n: getattr(b.pose, n)) for n in ("joints", "lateral", "roll")]
    root, heading = joined(lambda b: b.root), joined(lambda b: b.heading)
    joints = np.stack(
        [
            joints_world(root[:, a], heading[:, a], *(column[:, a] for column in pose))
            for a in range(len(actors))
        ],
        axis=1,
    )
    return _Recorded(
        joints,
        joined(lambda b: b.object_position),
        joined(lambda b: b.object_holder),
        joined(lambda b: b.object_hand),
        [marks for block in blocks for marks in block.marks],
    )


def _actor(name: str, x: float, plan: list, **more) -> dict:
    return {"id": name, "initial_position": {"x": x, "y": 0.0}, "actions": plan, **more}


def touches() -> list[Touch]:
    """Gaps of balls to hands and feet, of hands to hands, and of bodies to seats."""
    found = []
    for action in ("throwing", "pitching", "shooting", "bowling"):
        found += _release(action)
    found += [_catch(), _kick("kicking"), *_hands(), _seat("chair"), _seat("bench")]
    return found


def _release(action: str) -> list[Touch]:
    prop = {"shooting": "basketball", "bowling": "ball"}.get(action, "baseball")
    run = _run([_actor("a", 0.0, [[0.0, "idle"], [1.0, action]], prop=prop)], [], 5.0)
    held = np.flatnonzero(run.holder[:, 0] >= 0)
    what = f"{action}: ball to hand at release"
    if len(held) == 0 or held[-1] > len(run.ball) - 3:
        return [Touch(what, float("nan"), 0.03)]
    last, joint = held[-1], run.hand[held[-1], 0]
    free = run.ball[last + 1, 0]
    start = free - (run.ball[last + 2, 0] - free)
    hands = run.joints[last : last + 2, 0, joint]
    gap = min(_gap_to_segment(hand, start, free) for hand in hands)
    apart = np.linalg.norm(run.ball[held, 0] - run.joints[held, 0, joint], axis=1)
    grip = height_m(ObjectType(prop)) / 2.0
    return [
        Touch(what, gap, 0.03),
        Touch(f"{action}: gap between hand and held ball", max(apart.max() - grip, 0.0), 0.03),
    ]


def _catch() -> Touch:
    face = {"heading": float(np.pi)}
    actors = [
        _actor(
            "a",
            0.0,
            [[0.0, "idle"], [1.0, "throwing"]],
            prop="baseball",
            cues=[{"t": 0.0, "target": "b"}],
        ),
        _actor("b", 12.0, [[0.0, "catching"]], cues=[{"t": 0.0, "target": "a"}], **face),
    ]
    run = _run(actors, [], 6.0)
    caught = np.flatnonzero((run.holder[1:, 0] == 1) & (run.holder[:-1, 0] != 1))
    what = "catching: ball to hand at the catch"
    if len(caught) == 0:
        return Touch(what, float("nan"), 0.03)
    at = caught[0]
    step = run.ball[at, 0] - run.ball[at - 1, 0]
    hands = run.joints[at : at + 2, 1][:, [L_HAND, R_HAND]].reshape(-1, 3)
    gaps = [_gap_to_segment(h, run.ball[at, 0], run.ball[at, 0] + step) for h in hands]
    return Touch(what, min(gaps), 0.03)


def _gap_to_segment(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    way = end - start
    share = np.clip((point - start) @ way / max(way @ way, 1e-12), 0.0, 1.0)
    return float(np.linalg.norm(point - start - share * way))


def _kick(action: str) -> Touch:
    ball = {"object_type": "soccer_ball", "position": {"x": 0.55, "y": -0.1}}
    run = _run([_actor("a", 0.0, [[0.0, "idle"], [1.0, action]])], [ball], 4.0)
    speed = np.linalg.norm(np.diff(run.ball[:, 0], axis=0), axis=1) / DT
    struck = np.flatnonzero(speed > 2.0)
    what = f"{action}: foot to ball surface when struck"
    if len(struck) == 0:
        return Touch(what, float("nan"), 0.03)
    at = struck[0]
    feet = run.joints[at : at + 2, 0][:, [L_FOOT, R_FOOT]].reshape(-1, 3)
    radius = height_m(ObjectType.SOCCER_BALL) / 2.0
    centre = run.ball[at, 0]
    gaps = np.linalg.norm(feet - centre, axis=1) - radius
    return Touch(what, float(max(gaps.min(), 0.0)), 0.03)


def _hands() -> list[Touch]:
    found = []
    for action, apart in (("handshake", 0.8), ("high_five", 0.8), ("hug", 0.5)):
        actors = [
            _actor("a", 0.0, [[0.0, action]], cues=[{"t": 0.0, "target": "b"}]),
            _actor(
                "b", apart, [[0.0, action]], heading=float(np.pi), cues=[{"t": 0.0, "target": "a"}]
            ),
        ]
        run = _run(actors, [], 4.0)
        first, second = run.joints[:, 0], run.joints[:, 1]
        if action == "hug":
            gap = np.linalg.norm(first[:, R_HAND] - second[:, PELVIS], axis=1)
            spine = _gap_to_back(first, second)
            found.append(Touch("hug: right hand to the other's trunk", min(gap.min(), spine), 0.15))
        else:
            gap = np.linalg.norm(first[:, R_HAND] - second[:, R_HAND], axis=1)
            found.append(Touch(f"{action}: right hands", float(gap.min()), 0.03))
    run = _run([_actor("a", 0.0, [[0.0, "clap"]])], [], 3.0)
    gap = np.linalg.norm(run.joints[:, 0, L_HAND] - run.joints[:, 0, R_HAND], axis=1)
    return [*found, Touch("clap: own hands", float(gap.min()), 0.03)]


def _gap_to_back(first: np.ndarray, second: np.ndarray) -> float:
    return min(
        _gap_to_segment(a[R_HAND], b[PELVIS], b[1]) for a, b in zip(first, second, strict=True)
    )


def _seat(kind: str) -> Touch:
    seat = {"object_type": kind, "position": {"x": 0.0, "y": 0.0}, "id": "seat"}
    plan = [[0.0, "idle"], [1.0, "sit"]]
    run = _run([_actor("a", 0.35, plan, cues=[{"t": 0.0, "target": "seat"}])], [seat], 6.0)
    wanted = height_m(ObjectType(kind)) + SEAT_M
    gap = abs(float(np.median(run.joints[-60:, 0, PELVIS, 2])) - wanted)
    return Touch(f"sit: pelvis over a {kind}'s seat", gap, 0.02)
