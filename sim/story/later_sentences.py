"""Later sentences: "now she sits down" becomes patches of a running scene, one an actor."""

from dataclasses import dataclass, field
from math import atan2, cos, sin

import numpy as np

from entities.actions import ActionType
from entities.scene import Actor, Cue, Scene, SceneObject
from entities.skeleton import ActorType
from sim.story.language.clauses import resolve_light_verbs
from sim.story.language.grammar import Parser
from sim.story.language.lexicon import roles, themes
from sim.story.language.phrases import Noun
from sim.story.language.reading import check_length, tokens, units
from sim.story.parse import known_verbs
from sim.story.staging.acts import Act, Finder
from sim.story.staging.cast import Cast, Player
from sim.story.staging.perform import perform
from sim.story.staging.plan import BACKWARDS, Plan
from sim.story.staging.scenery import Item, Stage
from sim.story.staging.timing import Knot

_KEYS = {
    ActorType.HUMAN: "person", ActorType.CHILD: "child", ActorType.ALIEN: "alien",
    ActorType.ROBOT: "robot", ActorType.DOG: "dog", ActorType.CAT: "cat", ActorType.HORSE: "horse",
}  # fmt: skip
_BEFORE = -1.0
"""s, the time given to what an actor does before the sentence; planned actions come after it."""


@dataclass(slots=True)
class Now:
    """Where everything is when a later sentence is read; ids are those of the scene.

    Whoever and whatever is missing is where the scene has it at the start, at rest.
    """

    position: dict[str, tuple[float, float, float]] = field(default_factory=dict)  # m
    heading: dict[str, float] = field(default_factory=dict)  # rad
    velocity: dict[str, tuple[float, float]] = field(default_factory=dict)  # m/s, of actors
    action: dict[str, ActionType] = field(default_factory=dict)  # of actors, the one in force
    holder: dict[str, str | None] = field(default_factory=dict)  # of objects: who has it in hand
    seat: dict[str, str] = field(default_factory=dict)  # of actors that sit or lie on something
    gone: set[str] = field(default_factory=set)  # actors and objects that have left the world


@dataclass(slots=True)
class Patch:
    """What a later sentence changes for one actor. Times are seconds of the scene, from now on.

    With ``path`` (t s, x, y, z m; times increase) the actor follows it: it starts where the actor
    is, at the speed the actor has. With ``heading`` alone it turns there and, if the action
    travels, goes on along it. With neither it keeps its course.
    """

    actor: str
    actions: list[tuple[float, ActionType]] = field(default_factory=list)
    heading: float | None = None  # rad, where the actor faces
    path: list[Knot] | None = None
    cues: list[Cue] = field(default_factory=list)  # whom it is aimed at, and what is said, when
    style: str | None = None


@dataclass(slots=True)
class Redirection:
    """What a later sentence changes in a running scene.

    ``actors`` come on stage with it, bare: their patches say what they do. ``objects`` stand there
    from now on, or in the hand of ``held_by``. Their ids are new in the scene.
    """

    patches: list[Patch] = field(default_factory=list)  # one an actor, in the scene's order, then
    # those of ``actors``
    actors: list[Actor] = field(default_factory=list)
    objects: list[SceneObject] = field(default_factory=list)
    ways: dict[str, list[Knot]] = field(default_factory=dict)  # of things in the scene that set
    # off by themselves, by id; a thing that comes on has its own movement_path
    notes: list[str] = field(default_factory=list)  # what comes on, and what is done otherwise


def parse_event(
    text: str, scene: Scene, actor: str | None, t: float, now: Now | None = None
) -> Redirection:
    """What a sentence at ``t`` s changes.

    actor: id of the actor that a sentence without a subject is for; None is all of them.
    now: where everything is at ``t``; None, before the run, is where it began. Raises ValueError in
    one line if the sentence is empty, too long or not understood, or needs more actors or objects
    than fit.
    """
    now = now or Now()
    positions = {name: (x, y) for name, (x, y, _) in now.position.items()}
    headings = now.heading
    check_length(text)
    raw = tokens(text)
    parser = Parser(resolve_light_verbs(units(raw)), raw)
    clauses, _ = known_verbs(parser.run(), None)
    theme = next((th for th in themes().themes.values() if th.set == scene.theme), None)
    theme = theme or themes().themes["generic"]
    cast = Cast(theme, 0)
    stage = Stage(theme, np.random.default_rng(scene.seed))
    plan = Plan(cast, stage, stage.rng)
    known = {item.id: item for item in scene.actors}
    for each in scene.actors:
        _join(plan, each, t, positions or {}, headings or {})
    for obj in scene.objects:
        spot = (positions or {}).get(str(obj.id), (obj.position.x, obj.position.y))
        holder = next((p for p in cast.players if p.id == obj.held_by), None)
        item = Item(str(obj.id), obj.object_type, obj.object_type.value, obj.color,
                    obj.scale, None if holder else spot, obj.position.z, obj.heading,
                    holder)  # fmt: skip
        stage.items.append(item)
    addressed = [p for p in cast.players if actor is None or p.id == actor]
    cast.last = cast.subject = addressed
    acts = Finder(cast, stage).acts(clauses)
    if not any(_says_something(act) for act in acts):
        raise ValueError(f'not understood: {" ".join(raw)[:60]!r}; try "run left" or "sit down"')
    for act in acts:
        act.who = [p for p in act.who if p.id in known] or list(addressed)
    perform(plan, acts)
    patches = [
        patch
        for player in cast.players
        if player.id in known and (patch := _patch(player)) is not None
    ]
    return Redirection(patches)


def _says_something(act: Act) -> bool:
    """Whether an act changes anything for its actors."""
    clause = act.clause
    return bool(clause.verb or clause.say or clause.direction or clause.cease)


def _join(
    plan: Plan,
    actor: Actor,
    t: float,
    positions: dict[str, tuple[float, float]],
    headings: dict[str, float],
) -> None:
    """Add an actor of the scene to the plan's cast, with its position and heading at ``t``."""
    key = actor.role if actor.role in roles().roles else _KEYS[actor.actor_type]
    noun = Noun("role", key, key, definite=True, color=actor.color)
    if actor.id not in (key, *(f"{key}_{k}" for k in range(len(plan.cast.players) + 2))):
        noun.name = actor.id if actor.id[:1].isalpha() and "_" not in actor.id else None
    spot = positions.get(actor.id, (actor.initial_position.x, actor.initial_position.y))
    heading = headings.get(actor.id, actor.heading)
    player = Player(
        id=actor.id,
        key=key,
        role=roles().roles[key],
        phrase=f"the {key}",
        noun=noun,
        number=len(plan.cast.players),
        color=actor.color or "",
        scale=float(actor.scale or 1.0),
        style=actor.style,
        spot=spot,
        start=spot,
        t=t,
        actions=[(_BEFORE, ActionType.IDLE)],
    )
    plan.cast.players.append(player)
    plan.way[player.id] = (round(cos(heading), 6), round(sin(heading), 6))


def _patch(player: Player) -> Patch | None:
    """What was planned for a player; None if nothing."""
    actions = [(time, action) for time, action in player.actions if time > _BEFORE]
    if not actions and not player.cues and player.facing is None and not player.legs:
        return None
    patch = Patch(player.id, actions, cues=player.cues, style=player.said_style)
    done = [leg for leg in player.legs if not leg.open]
    if done:
        patch.path = [knot for leg in done for knot in leg.knots]
    going = [leg for leg in player.legs if leg.open]
    if going:
        way = going[-1].points[1]
        patch.heading = atan2(way[1], way[0]) - BACKWARDS.get(going[-1].action, 0.0)
    elif not done:
        patch.heading = player.facing
    return patch
