"""Later sentences: "now she sits down" changes what a running scene goes on with.

Everybody and everything is taken from where it is by then. Who is named and is not there comes on
from the edge of the picture, what is named and is not there is brought on, and what cannot be done
as said is mimed or done otherwise; ``Redirection.notes`` tells of both.
"""

import re
from functools import cache
from math import cos, hypot, sin, sqrt

import numpy as np
from pydantic import ValidationError

from entities.actions import ActionType
from entities.objects import BODY_KINDS, ObjectType
from entities.scene import Actor, Point, Scene, SceneObject, explain
from entities.skeleton import ACTOR_SCALES, ActorType
from sim.story.language.clauses import resolve_light_verbs
from sim.story.language.grammar import Parser
from sim.story.language.lexicon import plural, roles, themes, words
from sim.story.language.phrases import Noun, read_noun
from sim.story.language.reading import Unit, check_length, tokens, units
from sim.story.parse import known_verbs
from sim.story.redirection import NotUnderstoodError, Now, Patch, Redirection
from sim.story.staging.acts import Act, Finder
from sim.story.staging.cast import Cast, Player
from sim.story.staging.compose import needs_no_path, object_of, path_of, tidy
from sim.story.staging.entrances import enter
from sim.story.staging.floor import Floor
from sim.story.staging.perform import perform
from sim.story.staging.plan import BACKWARDS, DRIFTS_MPS, Plan
from sim.story.staging.scenery import LOW, SEATS, Item, Stage, bearing, seat_spots
from sim.story.staging.setting import settle_in
from sim.story.staging.timing import Knot, Spot

A = ActionType
_KEYS = {
    ActorType.HUMAN: "person", ActorType.CHILD: "child", ActorType.ALIEN: "alien",
    ActorType.ROBOT: "robot", ActorType.DOG: "dog", ActorType.CAT: "cat", ActorType.HORSE: "horse",
}  # fmt: skip
_BEFORE_S = 1.0
"""How long before the sentence the action in force is written down; what is planned comes after."""
_LEAST_WAY_S = 40.0
"""An open-ended way of a live run is laid out at least so far (choice)."""
_STEP_S = 0.02
"""Way points of a path are at least this far apart."""
_ROUNDED_S = 1e-3
"""Planned times are rounded to this."""
_MARK_S, _STRAIGHT_COS = 0.25, 0.9
"""A way point within this of the one before, on a straight way, says nothing but its time."""
_PUT_M = 0.02
"""m; a way that begins further from its actor is walked up to."""
_TO_PLACE_MPS = 3.0
"""Mean speed at which it is."""
_TOP_MPS = 11.0
"""Greatest mean speed between two way points."""
_ALOFT_M = 0.25
"""Height of its ground above which an actor is on a ladder or in the air."""
_FACES_VIEWER_BELOW = -0.5
"""y of the unit vector of a heading below which an actor faces the viewer (choice)."""
_OFF_THE_GROUND = frozenset(
    {A.JUMP, A.HOP, A.HEADER, A.SHOOTING, A.DIVE, A.FALL, A.LIE_DOWN, A.SLEEP, A.CARTWHEEL}
)
"""Actions that lift an actor for a moment, or lay it on something."""
_GOES_ON = frozenset({A.IDLE, A.STAND, A.TALK, A.LOOKING_AROUND, A.THINK, A.WAVE, A.NOD, A.CLAP})
"""Actions during which an actor turns to one that does something to it."""
_MOST_TEXT = 2_000


def parse_event(
    text: str, scene: Scene, actor: str | None, t: float, now: Now | None = None
) -> Redirection:
    """What a sentence at ``t`` s changes.

    actor: id of the actor that a sentence without a subject is for; None is all of them.
    now: where everything is at ``t``; None, before the run, is where it began. Raises ValueError in
    one line if the sentence is empty, too long or not understood, or needs more actors, objects or
    seconds than fit.
    """
    try:
        return _redirection(text, scene, actor, t, now or Now())
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def _redirection(text: str, scene: Scene, actor: str | None, t: float, now: Now) -> Redirection:
    try:
        check_length(text)
    except ValueError as error:
        raise NotUnderstoodError(str(error)) from None
    raw = tokens(text)
    found = resolve_light_verbs(units(raw))
    parser = Parser(found, raw)
    clauses, taken = known_verbs(parser.run(), None)
    plan = _running(scene, t, now)
    cast, stage = plan.cast, plan.stage
    here = {player.id: player.spot for player in cast.players}
    addressed = [p for p in cast.players if actor is None or p.id == actor]
    if addressed:
        plan.middle = _middle(addressed)
    cast.last = cast.subject = addressed
    stage.last = _at_issue(stage.items)
    finder = Finder(cast, stage, addressed if len(addressed) == 1 else [])
    acts = [act for act in finder.acts(clauses) if _says_something(act)]
    _refuse_setting(found, acts, plan, raw)
    implied = bool(clauses) and not clauses[0].subject
    for act in acts:
        if not act.who and (not act.clause.subject or not act.items()):
            met = [*act.players(), *(p for _, f in act.places for p in f)]
            act.who = [p for p in addressed if p not in met] or list(addressed)
            act.who = act.who or [cast.add("person")]
    for player, item in finder.holds:
        if not item.present:
            item.holder = player
    for who, relation, targets in finder.settings:
        _settle(plan, who, relation, targets)
    for noun in parser.stage:
        finder.target(noun, [])
    enter(plan, acts, raw)
    unknown = [*parser.unknown, *finder.unknown_nouns, *perform(plan, acts)]
    stage.put_rest(plan.middle)
    for word in dict.fromkeys(unknown):
        plan.note(f"not understood: '{word}'")
    meant = addressed if implied else [p for p in acts[0].who if p in addressed and actor]
    told = {p.id: text.strip()[:_MOST_TEXT] for p in meant}
    result = Redirection()
    until = max(scene.duration, t + _LEAST_WAY_S)
    for player in cast.players:
        patch = _patch(plan, player, until)
        if patch is not None:
            if patch.path and player.id in here:
                patch.path = _from(here[player.id], patch.path, t)
            patch.caption = told.get(player.id, patch.caption) if patch.actions else ""
            patch.caption = patch.caption or ("comes on" if player.comes else "")
            result.patches.append(patch)
        if player.comes:
            result.actors.append(_newcomer(player))
    for item in stage.items:
        way = _way(plan, item)
        if item.present and way:
            result.ways[item.id] = way
        elif not item.present:
            result.objects.append(_brought(plan, item, way))
    result.notes = [*taken, *plan.notes]
    return result


def _running(scene: Scene, t: float, now: Now) -> Plan:
    """The plan that goes on from a running scene at ``t`` s."""
    theme = next((th for th in themes().themes.values() if th.set == scene.theme), None)
    theme = theme or themes().themes["generic"]
    cast, stage = Cast(theme, scene.seed % 10 * 3), Stage(theme, np.random.default_rng(scene.seed))
    stage.floor = Floor()
    plan = Plan(cast, stage, stage.rng, t)
    for actor in scene.actors:
        cast.players.append(_player(actor, len(cast.players), t, now))
        plan.way[actor.id] = _ahead_of(
            now.heading.get(actor.id, actor.heading), cast.players[-1].velocity
        )
    by_id = {player.id: player for player in cast.players}
    for obj in [*scene.objects, *_in_hand(scene)]:
        stage.items.append(_item(obj, now, by_id))
    _name_sides(cast.players)
    _seat(plan, now)
    cast.taken = {item.id for item in stage.items}
    stage.taken = cast.taken | set(by_id)
    for player in cast.players:
        stage.floor.take(player.spot, player.radius)
    for item in stage.items:
        if item.spot is not None and BODY_KINDS[item.kind] not in LOW:
            stage.floor.take(item.spot, item.reach)
    plan.middle = _middle(cast.players) if cast.players else (0.0, 0.0)
    return plan


def _at_issue(items: list[Item]) -> list[Item]:
    """The thing that "it" means where the sentence names none: in hand, else small, else new."""
    held = [item for item in items if item.holder is not None]
    small = [item for item in items if BODY_KINDS[item.kind] in LOW]
    return (held or small or items)[-1:]


def _ahead_of(heading: float, velocity: Spot) -> Spot:
    """The direction (unit vector) in which an actor goes on where the sentence gives none.

    It is that of its heading, rad; one that stands and faces the viewer goes to a side, in sight.
    """
    way = (round(cos(heading), 6), round(sin(heading), 6))
    if way[1] < _FACES_VIEWER_BELOW and hypot(*velocity) < DRIFTS_MPS:
        return (-1.0, 0.0) if way[0] < -0.05 else (1.0, 0.0)
    return way


def _middle(players: list[Player]) -> Spot:
    """Mean of the places of players."""
    spots = [p.spot for p in players if p.spot is not None]
    n = len(spots)
    return sum(s[0] for s in spots) / n, sum(s[1] for s in spots) / n


def _player(actor: Actor, number: int, t: float, now: Now) -> Player:
    """An actor of the scene as it is at ``t`` s."""
    key = actor.role if actor.role in roles().roles else _KEYS[actor.actor_type]
    role = roles().roles[key]
    start = actor.initial_position
    x, y, z = now.position.get(actor.id, (start.x, start.y, start.z or 0.0))
    noun = _called(actor.id, key)
    noun.color, noun.team = actor.color, actor.team
    noun.size = _said_size(float(actor.scale or 1.0) / (role.scale or ACTOR_SCALES[role.type]))
    doing = now.action.get(actor.id)
    if doing is None:
        doing = actor.actions[0][1] if actor.actions else A.IDLE
    seated = actor.id in now.seat
    return Player(
        id=actor.id,
        key=key,
        role=role,
        phrase=noun.name or f"the {noun.word}",
        noun=noun,
        number=number,
        color=actor.color or "",
        scale=float(actor.scale or 1.0),
        style=actor.style,
        spot=(x, y),
        start=(x, y),
        t=t,
        actions=[(t - _BEFORE_S, A.IDLE)],
        present=True,
        home=(start.x, start.y),
        doing=doing,
        velocity=(0.0, 0.0) if seated else now.velocity.get(actor.id, (0.0, 0.0)),
        height=z if z > _ALOFT_M and not seated and doing not in _OFF_THE_GROUND else 0.0,
    )


@cache
def _word_of(base: str, key: str) -> tuple[str, str | None, str | None]:
    """Word, name and gender of an actor with the id ``base`` and a role."""
    role = roles().roles[key]
    said = base.replace("_", " ").strip().lower()
    if said in role.words or said in {plural(word) for word in role.words}:
        return said, None, None
    noun, _ = read_noun(units(tokens(said)), 0) if said.strip() else (None, 0)
    if noun is not None and noun.name:
        return noun.word, noun.name, noun.gender
    plain = base[:1].isalpha() and "_" not in base and noun is None
    return (base if plain else key), (base if plain else None), None


def _called(ident: str, key: str) -> Noun:
    """What sentences call the actor with an id: its role, or its name."""
    word, name, gender = _word_of(re.sub(r"_\d+$", "", ident), key)
    return Noun("role", key, word, definite=True, name=name, gender=gender)


def _said_size(ratio: float) -> float:
    """The size word's factor that a scale comes from; 1 for none."""
    near = min((1.0, *words().sizes.values()), key=lambda size: abs(size - ratio))
    return near if abs(near - ratio) < 0.01 else 1.0


def _name_sides(players: list[Player]) -> None:
    """Make "the one on the left" the leftmost player, and the other the rightmost."""
    if len(players) > 1:
        min(players, key=lambda p: p.spot[0]).noun.side = -1.0
        max(players, key=lambda p: p.spot[0]).noun.side = 1.0


def _in_hand(scene: Scene) -> list[SceneObject]:
    """The objects made for actors whose ``prop`` names an object type."""
    known, made = {str(obj.id) for obj in scene.objects}, []
    for actor in scene.actors:
        if actor.prop is None or actor.prop in known or actor.prop not in list(ObjectType):
            continue
        name, n = f"{actor.id}_{actor.prop}", 2
        while name in known:
            name, n = f"{actor.id}_{actor.prop}_{n}", n + 1
        known.add(name)
        made.append(SceneObject.model_construct(
            id=name, object_type=ObjectType(actor.prop), position=actor.initial_position,
            held_by=actor.id, heading=0.0, scale=1.0, color=None,
        ))  # fmt: skip
    return made


def _item(obj: SceneObject, now: Now, players: dict[str, Player]) -> Item:
    """An object of the scene as it is now."""
    name = str(obj.id)
    x, y, _ = now.position.get(name, (obj.position.x, obj.position.y, 0.0))
    holder = players.get(now.holder.get(name, obj.held_by) or "")
    return Item(
        id=name,
        kind=obj.object_type,
        word=obj.object_type.value.replace("_", " "),
        color=obj.color,
        scale=obj.scale,
        spot=None if holder is not None else (x, y),
        heading=now.heading.get(name, obj.heading),
        holder=holder,
        present=True,
    )


def _seat(plan: Plan, now: Now) -> None:
    """Note who sits or lies on what, and where it gets up."""
    items = {item.id: item for item in plan.stage.items}
    for player in plan.cast.players:
        seat = items.get(now.seat.get(player.id, ""))
        if seat is None or seat.kind not in SEATS or seat.spot is None:
            continue
        sits, rises, _ = seat_spots(seat, 1)[0]
        across = (player.spot[0] - sits[0], player.spot[1] - sits[1])
        left = (-sin(seat.heading), cos(seat.heading))
        aside = across[0] * left[0] + across[1] * left[1]
        aside = min(max(aside, -0.5 * seat.size[1]), 0.5 * seat.size[1])
        player.seat, player.sits = seat, player.spot
        player.rises = (rises[0] + aside * left[0], rises[1] + aside * left[1])


def _says_something(act: Act) -> bool:
    """Whether an act changes anything for its actors."""
    clause = act.clause
    return bool(clause.verb or clause.say or clause.direction or clause.cease)


def _refuse_setting(found: list[Unit], acts: list[Act], plan: Plan, raw: list[str]) -> None:
    """Say what a later sentence cannot change. Raises ValueError if it says nothing else."""
    sky = any(unit.any("weather", "daytime") for unit in found)
    place = any(unit.get("theme") and not unit.any("thing", "verb", "role") for unit in found)
    named = any(unit.text in ("scene", "place", "stage", "weather", "theme") for unit in found)
    stays = "the weather and the light of a running scene stay" if sky else ""
    stays = stays or ("the place of a running scene stays" if place else "")
    if not acts:
        short = " ".join(raw)[:60]
        why = stays if stays and (sky or named) else 'try "run left" or "sit down"'
        raise NotUnderstoodError(f"not understood: {short!r}; {why}")
    if sky or (place and named):
        plan.note(stays)


def _settle(plan: Plan, who: object, relation: str, targets: list) -> None:
    """Put who or what is not there yet in the relation the sentence says."""
    target = targets[0]
    if isinstance(who, Player):
        if who.present or (isinstance(target, Player) and not target.present):
            return
        if isinstance(target, Item) and target.kind in SEATS:
            if target.spot is None:
                plan.stage.put(target, *plan.free(plan.at(3.0, 0.5)))
            who.put(*seat_spots(target, 1)[0][1])
            return
    if isinstance(who, Item) and who.present:
        return
    settle_in(plan, who, relation, targets)


def _patch(plan: Plan, player: Player, until: float) -> Patch | None:
    """What was planned for a player; None if nothing."""
    begin = plan.start
    planned = [
        (begin if t < begin + _ROUNDED_S else t, action)
        for t, action in player.actions
        if t >= begin - _ROUNDED_S
    ]
    if not planned and not player.cues and not player.legs and not player.comes:
        turns = player.facing is not None and player.doing in _GOES_ON and player.seat is None
        if not turns or hypot(*player.velocity) > DRIFTS_MPS:
            return None
        return Patch(player.id, heading=player.facing)
    patch = Patch(player.id, cues=sorted(player.cues, key=lambda cue: cue.t))
    patch.style = player.said_style
    patch.caption = ", then ".join(c for c in player.clauses if c)[:_MOST_TEXT]
    waits = bool(planned) and planned[0][0] > begin
    if player.comes or (waits and hypot(*player.velocity) > DRIFTS_MPS):
        planned.insert(0, (begin, A.IDLE))
    if planned:
        patch.actions = tidy(planned, planned[0][0] + _ROUNDED_S)
    legs = player.legs
    if legs and not (needs_no_path(player, begin) and player.height == 0.0):
        until = max(until, legs[-1].start + _LEAST_WAY_S)
        patch.path = _possible(path_of(player, until, begin), player.height)
    elif legs:
        way = legs[-1].points[1]
        patch.heading = bearing((0.0, 0.0), way) - BACKWARDS.get(legs[-1].action, 0.0)
    elif player.height > 0.0:
        patch.path = [(begin, *player.spot, player.height)]  # it stays up there
    elif player.facing is not None and planned:
        patch.heading = player.facing
    return patch


def _from(here: Spot, way: list[Knot], t: float) -> list[Knot]:
    """A way that begins where the actor is at ``t`` s, though the plan has put it elsewhere."""
    begins, x, y, z = way[0]
    far = hypot(x - here[0], y - here[1])
    if far < _PUT_M:
        return way
    late = max(0.0, t + max(far / _TO_PLACE_MPS, sqrt(2.0 * far)) - begins)
    return [(t, *here, z), *((at + late, *spot) for at, *spot in way)]


def _possible(knots: list[Knot], height: float) -> list[Knot]:
    """A path whose times increase and whose speed anybody can go; later knots wait where needed.

    height: m, at which it starts.
    """
    done: list[Knot] = []
    late = 0.0
    for t, x, y, z in _without_marks(knots):
        t += late
        if done:
            far = hypot(x - done[-1][1], y - done[-1][2])
            least = done[-1][0] + max(_STEP_S, far / _TOP_MPS)
            late, t = late + max(least - t, 0.0), max(t, least)
        done.append((t, x, y, z if done else (z if z is not None else height or None)))
    return done


def _without_marks(knots: list[Knot]) -> list[Knot]:
    """A path without way points that only mark the time shortly after the one before."""
    kept = knots[:1]
    for k, knot in enumerate(knots[1:-1], 1):
        a, b, c = kept[-1], knot, knots[k + 1]
        ab, bc = (b[1] - a[1], b[2] - a[2]), (c[1] - b[1], c[2] - b[2])
        along = ab[0] * bc[0] + ab[1] * bc[1]
        straight = along > _STRAIGHT_COS * hypot(*ab) * hypot(*bc) and along > 0.0
        level = a[3] is None and b[3] is None and c[3] is None
        if not (straight and level and b[0] - a[0] < _MARK_S):
            kept.append(knot)
    return kept + knots[1:][-1:]


def _newcomer(player: Player) -> Actor:
    """The bare Actor of one that comes on."""
    x, y = player.start
    caption = f"{player.phrase} {', then '.join(c for c in player.clauses if c) or 'comes on'}"
    return Actor(
        id=player.id,
        initial_position=Point(x=x, y=y),
        actor_type=player.role.type,
        color=player.color,
        heading=0.0 if player.facing is None else player.facing,
        team=player.noun.team,
        role=player.key,
        scale=player.scale,
        style=player.style,
        caption=caption[:_MOST_TEXT],
    )


def _way(plan: Plan, item: Item) -> list[Knot] | None:
    """The way of a thing that moves by itself, from now on."""
    if not item.path:
        return None
    knots = [(t, x, y, *z) if z else (t, x, y, None) for t, x, y, *z in item.path]
    return _possible([k for k in knots if k[0] >= plan.start - _ROUNDED_S], 0.0)


def _brought(plan: Plan, item: Item, way: list[Knot] | None) -> SceneObject:
    """The SceneObject of a thing that is brought on."""
    if way:
        item.path = [(t, x, y) if z is None else (t, x, y, z) for t, x, y, z in way]
    held = item.holder is not None
    where = f"in {item.holder.phrase}'s hand" if held else "on"
    article = "an" if item.word[:1] in "aeiou" else "a"
    plan.note(f"{article} {item.word} is brought {where}")
    return object_of(item)
