"""Later sentences: "now she sits down" becomes patches of a running scene, one an actor."""

from dataclasses import dataclass, field
from math import atan2, cos, sin

import numpy as np

from entities.actions import ActionType
from entities.scene import Actor, Scene
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
from sim.story.staging.timing import Knot, Spot

_KEYS = {
    ActorType.HUMAN: "person", ActorType.CHILD: "child", ActorType.ALIEN: "alien",
    ActorType.ROBOT: "robot", ActorType.DOG: "dog", ActorType.CAT: "cat", ActorType.HORSE: "horse",
}  # fmt: skip
_BEFORE = -1.0
"""s, the time given to what an actor does before the sentence; planned actions come after it."""


@dataclass(slots=True)
class Patch:
    """What a later sentence changes for one actor. Times are seconds of the scene.

    With ``path`` (t s, x, y, z m) the actor follows it to ``destination``. With ``heading`` alone
    it turns there and, if the action travels, goes on along it. With neither it keeps its course.
    """

    actor: str
    actions: list[tuple[float, ActionType]] = field(default_factory=list)
    heading: float | None = None  # rad, where the actor faces
    path: list[Knot] | None = None
    destination: Spot | None = None
    target: str | None = None  # id of the actor or object the action is aimed at
    say: str | None = None
    style: str | None = None


def parse_event(
    text: str,
    scene: Scene,
    actor: str | None,
    t: float,
    positions: dict[str, tuple[float, float]] | None = None,
    headings: dict[str, float] | None = None,
) -> list[Patch]:
    """The patches a sentence at ``t`` s makes, one an actor, in the order of the scene.

    actor: id of the actor that a sentence without a subject is for; None is all of them.
    positions (m) and headings (rad): where actors and objects are at ``t``, by id; those that are
    missing are where they began. Raises ValueError in one line if the sentence is empty, too long
    or says nothing to do.
    """
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
    return [
        patch
        for player in cast.players
        if player.id in known and (patch := _patch(player)) is not None
    ]


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
    said = next((cue.say for cue in player.cues if cue.say), None)
    target = next((cue.target for cue in reversed(player.cues) if cue.target), None)
    if not actions and said is None and player.facing is None and not player.legs:
        return None
    patch = Patch(player.id, actions, target=target, say=said, style=player.said_style)
    done = [leg for leg in player.legs if not leg.open]
    if done:
        patch.path = [knot for leg in done for knot in leg.knots]
        patch.destination = patch.path[-1][1:3]
    going = [leg for leg in player.legs if leg.open]
    if going:
        way = going[-1].points[1]
        patch.heading = atan2(way[1], way[0]) - BACKWARDS.get(going[-1].action, 0.0)
    elif not done:
        patch.heading = player.facing
    return patch
