"""Labels of prompts, and whether the story engine's scenes agree with them, aspect by aspect.

A label is one JSON line: prompt, count, actions, objects, direction, relation, theme, look.
``count`` is a number or ``[least, most]``. ``actions`` must happen in that order, by any actor;
``"run/jog"`` takes either and ``"-run"`` forbids one. ``objects`` are exactly those of the scene;
``"food?"`` may be there or not. ``theme`` is the stage that is drawn. ``relation`` is ``kind:name``
of the first actor who moves, ``who>kind:name`` of another actor or object, several joined by ``+``.
``look`` may be left out: words that must all be among the styles, colours, teams and kinds of the
actors, the weather and the time of day.
"""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import atan2, cos, hypot, pi, sin
from pathlib import Path
from typing import Any

from entities.actions import ACTION_VELOCITIES
from entities.files import byte_lines, decode_text, parse_json
from entities.objects import footprint_m
from entities.scene import Actor, Scene
from entities.stages import places
from sim.story import parse_prompt

ASPECTS = ("count", "actions", "objects", "direction", "relation", "theme", "look")
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "away": (0, 1), "toward": (0, -1)}
SIDES = {"behind": (0, 1), "front": (0, -1), "left_of": (-1, 0), "right_of": (1, 0)}
RELATIONS = {
    *("to", "from", "past", "around", "between", "over", "through", "under", "next", "opposite"),
    *("loop", "back_and_forth", *DIRECTIONS, *SIDES),
}
BALLS = ("ball", "baseball", "soccer_ball", "basketball")
BACKWARDS = {"walk_backwards": pi, "pull": pi, "strafe": -pi / 2}
ARRIVED_M, BESIDE_M, AIMED = 1.3, 2.0, 0.7
"""Nearer than this, m, an actor has arrived or is beside; the cosine that counts as a direction."""

Spot = tuple[float, float]
Box = tuple[float, float, float, float]  # x, y and half extents in x and y, m


def read_labels(name: str, damage: list[str] | None = None) -> list[dict[str, Any]]:
    """The labels of a JSONL file, or of a set of the project's own prompts by its bare name.

    damage: gets a line for each label that is none, in the place of a ValueError that ends it.
    Raises ValueError for a file without labels, OSError for one that cannot be read.
    """
    path = Path(name)
    if name.isalnum():
        path = Path(__file__).parents[2] / "tests" / "data" / f"prompts_{name}.jsonl"
    labels = []
    for number, line in byte_lines(path):
        where = f"{path}:{number}"
        try:
            labels.append(_checked(parse_json(decode_text(line, where), where), where))
        except ValueError as error:
            if damage is None:
                raise
            damage.append(str(error))
    if not labels:
        raise ValueError(damage[0] if damage else f"{path}: no labels; expected one JSON a line")
    return labels


def _checked(label: Any, where: str) -> dict[str, Any]:
    """A label as the module's docstring says. Raises ValueError naming where, and the field."""
    if not isinstance(label, dict):
        raise ValueError(f"{where}: no label; expected a JSON object")

    def texts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)

    count = label.get("count")
    count = count if isinstance(count, list) and len(count) == 2 else [count]
    relation = label.get("relation", "")
    kinds = [
        part.rpartition(">")[2].partition(":")[0]
        for part in (relation.split("+") if isinstance(relation, str) else ())
    ]
    fits = {
        "prompt": isinstance(label.get("prompt"), str),
        "count": all(type(each) is int for each in count),
        "actions": texts(label.get("actions")),
        "objects": texts(label.get("objects")),
        "direction": label.get("direction", "") in (None, *DIRECTIONS),
        "relation": relation is None or (bool(kinds) and set(kinds) <= RELATIONS),
        "theme": isinstance(label.get("theme"), str),
        "look": texts(label.get("look", [])),
    }
    for name, good in fits.items():
        if not good:
            given = json.dumps(label[name])[:60] if name in label else "not given"
            raise ValueError(f"{where}: {name} is {given}; expected as in prompts_dev.jsonl")
    return label


def score(labels: list[dict[str, Any]]) -> tuple[dict[str, float], list[str]]:
    """Share right of each aspect and of all at once, and a line per failure."""
    right: Counter[str] = Counter()
    failures = []
    for label in labels:
        try:
            scene = parse_prompt(label["prompt"])
        except ValueError as error:
            failures.append(f"{label['prompt']!r}: {error}")
            continue
        verdict = judge(label, scene)
        right.update(aspect for aspect in ASPECTS if verdict[aspect])
        wrong = [aspect for aspect in ASPECTS if not verdict[aspect]]
        right["all"] += not wrong
        if wrong:
            failures.append(f"{label['prompt']!r}: {', '.join(wrong)}; {_summary(scene)}")
    return {aspect: right[aspect] / len(labels) for aspect in (*ASPECTS, "all")}, failures


def judge(label: dict[str, Any], scene: Scene) -> dict[str, bool]:
    """Right or wrong, aspect by aspect."""
    least, most = label["count"] if isinstance(label["count"], list) else [label["count"]] * 2
    asked = DIRECTIONS.get(label["direction"])
    ways = [way for actor in scene.actors for way in courses(waypoints(actor))]
    return {
        "count": least <= len(scene.actors) <= most,
        "actions": in_order(label["actions"], scene),
        "objects": same_objects(label["objects"], scene),
        "direction": asked is None
        or any(w[0] * asked[0] + w[1] * asked[1] > AIMED for w in ways + _object_courses(scene)),
        "relation": label["relation"] is None
        or all(holds(relation, scene) for relation in label["relation"].split("+")),
        "theme": scene.theme in label["theme"].split("/"),
        "look": looks(label.get("look", []), scene),
    }


def in_order(wanted: list[str], scene: Scene) -> bool:
    """Whether the wanted actions happen in that order and the forbidden ones do not."""
    happened = [
        name
        for _, _, name in sorted(
            (t, k, action.value)
            for k, actor in enumerate(scene.actors)
            for t, action in actor.actions
        )
    ]
    if any(name[1:] in happened for name in wanted if name.startswith("-")):
        return False
    rest = iter(happened)
    return all(
        any(name in choice.split("/") for name in rest)
        for choice in wanted
        if not choice.startswith("-")
    )


def same_objects(wanted: list[str], scene: Scene) -> bool:
    """Whether the scene has exactly the wanted objects, and at most the optional ones besides."""
    kinds = Counter(item.object_type.value for item in scene.objects)
    if any(name.rstrip("?") == "ball" for name in wanted):  # whichever ball is played with
        kinds = Counter("ball" if kind in BALLS else kind for kind in kinds.elements())
    for name in wanted:
        found = next((n for n in name.rstrip("?").split("/") if kinds[n]), None)
        if found is not None:
            kinds[found] -= 1
        elif not name.endswith("?"):
            return False
    return not +kinds


def looks(wanted: list[str], scene: Scene) -> bool:
    """Whether each word is a style, colour, team or kind of an actor, the weather or the hour."""
    seen = {scene.weather.value, scene.time_of_day.value}
    for actor in scene.actors:
        seen.update((actor.style, actor.color, actor.team, actor.actor_type.value))
        seen.update(cue.style for cue in actor.cues)
    return all(seen & set(choice.split("/")) for choice in wanted)


def waypoints(actor: Actor) -> list[Spot]:
    """An actor's waypoints, m, by the scene file alone."""
    start = (actor.initial_position.x, actor.initial_position.y)
    if actor.movement_path:
        return [start, *((p.x, p.y) for _, p in actor.movement_path)]
    for _, action in actor.actions:
        if ACTION_VELOCITIES[action] > 0.0:
            heading = actor.heading + BACKWARDS.get(action.value, 0.0)
            return [start, (start[0] + 6 * cos(heading), start[1] + 6 * sin(heading))]
    return [start]


def course(points: list[Spot]) -> Spot | None:
    """Unit vector from the start to the furthest point; None for an actor who stays."""
    far = max(points, key=lambda p: hypot(p[0] - points[0][0], p[1] - points[0][1]))
    dx, dy = far[0] - points[0][0], far[1] - points[0][1]
    size = hypot(dx, dy)
    return (dx / size, dy / size) if size > 0.5 else None


def courses(points: list[Spot]) -> list[Spot]:
    """Unit vectors to the furthest point and along the first stretch."""
    first = next((p for p in points if hypot(p[0] - points[0][0], p[1] - points[0][1]) > 1.0), None)
    found = [course(points), course([points[0], first]) if first else None]
    return [way for way in found if way is not None]


def _object_paths(scene: Scene, name: str | None = None) -> Iterator[list[Spot]]:
    for item in scene.objects:
        if item.movement_path and name in (None, item.object_type.value):
            yield [(p.x, p.y) for _, p in item.movement_path]


def _object_courses(scene: Scene) -> list[Spot]:
    return [way for way in map(course, _object_paths(scene)) if way is not None]


def boxes_of(name: str, scene: Scene) -> list[Box]:
    """Where the objects, the place and the actors of that name are at the start."""
    found = []
    for item in scene.objects:
        if item.object_type.value == name:
            length, width = footprint_m(item.object_type, item.scale)
            c, s = abs(cos(item.heading)), abs(sin(item.heading))
            half = (0.5 * (length * c + width * s), 0.5 * (length * s + width * c))
            found.append((item.position.x, item.position.y, *half))
    if name in places(scene.theme):
        found.append((*places(scene.theme)[name], 0.0, 0.0))
    for actor in _named(name, scene):
        found.append((actor.initial_position.x, actor.initial_position.y, 0.2, 0.2))
    return found


def _named(name: str, scene: Scene) -> list[Actor]:
    """The actors whose id begins with a name; ``#2`` is the second actor."""
    if name.startswith("#"):
        return scene.actors[int(name[1:]) - 1 : int(name[1:])]
    return [actor for actor in scene.actors if actor.id.startswith(name)]


def gap(point: Spot, box: Box) -> float:
    """Metres from a point to the edge of a box, 0 inside it."""
    dx = max(abs(point[0] - box[0]) - box[2], 0.0)
    dy = max(abs(point[1] - box[1]) - box[3], 0.0)
    return hypot(dx, dy)


def dense(points: list[Spot]) -> list[Spot]:
    """The waypoints with 19 more between each two."""
    made = [
        (a[0] + k / 20 * (b[0] - a[0]), a[1] + k / 20 * (b[1] - a[1]))
        for a, b in pairwise(points)
        for k in range(20)
    ]
    return [*made, points[-1]]


def holds(relation: str, scene: Scene) -> bool:
    """Whether a relation is true of the scene: of an actor's or object's path."""
    who, _, rest = relation.rpartition(">")
    kind, _, name = rest.partition(":")
    points = _points_of(who, name, scene)
    if points is None:
        return False
    start, end = points[0], points[-1]
    if kind in DIRECTIONS:
        way = course(points)
        return (
            way is not None and way[0] * DIRECTIONS[kind][0] + way[1] * DIRECTIONS[kind][1] > AIMED
        )
    if kind == "opposite":
        ways = [c for c in (course(waypoints(a)) for a in scene.actors) if c is not None]
        return any(a[0] * b[0] + a[1] * b[1] < -0.9 for a in ways for b in ways)
    far = max(hypot(p[0] - start[0], p[1] - start[1]) for p in points)
    if kind in ("loop", "back_and_forth"):
        return far > 2.0 and hypot(end[0] - start[0], end[1] - start[1]) < 0.35 * far
    boxes = [box for each in name.split(",") for box in boxes_of(each, scene)]
    return bool(boxes) and _keeps(kind, points, boxes, far)


def _points_of(who: str, name: str, scene: Scene) -> list[Spot] | None:
    """The path a relation is about: that of ``who``, or of the first actor who moves.

    name: what the relation is to; actors of that name are left out.
    """
    if who:
        objects = list(_object_paths(scene, who))
        actors = [waypoints(actor) for actor in _named(who, scene)]
        return next((dense(points) for points in objects + actors), None)
    goals = {actor.id for actor in _named(name, scene)} if name else set()
    others = [waypoints(actor) for actor in scene.actors if actor.id not in goals]
    movers = [points for points in others if course(points) is not None]
    found = movers or others or [waypoints(actor) for actor in scene.actors]
    return dense(found[0]) if found else None


def _keeps(kind: str, points: list[Spot], boxes: list[Box], far: float) -> bool:
    """Whether a path keeps the relation to the first box (between: to the first two).

    far: the furthest it gets from its start, m.
    """
    box, start, end = boxes[0], points[0], points[-1]
    if kind == "to":
        left = next((k for k, p in enumerate(points) if gap(p, box) > ARRIVED_M), len(points))
        return far > 1.0 and any(gap(p, box) < ARRIVED_M for p in points[left:])
    if kind == "from":
        return gap(start, box) < BESIDE_M < gap(end, box)
    if kind == "past":
        near = min(range(len(points)), key=lambda k: gap(points[k], box))
        return 0.1 < gap(points[near], box) < 3.0 and 5 < near < len(points) - 5
    if kind == "around":
        bearings = [atan2(p[1] - box[1], p[0] - box[0]) for p in points]
        turned = sum((b - a + pi) % (2 * pi) - pi for a, b in pairwise(bearings))
        return abs(turned) > 1.5 * pi
    if kind == "between":
        if len(boxes) < 2:
            return False
        mid = ((boxes[0][0] + boxes[1][0]) / 2, (boxes[0][1] + boxes[1][1]) / 2)
        return min(hypot(p[0] - mid[0], p[1] - mid[1]) for p in points) < 0.5
    if kind in ("over", "through"):
        crossed = min(gap(p, box) for p in points) < 0.05
        return crossed and gap(start, box) > 0.5 and gap(end, box) > 0.3
    if kind == "under":
        return min(gap(p, box) for p in points) < BESIDE_M
    if kind == "next":
        return gap(end, box) < ARRIVED_M
    side = SIDES[kind]
    across = (end[0] - box[0]) * side[0] + (end[1] - box[1]) * side[1]
    aside = abs((end[0] - box[0]) * side[1]) + abs((end[1] - box[1]) * side[0])
    return across > 0.2 and gap(end, box) < BESIDE_M and aside < max(box[2], box[3]) + 0.6


def _summary(scene: Scene) -> str:
    """A scene in a line: actors and their actions, objects, theme, notice."""
    actions = " ".join(
        f"{actor.id}[{' '.join(a.value for _, a in actor.actions)}]" for actor in scene.actors[:4]
    )
    objects = ",".join(item.object_type.value for item in scene.objects)
    notice = f" ({scene.description})" if scene.description else ""
    return f"{len(scene.actors)} {actions} {{{objects}}} {scene.theme}{notice}"
