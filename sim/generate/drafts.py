"""Drafts: the scene of a number, with its captions and clauses, as a function of the seed alone.

A scene holds GROUPS groups far from each other: an actor on a course, an actor who does one action
after another, or the scene of a sentence. Kinds, actions, speeds and styles take turns, so that any
stretch of numbers is balanced.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from entities.scene import Actor, Point, Scene, SceneObject
from sim.generate.phrases import PEOPLE, PROMPTS
from sim.generate.solo import Group, Soloist, in_turn
from sim.story import parse_prompt
from sim.story.captions import Clauses, clauses_of

Item = TypeVar("Item", Actor, SceneObject)

GROUPS = 48
"""Groups in a scene: with more, a tick costs hardly less an actor, and a kill loses more."""
ROW, APART_M = 7, 220.0
"""Groups a row, and m between groups: no actor reaches or sees its neighbours."""
THEMES = ("generic", "park", "street", "track", "beach", "city", "soccer", "baseball", "space")
SPLITS = ("train",) * 8 + ("val", "test")
"""The split, by the last digit of the scene's number."""
KINDS = (
    *("straight",) * 19,
    *("shape",) * 17,
    *("weave",) * 7,
    *("leaps",) * 5,
    *("paces",) * 8,
    *("stops",) * 14,
    *("deeds",) * 16,
    *("table",) * 8,
    *("story",) * 6,
)
"""Kinds of a hundred groups; permutations of it follow each other."""


@dataclass(slots=True)
class Draft:
    """A scene and what is known of it beforehand; lists have an entry for each actor."""

    scene: Scene
    clauses: list[Clauses]
    captions: list[list[str]]  # of each actor: its task, then paraphrases
    kinds: list[str]
    asked_mps: list[float | None]  # mean speed over the ground, where one was asked for
    split: str


def draft(seed: int, number: int, seconds: float) -> Draft:
    """Scene ``number`` of a seed; independent of the scenes drafted before."""
    first = number * GROUPS
    groups = [group(seed, first + i, seconds) for i in range(GROUPS)]
    actors, objects = [], []
    made = Draft(Scene(), [], [], [], [], SPLITS[number % len(SPLITS)])
    for i, one in enumerate(groups):
        shift = APART_M * (i % ROW), APART_M * (i // ROW)
        names = {item.id: f"{item.id}_{i}" for item in (*one.actors, *one.objects)}
        actors += [_moved(actor, shift, names) for actor in one.actors]
        objects += [_moved(item, shift, names) for item in one.objects]
        made.clauses += one.clauses
        made.captions += one.captions
        made.kinds += [one.kind] * len(one.actors)
        made.asked_mps += [one.asked_mps] * len(one.actors)
    rng = np.random.default_rng([seed, number, 1])
    made.scene = Scene(
        prompt=f"generated scene {number} of seed {seed}",
        theme=THEMES[int(rng.integers(len(THEMES)))],
        duration=seconds,
        seed=int(rng.integers(2**31)),
        actors=actors,
        objects=objects,
    )
    return made


def group(seed: int, index: int, seconds: float) -> Group:
    """Group ``index`` of a seed."""
    kind = in_turn(seed, "kind", KINDS, index)
    rng = np.random.default_rng([seed, index, 0])
    if kind == "story":
        return _story(rng, seed, index)
    soloist = Soloist(rng, seed, index)
    if kind == "deeds":
        return soloist.actions_on_the_spot(seconds)
    if kind == "table":
        return soloist.moves_and_actions(seconds)
    return soloist.course(kind, seconds)


def _moved(item: Item, shift: tuple[float, float], names: dict[str, str]) -> Item:
    """An actor or object moved by (x, y) m, under its new name."""
    dx, dy = shift

    def place(point: Point) -> Point:
        x, y = round(point.x + dx, 4), round(point.y + dy, 4)
        return point.model_copy(update={"x": x, "y": y})

    changes = {"id": names[item.id]}
    if item.movement_path is not None:
        changes["movement_path"] = [(t, place(point)) for t, point in item.movement_path]
    if isinstance(item, Actor):
        changes["initial_position"] = place(item.initial_position)
        changes["cues"] = [
            cue.model_copy(update={"target": names.get(cue.target, cue.target)})
            for cue in item.cues
        ]
    else:
        changes["position"] = place(item.position)
        changes["held_by"] = names.get(item.held_by, item.held_by)
    return item.model_copy(update=changes)


def _story(rng: np.random.Generator, seed: int, index: int) -> Group:
    """A sentence for two actors, or with an object, as the story engine understands it."""
    people = [name for names in PEOPLE.values() for name in names if " " not in name]
    a, b = rng.choice(len(people), 2, replace=False)
    prompt = in_turn(seed, "prompt", PROMPTS, index).format(a=people[a], b=people[b])
    scene = parse_prompt(prompt, seed=int(rng.integers(2**31)))
    captions = [[actor.caption] for actor in scene.actors]
    clauses = [clauses_of(actor) for actor in scene.actors]
    return Group(scene.actors, clauses, captions, scene.objects, "story")
