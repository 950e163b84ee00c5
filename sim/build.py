"""Scene -> World: every entity with its components, so that nothing reads the Scene afterwards."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ActionType
from entities.colors import ACTOR_COLORS, to_rgb
from entities.components import (
    Attention,
    Body,
    Component,
    Flight,
    Handling,
    Intent,
    Knockdown,
    Learned,
    Name,
    Person,
    Route,
    Script,
    StyleState,
    Thing,
    Transform,
    Velocity,
)
from entities.objects import (
    ALTITUDES,
    BODY_KIND_INDEX,
    BODY_KINDS,
    FOOTPRINTS,
    OBJECT_INDEX,
    BodyKind,
    ObjectType,
    footprint_m,
    height_m,
    mass_kg,
)
from entities.scene import MAX_PATH_SPEED, Actor, Point, Scene, SceneObject
from entities.skeleton import (
    ACTOR_INDEX,
    BODY_RADIUS,
    BONE_LENGTHS,
    BONES,
    HEAD_OFFSET,
    HEAD_RADIUS,
    L_HAND,
    MASS_KG,
    R_HAND,
    STANDING_PELVIS,
    TRUNK,
)
from entities.units import DT
from sim.animation.attention import look_at, rest_attention
from sim.animation.locomotion import rest_gait
from sim.animation.style import rest_style, set_style, style_row
from sim.animation.transitions import rest_blend
from sim.frame import Cast
from sim.navigation.path import Path
from sim.world import World

MAX_OBJECT_SPEED = 60.0
"""m/s, greatest speed of an object along a path: a fast train, a falling meteor."""
PROP_BELOW_M = 0.6
"""m; a static object (a rock, a bush) smaller than this in every direction is a prop: it can be
picked up and thrown, and is not in the way."""
LEFT_HANDED = frozenset({ObjectType.GLOVE, ObjectType.BOOK, ObjectType.PHONE})
"""Props held in the left hand, so that the right hand is free to throw and point."""
CROWD = 100
"""With more paths than this, those of one shape are computed once."""
N_TRAITS = 6
"""Columns of Person.traits."""


def build_world(scene: Scene, *, learned: bool = False) -> World:
    """The World of a scene.

    Actors come first (ids 0 … A-1), then the objects: the scene's own, then those made for props
    in hand.
    learned: whether a motion model is to move the actors.

    Raises ValueError, naming the field, for what only the whole scene can show: a path that needs
    too much speed or acceleration, a prop or a target that does not exist.
    """
    world = World(scene.seed, scene.gravity)
    objects = scene.objects + _props_in_hand(scene)
    entity_of = {item.id: i for i, item in enumerate([*scene.actors, *objects])}
    world.spawn(*_actor_tables(world, scene.actors, entity_of, learned))
    world.spawn(*_object_tables(objects, entity_of))
    return world


def enter(world: World, actors: list[Actor], objects: list[SceneObject]) -> None:
    """Bring people and things into a running World, as a later sentence asks for.

    Actors come after the actors that are there, objects after the objects. Their ids must be new.
    """
    there, n = world[Name].text, len(world.ids(Person))
    names = [*there[:n], *(a.id for a in actors), *there[n:], *(str(o.id) for o in objects)]
    entity_of = {name: entity for entity, name in enumerate(names)}
    learned = Learned in world
    people = _actor_tables(world, actors, entity_of, learned, first=n)
    if actors:
        world.spawn_before(n, *people)
    if objects:
        world.spawn(*_object_tables(objects, entity_of))


def cast_of(scene: Scene, world: World) -> Cast:
    """What the renderer and the recorder need to know of a run's actors and objects."""
    person, thing = world[Person], world[Thing]
    return Cast(
        theme=scene.theme,
        weather=scene.weather.value,
        time_of_day=scene.time_of_day.value,
        seed=scene.seed,
        gravity=scene.gravity,
        actor_ids=world[Name].text[: len(person)],
        actor_kind=person.kind,
        actor_scale=person.scale,
        actor_bones=person.bones,
        actor_color=person.color,
        object_ids=world[Name].text[len(person) :],
        object_kind=thing.kind,
        object_scale=thing.scale,
        object_color=thing.color,
    )


def _props_in_hand(scene: Scene) -> list[SceneObject]:
    """Objects for the actors whose ``prop`` names an object type rather than one of the objects."""
    known = {item.id: i for i, item in enumerate(scene.objects)}
    made: list[SceneObject] = []
    for i, actor in enumerate(scene.actors):
        if actor.prop is None or actor.prop in known:
            continue
        kinds = [kind.value for kind in ObjectType]
        if actor.prop not in kinds:
            raise ValueError(
                f"actors[{i}].prop: unknown {actor.prop!r}; "
                f"expected an object's id or one of {', '.join(kinds)}"
            )
        name, n = f"{actor.id}_{actor.prop}", 2
        while name in known:
            name, n = f"{actor.id}_{actor.prop}_{n}", n + 1
        known[name] = -1
        made.append(
            SceneObject(
                id=name,
                object_type=ObjectType(actor.prop),
                position=actor.initial_position,
                held_by=actor.id,
            )
        )
    return made


def _actor_tables(
    world: World, actors: list[Actor], entity_of: dict[str, int], learned: bool, first: int = 0
) -> tuple[Component, ...]:
    """The components of actors. first: row of the first of them among all actors."""
    n, tick = len(actors), world.tick
    scale = np.array([actor.scale for actor in actors])
    kinds = [actor.actor_type for actor in actors]
    radius = np.array([BODY_RADIUS[kind] for kind in kinds]) * scale
    tall = scale * [
        STANDING_PELVIS[kind] + BONE_LENGTHS[kind][TRUNK] + HEAD_OFFSET[kind][0] + HEAD_RADIUS[kind]
        for kind in kinds
    ]
    paths = _paths(actors, "actors", [actor.initial_position for actor in actors])
    position = np.array(
        [(a.initial_position.x, a.initial_position.y, a.initial_position.z or 0.0) for a in actors]
    ).reshape(n, 3)
    soon = [None if path is None else path.at(np.array([0.0, 0.5])) for path in paths]
    for i, points in enumerate(soon):
        if points is not None:
            position[i] = points[0]
    plans = [_plan(actor, tick) for actor in actors]
    heading = np.array([_first_heading(a, p) for a, p in zip(actors, soon, strict=True)])
    velocity = np.array([a.velocity or (np.nan, np.nan) for a in actors]).reshape(n, 2)
    moving = np.nan_to_num(velocity)
    flying = np.array([plan[0][1] in _ALOFT for plan in plans], bool)
    colors = [
        to_rgb(a.color or ACTOR_COLORS[i % len(ACTOR_COLORS)])
        for i, a in enumerate(actors, start=first)
    ]
    stand = np.array([STANDING_PELVIS[kind] for kind in kinds])
    transform = Transform(position, heading)
    person = Person(
        kind=np.array([ACTOR_INDEX[kind] for kind in kinds], np.int64),
        scale=scale,
        bones=np.array([BONE_LENGTHS[kind] for kind in kinds]).reshape(n, len(BONES)),
        stand=stand,
        color=np.array(colors, np.uint8).reshape(n, 3),
        traits=world.rng.uniform(-1.0, 1.0, (n, N_TRAITS)),
    )
    return (
        Name([actor.id for actor in actors]),
        transform,
        Velocity(np.column_stack([moving, np.zeros(n)]), np.zeros(n)),
        Body(
            kind=np.full(n, BODY_KIND_INDEX[BodyKind.MOVABLE]),
            mass=np.array([MASS_KG[kind] for kind in kinds]) * scale**3,
            size=np.column_stack([2 * radius, 2 * radius, tall]),
            round=np.ones(n, bool),
            asked=np.column_stack([moving, np.zeros(n)]),
            grounded=(position[:, 2] <= 0.0) | flying,
        ),
        person,
        Script(
            plan=plans,
            cues=[_cues(a, i, entity_of) for i, a in enumerate(actors)],
            next_tick=np.full(n, tick, np.int64),
            action=np.array([plan[0][1] for plan in plans], np.int64),
            since=np.full(n, tick, np.int64),
            target=np.full(n, -1, np.int64),
        ),
        Route(
            path=list(paths),
            velocity=velocity,
            course=heading.copy(),
            detour=[None] * n,
            off_path=np.zeros(n, bool),
        ),
        Intent(velocity=moving.copy(), climb=np.zeros(n), heading=heading.copy()),
        rest_gait(transform, person, np.array([plan[0][1] for plan in plans], np.int64)),
        rest_blend(n),
        _styles(actors),
        _attention(actors, entity_of),
        Knockdown.none(n),
        Handling.none(n),
        *([Learned.none(n)] if learned else []),
    )


_ALOFT = frozenset({ACTION_INDEX[ActionType.FLY], ACTION_INDEX[ActionType.CLIMB]})


def _plan(actor: Actor, first: int) -> list[tuple[int, int]]:
    """The actor's actions as sorted (tick, action index), with one at tick ``first`` or before."""
    plan = [(round(t / DT), ACTION_INDEX[action]) for t, action in actor.actions]
    if not plan or plan[0][0] > first:
        plan.insert(0, (first, ACTION_INDEX[_first_action(actor)]))
    return plan


def _first_action(actor: Actor) -> ActionType:
    """The action of an actor before the first one planned: idle, or the gait its movement needs."""
    speed = 0.0
    if actor.velocity is not None:
        speed = float(np.hypot(*actor.velocity))
    elif actor.movement_path and len(actor.movement_path) > 1 and not actor.actions:
        knots = actor.movement_path
        lengths = [np.hypot(b.x - a.x, b.y - a.y) for (_, a), (_, b) in pairwise(knots)]
        speed = float(sum(lengths)) / (knots[-1][0] - knots[0][0])
    if speed < 0.2:
        return ActionType.IDLE
    gaits = (ActionType.WALK, ActionType.JOG, ActionType.RUN, ActionType.SPRINT)
    return min(gaits, key=lambda gait: abs(ACTION_VELOCITIES[gait] - speed))


def _paths(
    items: Sequence[Actor | SceneObject],
    where: str,
    starts: list[Point],
    max_speed: float = MAX_PATH_SPEED,
) -> list[Path | None]:
    """The movement path of each actor or object, from its start at t = 0; None if it has none.

    In a crowd, paths that differ only in where they are share their timetable.
    Raises ValueError, naming the field of the list ``where``, for a path that is too fast.
    """
    crowd = sum(item.movement_path is not None for item in items) > CROWD
    shapes: dict[tuple[tuple[float | None, ...], ...], tuple[Path, float, float]] = {}
    paths: list[Path | None] = []
    for i, (item, start) in enumerate(zip(items, starts, strict=True)):
        if not item.movement_path:
            paths.append(None)
            continue
        knots = [(t, point.x, point.y, point.z) for t, point in item.movement_path]
        added = knots[0][0] > 0.0
        if added:
            knots.insert(0, (0.0, start.x, start.y, start.z))
        _, x0, y0, _ = knots[0]
        shape = tuple((t, round(x - x0, 6), round(y - y0, 6), z) for t, x, y, z in knots)
        if crowd and shape in shapes:
            path, x, y = shapes[shape]
            paths.append(path.moved(x0 - x, y0 - y))
            continue
        field = f"{where}[{i}].movement_path"
        path = Path.through(knots, field, max_speed=max_speed, first=-1 if added else 0)
        shapes[shape] = path, x0, y0
        paths.append(path)
    return paths


def check_way(item: SceneObject) -> None:
    """Raises ValueError for an object whose movement path is too fast."""
    _paths([item], "objects", [item.position], MAX_OBJECT_SPEED)


def _first_heading(actor: Actor, soon: np.ndarray | None) -> float:
    """Heading at t = 0: along the velocity or the start of the path, else the scene's heading.

    soon: (2, 3) m, where its path has it at 0 and 0.5 s.
    """
    if actor.velocity is not None and np.hypot(*actor.velocity) > 0.2:
        return float(np.arctan2(actor.velocity[1], actor.velocity[0]))
    if soon is not None:
        ahead = soon[1] - soon[0]
        if np.hypot(ahead[0], ahead[1]) > 0.05:
            return float(np.arctan2(ahead[1], ahead[0]))
    return actor.heading


def _styles(actors: list[Actor]) -> StyleState:
    """The styles in which the actors start."""
    styles = rest_style(len(actors))
    for row, actor in enumerate(actors):
        if actor.style is not None:
            set_style(styles, row, actor.style, actor.style_intensity, f"actors[{row}].style")
    styles.now[:] = styles.goal
    return styles


def _attention(actors: list[Actor], entity_of: dict[str, int]) -> Attention:
    """The planned changes of style and gaze.

    A cue with an intensity but no style changes how much of the style so far there is.
    """
    state = rest_attention(len(actors))
    for row, actor in enumerate(actors):
        style, intensity = actor.style, actor.style_intensity
        for k, cue in enumerate(actor.cues):
            where = f"actors[{row}].cues[{k}]"
            if cue.style is None and cue.intensity is None and cue.gaze is None:
                continue
            changed = cue.style is not None or cue.intensity is not None
            if cue.style is not None:
                style_row(cue.style, 1.0, f"{where}.style")
                style, intensity = cue.style, 1.0
            intensity = intensity if cue.intensity is None else cue.intensity
            look = None if cue.gaze is None else look_at(cue.gaze, entity_of, f"{where}.gaze")
            state.cues[row].append((round(cue.t / DT), style if changed else None, intensity, look))
        if any(cue.say for cue in actor.cues):
            state.voice[row] = 0.0
        if state.cues[row]:
            state.next_tick[row] = state.cues[row][0][0]
    return state


def _cues(actor: Actor, row: int, entity_of: dict[str, int]) -> list[tuple[int, int]]:
    """The actor's changes of target as sorted (tick, entity id)."""
    cues = []
    for k, cue in enumerate(actor.cues):
        if cue.target is None:
            continue
        if cue.target not in entity_of:
            raise ValueError(f"actors[{row}].cues[{k}].target: no actor or object {cue.target!r}")
        cues.append((round(cue.t / DT), entity_of[cue.target]))
    return cues


def _object_tables(objects: list[SceneObject], entity_of: dict[str, int]) -> tuple[Component, ...]:
    n = len(objects)
    kinds = [item.object_type for item in objects]
    body_kinds = [_body_kind(item) for item in objects]
    size = np.array(
        [(*footprint_m(i.object_type, i.scale), height_m(i.object_type, i.scale)) for i in objects]
    ).reshape(n, 3)
    paths = _paths(objects, "objects", [item.position for item in objects], MAX_OBJECT_SPEED)
    position = np.array([_rest_position(item) for item in objects]).reshape(n, 3)
    for i, path in enumerate(paths):
        if path is not None:
            position[i] = path.at(np.zeros(1))[0]
    velocity = np.array([(*(i.velocity or (0.0, 0.0)), 0.0) for i in objects]).reshape(n, 3)
    balls = np.array([kind is BodyKind.BALL for kind in body_kinds], bool)
    return (
        Name([str(item.id) for item in objects]),
        Transform(position, np.array([item.heading for item in objects])),
        Velocity(velocity, np.zeros(n)),
        Body(
            kind=np.array([BODY_KIND_INDEX[kind] for kind in body_kinds], np.int64),
            mass=np.array([mass_kg(item.object_type, item.scale) for item in objects]),
            size=size,
            round=np.array([FOOTPRINTS[kind].round for kind in kinds], bool),
            asked=velocity.copy(),
            grounded=~balls | (position[:, 2] <= size[:, 2] / 2 + 1e-9),
        ),
        Thing(
            kind=np.array([OBJECT_INDEX[kind] for kind in kinds], np.int64),
            scale=np.array([item.scale for item in objects]),
            color=np.array(
                [to_rgb(item.color) if item.color else (-1, -1, -1) for item in objects], np.int16
            ).reshape(n, 3),
            holder=np.array([entity_of[i.held_by] if i.held_by else -1 for i in objects], np.int64),
            hand=np.array([L_HAND if k in LEFT_HANDED else R_HAND for k in kinds], np.int64),
            spin=np.zeros(n),
            path=list(paths),
        ),
        Flight.none(n),
    )


def _body_kind(item: SceneObject) -> BodyKind:
    """How physics treats an object; a static one that is small enough to hold is a prop."""
    kind, scale = BODY_KINDS[item.object_type], item.scale
    size = max(height_m(item.object_type, scale), *footprint_m(item.object_type, scale))
    small = kind is BodyKind.STATIC and size < PROP_BELOW_M and item.movement_path is None
    return BodyKind.PROP if small else kind


def _rest_position(item: SceneObject) -> tuple[float, float, float]:
    """Initial position, m: of a ball its centre, of other objects the middle of their base."""
    z = item.position.z
    if BODY_KINDS[item.object_type] is BodyKind.BALL:
        radius = height_m(item.object_type, item.scale) / 2
        z = radius if z is None else max(z, radius)
    elif z is None:
        z = ALTITUDES.get(item.object_type, 0.0)
    return item.position.x, item.position.y, z
