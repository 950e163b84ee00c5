"""Hostile later sentences by a grammar over the whole lexicon, and the trial of a scene with some.

A later sentence changes what a running scene goes on with, or it is refused in one line: whoever
and whatever it names, wherever everybody is by then.
"""

import json
import time
from itertools import pairwise
from math import hypot, isfinite
from pathlib import Path

import numpy as np

from entities.actions import ActionType
from entities.objects import ObjectType
from entities.scene import Event, Scene
from sim.loop import simulate
from sim.navigation import path as ways
from sim.robustness.campaign import Outcome, pick
from sim.robustness.prompts import KINDS, hostile_prompt, said
from sim.robustness.scenes import digest, wrong_refusal
from sim.story import Now, Redirection, parse_event, parse_prompt
from sim.story.language.lexicon import roles, words

LIMIT_S, CROWD_LIMIT_S = 0.5, 2.0
"""Seconds of processor time for reading a sentence, and for one about hundreds."""
CROWD = 100
THING_MPS = 60.0
"""Greatest speed of a thing along its way."""
ROLLS_MPS = 0.5
"""Speed above which an actor takes up a new path while it moves."""
STAGES = (
    "a man waves", "a woman sits on a bench", "a dog runs", "a man and a woman walk to the tree",
    "two boys throw a ball", "a girl rides a bicycle", "three people dance in a park",
    "a man carries a box to a table", "a man climbs a ladder", "a robot runs to the left",
    "a cat sleeps on a sofa, a man reads a book", "five soldiers march", "a bird flies over a car",
    "a pitcher throws a fastball", "a soccer player kicks the ball to another", "a car drives by",
    "a horse gallops in a desert", "a man sprints", "a woman pushes a box", "a spaceship lands",
    "Anna talks to Tom", "a man swings a bat", "40 people stand in a city", "a boy falls",
)  # fmt: skip
"""Prompts of scenes in which something may be said later."""
WHOM = (
    "the man", "the woman", "a woman", "a man", "a girl", "a dog", "three dogs", "two women",
    "everyone", "everybody else", "the other one", "the others", "him", "her", "them", "it", "me",
    "the one on the left", "his friend", "a big red robot", "a couple", "an alien", "Tom", "Lisa",
    "a tired old man", "a band", "the crowd", "somebody", "nobody", "the second one", "both",
    "a woman behind the tree", "a man with a ball", "the people", "20 people",
)  # fmt: skip
WHO = (*WHOM, "he", "she", "they", "it", "one of them", "all of them", "half of them")
RELATIONS = (
    "to", "towards", "past", "around", "behind", "in front of", "next to", "through", "over",
    "under", "between", "on", "onto", "with", "at", "from", "into", "away from", "up", "across",
)  # fmt: skip
ADDED = (
    "left", "right", "away", "back", "in", "off", "out", "up and down", "in circles", "slowly",
    "quickly", "twice", "5 times", "for 3 seconds", "after 2 seconds", "angrily", "sadly", "again",
    "towards the camera", "backwards", "10 metres", "on one leg", "like a zombie", "together",
)  # fmt: skip
ODD = (
    "now it is raining", "the scene is a beach", "it is night", "stop", "do not move", "continue",
    "the ball", "left", "", "   ", "?!", "she", "then", "and", "faster", "0 dogs come in",
    "-3 men run", "1001 dogs come in", "one million people dance", "the moon explodes",
    "xyzzy plugh", '"hello"', 'say "' + "a" * 1_500 + '"', "a" * 2_000, "run " * 499, "走って",
    "he is a robot", "the box falls", "nothing happens", "a tree grows", "hug yourself",
    "the man hugs the man", "everyone hugs everyone", "sit on the dog", "ride the woman",
)  # fmt: skip
JOINTS = (", then ", " and ", ". ", " while ", ", but ", " before ", " until ", "; ")

Draw = np.random.Generator


def later_sentence(draw: Draw) -> str:
    """A sentence that somebody might say to a running scene, or that nobody would."""
    chance = draw.random()
    if chance < 0.08:
        return pick(draw, ODD)
    if chance < 0.16:
        return hostile_prompt(pick(draw, tuple(KINDS)), int(draw.integers(2**31)))[:2_100]
    if chance < 0.24:
        number = pick(draw, ("two", "5", "a dozen", "100", "300", "999"))
        verb = pick(draw, ("come in", "run in", "dance", "run past", "sit down", "chase him"))
        return f"{number} {pick(draw, ('dogs', 'people', 'women', 'soldiers', 'robots'))} {verb}"
    parts = [_clause(draw)]
    while draw.random() < 0.25:
        parts += [pick(draw, JOINTS), _clause(draw)]
    return "".join(parts)


def eventful_scene(draw: Draw, most_s: float = 12.0) -> Scene:
    """A scene of a prompt with one to three later sentences, of which each is understood as such.

    most_s: longest duration.
    """
    scene = parse_prompt(pick(draw, STAGES), seed=int(draw.integers(1_000)))
    scene.duration = min(max(scene.duration, 8.0), most_s)
    wanted = int(draw.integers(1, 4))
    while len(scene.events) < wanted:
        actor = None
        if draw.random() < 0.5 and scene.actors:
            actor = scene.actors[int(draw.integers(len(scene.actors)))].id
        text, t = later_sentence(draw), round(float(draw.uniform(0.0, 0.8 * scene.duration)), 2)
        try:
            parse_event(text, scene, actor, t)
        except ValueError:
            continue
        scene.events.append(Event(t=t, actor=actor, text=text))
    return scene


def anywhere(draw: Draw, scene: Scene, spread: float = 15.0) -> Now:
    """Everybody and everything of a scene somewhere else, moving, sitting or held by somebody.

    spread: m, how far from where it began.
    """
    now, names = Now(), [actor.id for actor in scene.actors]
    for item in [*scene.actors, *scene.objects]:
        start = item.initial_position if item in scene.actors else item.position
        x, y = (np.array([start.x, start.y]) + draw.normal(0.0, spread, 2)).tolist()
        high = float(draw.choice([0.0, 0.0, 0.0, 3.0])) if item in scene.actors else 0.0
        now.position[str(item.id)] = (x, y, high)
        now.heading[str(item.id)] = float(draw.uniform(-10.0, 10.0))
    seats = [obj for obj in scene.objects if obj.object_type in _SEATS]
    for name in names:
        speed, way = float(draw.choice([0.0, 0.0, 1.4, 4.0, 9.0])), float(draw.uniform(0.0, 6.3))
        now.velocity[name] = (speed * float(np.cos(way)), speed * float(np.sin(way)))
        now.action[name] = list(ActionType)[int(draw.integers(len(ActionType)))]
        if seats and draw.random() < 0.4:
            seat = seats[int(draw.integers(len(seats)))]
            now.seat[name] = str(seat.id)
            now.velocity[name] = (0.0, 0.0)
            now.action[name] = ActionType.SIT
            x, y, _ = now.position[str(seat.id)]
            now.position[name] = (x, y, 0.0)
    for obj in scene.objects:
        held = bool(names) and draw.random() < 0.4
        now.holder[str(obj.id)] = names[int(draw.integers(len(names)))] if held else None
    return now


def faults(told: Redirection, scene: Scene, t: float, now: Now | None) -> list[str]:
    """What is wrong with a redirection: whom it names, when, and the ways it has."""
    wrong = []
    actors = [actor.id for actor in scene.actors]
    objects = [str(obj.id) for obj in scene.objects]
    new = [*(actor.id for actor in told.actors), *(str(obj.id) for obj in told.objects)]
    if len({*actors, *objects, *new}) < len(actors) + len(objects) + len(new):
        wrong.append(f"ids that are taken: {new}")
    acting = {*actors, *(actor.id for actor in told.actors)}
    there = {*acting, *objects, *new}
    if len({patch.actor for patch in told.patches}) < len(told.patches):
        wrong.append("two patches for one actor")
    wrong += [f"{o.id} is held by {o.held_by}" for o in told.objects
              if o.held_by is not None and o.held_by not in acting]  # fmt: skip
    starts = {a.id: (a.initial_position.x, a.initial_position.y) for a in scene.actors}
    starts |= {name: place[:2] for name, place in (now.position if now else {}).items()}
    starts |= {a.id: (a.initial_position.x, a.initial_position.y) for a in told.actors}
    for patch in told.patches:
        if patch.actor not in acting:
            wrong.append(f"a patch for {patch.actor}")
            continue
        missing = [cue.target for cue in patch.cues if cue.target and cue.target not in there]
        wrong += [f"{patch.actor}: aimed at {name}" for name in missing]
        times = [time for time, _ in patch.actions]
        if any(b < a for a, b in pairwise(times)) or any(time < t - 1e-3 for time in times):
            wrong.append(f"{patch.actor}: actions at {times}")
        if patch.heading is not None and not isfinite(patch.heading):
            wrong.append(f"{patch.actor}: heading {patch.heading}")
        if patch.path is not None:
            vx, vy = now.velocity.get(patch.actor, (0.0, 0.0)) if now else (0.0, 0.0)
            rest = hypot(vx, vy) <= ROLLS_MPS
            wrong += _way_faults(patch.actor, patch.path, t, from_rest=rest)
            x, y = starts[patch.actor]
            if hypot(patch.path[0][1] - x, patch.path[0][2] - y) > 0.02:
                wrong.append(f"{patch.actor}: is put from ({x}, {y}) to {patch.path[0]}")
    for name, knots in told.ways.items():
        if name not in objects:
            wrong.append(f"a way for {name}")
        wrong += _way_faults(name, knots, t, max_speed=THING_MPS)
    for obj in told.objects:
        knots = [(time, p.x, p.y, p.z) for time, p in obj.movement_path or ()]
        if knots:
            wrong += _way_faults(str(obj.id), knots, t, max_speed=THING_MPS)
    return wrong


def attempt(seed: int, folder: Path) -> Outcome:
    """Make a scene with later sentences of a seed, read more of them anywhere, and run it twice."""
    draw = np.random.default_rng([seed, 99])
    outcome, began = Outcome(runs=1), time.monotonic()
    scene = eventful_scene(draw)
    (folder / "scene.json").write_text(scene.model_dump_json(), encoding="utf-8")
    for _ in range(10):
        now = anywhere(draw, scene) if draw.random() < 0.7 else None
        t = float(draw.uniform(0.0, scene.duration))
        outcome.failures += try_sentence(later_sentence(draw), scene, t, now)
    crowd = sum(len(_first_reading(scene, event).actors) for event in scene.events) > CROWD
    motion = "learned" if seed % 4 == 0 and not crowd else "procedural"
    seconds = max(event.t for event in scene.events) + 0.5 if crowd else scene.duration
    digests = set()
    try:
        digests = {digest(simulate(scene, seconds, motion=motion)) for _ in range(2)}
    except ValueError as error:  # together they bring more than fits
        outcome.refused = 1
        outcome.failures += wrong_refusal(str(error))
    if len(digests) > 1:
        outcome.failures.append("the same scene twice is not the same to the last bit")
    outcome.slowest_s = (time.monotonic() - began) / 2
    return outcome


def _first_reading(scene: Scene, event: Event) -> Redirection:
    """What a later sentence brings where everybody is where the scene begins."""
    return parse_event(event.text, scene, event.actor, event.t)


def try_sentence(text: str, scene: Scene, t: float, now: Now | None) -> list[str]:
    """Read a sentence; returns what is wrong with its redirection or its refusal."""
    began = time.process_time()
    try:
        told = parse_event(text, scene, None, t, now)
    except ValueError as error:
        wrong, crowd = wrong_refusal(str(error)), True
    else:
        wrong = faults(told, scene, t, now)
        crowd = len(scene.actors) + len(told.actors) + len(told.objects) > CROWD
    took = time.process_time() - began
    if took > (CROWD_LIMIT_S if crowd else LIMIT_S):
        wrong.append(f"read in {took:.1f} s")
    return [f"{text[:100]!r}: {one}" for one in wrong]


def _way_faults(name: str, knots: list, t: float, **options: float | bool) -> list[str]:
    """What is wrong with a way: its times, its numbers, its speed."""
    if any(b[0] <= a[0] for a, b in pairwise(knots)) or knots[0][0] < t - 1e-3:
        return [f"{name}: way points at {[knot[0] for knot in knots]}"]
    if not all(isfinite(value) for knot in knots for value in knot if value is not None):
        return [f"{name}: {json.dumps(knots)[:100]}"]
    try:
        ways.Path.through(knots, name, **options)
    except ValueError as error:
        return [str(error)]
    return []


_SEATS = (ObjectType.CHAIR, ObjectType.BENCH, ObjectType.SOFA, ObjectType.BED)


def _clause(draw: Draw) -> str:
    """Somebody, or nobody in particular, does something to somebody or something somewhere."""
    named = draw.random() < 0.5
    form = "s" if named or draw.random() < 0.3 else "base"
    parts = [pick(draw, WHO)] if named else []
    if draw.random() < 0.08:
        parts.append(pick(draw, ("does not", "stops", "starts to", "no longer")))
    parts.append(pick(draw, said(form)))
    chance = draw.random()
    if chance < 0.35:
        parts.append(pick(draw, WHOM))
    elif chance < 0.65:
        parts.append(_thing(draw))
    if draw.random() < 0.4:
        target = pick(draw, WHOM) if draw.random() < 0.5 else _thing(draw)
        parts += [pick(draw, RELATIONS), target]
    if draw.random() < 0.25:
        parts.append(pick(draw, ADDED))
    if draw.random() < 0.06:
        parts.append('and says "' + pick(draw, ("hello", "watch out!", "你好", "")) + '"')
    if draw.random() < 0.15 and named is False:
        parts.insert(0, pick(draw, ("now", "then", "suddenly", "please")))
    if draw.random() < 0.03:
        parts[-1] = pick(
            draw, tuple(word for role in roles().roles.values() for word in role.words)
        )
    return " ".join(parts)


def _thing(draw: Draw) -> str:
    """A noun phrase for a thing."""
    article = pick(draw, ("the", "the", "a", "a", "his", "another", "two", "a big", "a red"))
    return f"{article} {pick(draw, tuple(words().things))}"
