"""What comes before an act in a running scene: things are fetched or taken over, people wait.

There, nobody and nothing can be put where an act begins: whoever rides gets off, whoever is to be
hugged stops, a ball that lies elsewhere is picked up before it is thrown.
"""

from math import hypot

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.objects import BODY_KINDS, BodyKind, ObjectType, height_m
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import verb_for, verbs
from sim.story.staging.acts import Act
from sim.story.staging.cast import Player
from sim.story.staging.entrances import waits_for
from sim.story.staging.object_acts import GIVING_M, HANDED_S, SETTLE_S, is_light, take
from sim.story.staging.plan import BACKWARDS, DRIFTS_MPS, Plan
from sim.story.staging.scenery import BALLS, Fixed, Item, bearing, is_held, standoff, unit
from sim.story.staging.timing import Spot
from sim.story.staging.waypoints import ahead

A, T = ActionType, ObjectType
SEEKS_M = 20.0
"""Metres within which a ball or a bat that is not named is fetched (choice)."""
AT_HAND_M = 0.75
"""Metres to a thing that is in reach of a hand or a foot."""
HURDLE_M = 0.6
"""Height of a thing on stage that can be jumped over (choice)."""
CATCH_UP_S = 6.0
"""Where one that is under way will be is guessed for so long (choice)."""
CARRIED = (T.BICYCLE,)
"""Things in hand that their holder rides."""
GAITS = (A.WALK, A.JOG, A.RUN, A.SPRINT)
_MEETS = ("pair", "strike", "send", "take", "haul", "game", "bat", "use")


def prepare(plan: Plan, act: Act) -> list[tuple[Player, Spot]]:
    """Plan what an act needs before it; returns players, and where they are in fact.

    Those are under way: until the act is planned, their ``spot`` is where they will be met.
    """
    verb, clause = act.clause.verb, act.clause
    if verb is None or not act.who:
        return []
    frame = verb.frame
    for player in act.who:
        _get_off(plan, act, player)
        aloft = frame in ("aim", "use") or verb.action in (A.FLY, A.CLIMB, A.IDLE)
        if player.height > 0.0 and not aloft:
            plan.come_down(player)
    targets = [*act.players(), *act.at("with", "to", "at", "from")]
    if frame in _MEETS:
        for target in targets:
            if isinstance(target, Player) and target not in act.who:
                plan.halt(target)
                plan.come_down(target)
    if coming := [p for p in waits_for(act) if p not in act.who]:
        ready = max(p.t for p in coming)
        for player in act.who:
            if player.t < ready:
                plan.halt(player)
                if not player.legs and player.seat is None:
                    player.facing = bearing(player.spot, coming[0].spot)
                player.t = max(player.t, ready)
    if frame in ("use", "send", "bat", "haul", "take"):
        _bring_to_hand(plan, act)
    if verb.action is A.CLIMB and not act.objects and not any(f for _, f in act.places):
        plan.note("nothing to climb: climbing is mimed")
    over = [*act.at("over"), *(act.items() if verb.action is A.JUMP else [])]
    for item in over:
        if isinstance(item, Item) and item.present and height_m(item.kind, item.scale) > HURDLE_M:
            plan.note(f"the {item.word} is too high to jump over")
            act.objects = [t for t in act.objects if t is not item]
            act.places = [(r, [t for t in f if t is not item]) for r, f in act.places]
            act.places = [*[(r, f) for r, f in act.places if f], ("front", [item])]
    if frame == "chase":
        _flee(plan, act)
    if frame == "move":
        return _meet_on_the_way(plan, act, ACTION_VELOCITIES[verb.action] * clause.speed)
    return []


def _get_off(plan: Plan, act: Act, player: Player) -> None:
    """Have a rider get off, unless it goes on riding; plain going is done by riding."""
    mounted = [i for i in plan.stage.items if i.holder is player and i.kind in CARRIED]
    verb = act.clause.verb
    if not mounted or player.doing is not A.RIDE:
        return
    rides = verb.action is A.RIDE or (verb.frame == "move" and verb.action in GAITS[:1])
    if rides and verb.action is not A.RIDE:
        ride = verb_for(A.RIDE)
        act.clause.verb = verb.model_copy(update={"action": ride.action})
    still = verb.special == "stop" or verb.frame == "aim" or act.clause.negated
    if rides or still:
        return
    plan.halt(player)
    t = max(player.t, plan.start)
    plan.act_at(player, t, A.PUT_DOWN)
    plan.act_at(player, t + verbs().seconds["put_down"], A.IDLE)
    player.t, player.doing = t + verbs().seconds["put_down"], A.IDLE
    for item in mounted:
        item.holder, item.spot = None, ahead(player.spot, plan.way[player.id], 0.0, -0.6)


def _bring_to_hand(plan: Plan, act: Act) -> None:
    """Have the players of an act take hold of the things on stage that it is done with."""
    verb, action = act.clause.verb, act.clause.verb.action
    if action in (A.PICK_UP, A.CATCHING, A.FIELDING):
        if action is A.PICK_UP:
            for item in act.items():
                holder = item.holder
                if isinstance(holder, Player) and holder not in act.who:
                    _take_over(plan, act, act.who[0], item)
        return
    named = [i for i in act.items() if i.kind is not T.GOAL]
    if not named and verb.frame in ("send", "bat"):
        wanted = (T.BAT,) if verb.frame == "bat" else BALLS
        named = _unnamed(plan, act.who[0], wanted)
        if verb.frame == "send" and not act.items():
            act.objects += named or plan.stage.make(_ball_kind(plan, act))
    if not named and action is A.PUT_DOWN:
        return
    for k, item in enumerate(named):
        player = act.who[min(k, len(act.who) - 1)]
        if not item.present or item.holder is player:
            continue
        on_foot = action in (A.KICKING, A.PUSH, A.PULL, A.BATTING) and item.kind is not T.BAT
        on_foot = on_foot or (action is A.DRIBBLING and item.kind is not T.BASKETBALL)
        if item.holder is not None:
            _take_over(plan, act, player, item)
        elif action in (A.PUSH, A.PULL):
            _go_behind(plan, act, player, item)
        elif on_foot or verb.frame == "strike":
            if action is not A.KICKING:
                _go_to(plan, act, player, item)
        elif is_light(item) and (is_held(item.kind) or item.kind in CARRIED or item.kind in BALLS):
            _fetch(plan, act, player, item)
        elif verb.frame in ("send", "haul") and item.kind is not T.CAR and action is not A.PUT_DOWN:
            plan.note(f"the {item.word} cannot be lifted: it is mimed")
            _go_to(plan, act, player, item)


def _unnamed(plan: Plan, player: Player, kinds: tuple[ObjectType, ...]) -> list[Item]:
    """What an act is done with where the sentence does not say: what is in hand, else what lies
    nearest."""
    fits = [i for i in plan.stage.items if i.present and i.kind in kinds]
    if held := [i for i in fits if i.holder is player]:
        return held[:1]
    loose = [i for i in fits if i.holder is None and i.spot is not None]
    near = [(hypot(i.spot[0] - player.spot[0], i.spot[1] - player.spot[1]), k, i)
            for k, i in enumerate(loose)]  # fmt: skip
    near = [each for each in near if each[0] < SEEKS_M]
    return [min(near)[2]] if near else [i for i in fits if i.holder is not None][:1]


def _ball_kind(plan: Plan, act: Act) -> ObjectType:
    """The kind of ball that comes with an act."""
    needs = [kind for kind in act.clause.verb.needs if kind in BALLS]
    return needs[-1] if needs else T.BALL


def _fetch(plan: Plan, act: Act, player: Player, item: Item) -> None:
    """Go to a thing and pick it up."""
    pick = Act(Clause(verb=verb_for(A.PICK_UP)), [player], [item], link=act.link)
    take(plan, pick)
    item.spot, item.holder = None, player


def _take_over(plan: Plan, act: Act, taker: Player, item: Item) -> None:
    """Go to the one that has a thing in hand, who hands it over."""
    holder = item.holder
    if holder is taker or not holder.present:
        return
    if holder in act.at("to") or holder in act.players():
        plan.note(f"{holder.phrase} has the {item.word} already")
        return
    start = max(plan.begin(act), holder.t)
    plan.halt(holder)
    plan.come_down(holder)
    way = unit(taker.spot, holder.spot)
    start = max(start, holder.t)
    if hypot(holder.spot[0] - taker.spot[0], holder.spot[1] - taker.spot[1]) > GIVING_M + 0.3:
        start = plan.go(taker, [ahead(holder.spot, way, -GIVING_M)], A.WALK, start) + SETTLE_S
    if not holder.legs and holder.seat is None:
        holder.facing = bearing(holder.spot, taker.spot)
    plan.act_at(holder, start, A.PUT_DOWN)
    plan.cue(holder, start, taker)
    plan.act_at(taker, start, A.CATCHING)
    plan.cue(taker, start, item)
    for player in (holder, taker):
        plan.act_at(player, start + HANDED_S, A.IDLE)
        player.t = max(player.t, start + HANDED_S)
    item.holder, item.spot = taker, None
    plan.note(f"{holder.phrase} hands over the {item.word}")


def _go_to(plan: Plan, act: Act, player: Player, item: Item) -> None:
    """Walk up to a thing that is not in reach."""
    way = unit(player.spot, item.spot)
    far = hypot(item.spot[0] - player.spot[0], item.spot[1] - player.spot[1])
    gap = standoff(item, way, player.radius)
    if far > max(gap + 0.3, AT_HAND_M):
        goal = ahead(item.spot, way, -gap)
        player.t = plan.go(player, [goal], A.WALK, max(plan.begin(act), player.t)) + SETTLE_S


def _go_behind(plan: Plan, act: Act, player: Player, item: Item) -> None:
    """Walk to the side of a thing from which it is pushed or pulled."""
    if BODY_KINDS[item.kind] not in (BodyKind.MOVABLE, BodyKind.BALL, BodyKind.PROP):
        if item.kind is not T.CAR:
            plan.note(f"the {item.word} does not move: it is mimed")
        return _go_to(plan, act, player, item)
    course = act.clause.direction or unit(player.spot, item.spot, plan.way[player.id])
    back = BACKWARDS.get(act.clause.verb.action) is not None
    way = course if not back else (-course[0], -course[1])
    gap = item.extent((-way[0], -way[1])) + player.radius + 0.1
    goal = ahead(item.spot, way, -gap)
    if hypot(goal[0] - player.spot[0], goal[1] - player.spot[1]) > 0.3:
        corner = []
        cos = unit(player.spot, item.spot)
        if cos[0] * way[0] + cos[1] * way[1] < 0.3:  # it is in the way: round it
            corner = [ahead(item.spot, way, 0.0, item.reach + player.radius + 0.4)]
        t = max(plan.begin(act), player.t)
        player.t = plan.go(player, [*corner, goal], A.WALK, t) + SETTLE_S
    if act.clause.direction is None:
        act.clause.direction = course


def _flee(plan: Plan, act: Act) -> None:
    """Have prey that stands flee away from its pursuer."""
    prey = [*act.players(), *(t for t in act.at("chase", "behind") if isinstance(t, Player))]
    for player in prey:
        if player not in act.who and hypot(*player.velocity) < DRIFTS_MPS and not player.height:
            plan.way[player.id] = unit(act.who[0].spot, player.spot, plan.way[player.id])


def _meet_on_the_way(plan: Plan, act: Act, speed: float) -> list[tuple[Player, Spot]]:
    """Set the spots of targets that are under way to where the first of an act meets them."""
    found = [t for r, targets in act.places if r not in ("with", "along") for t in targets]
    found += act.objects if act.clause.verb.relation in ("to", "past", "around") else []
    lead, real = act.who[0], []
    for target in found:
        if not isinstance(target, Player) or isinstance(target, Fixed) or target in act.who:
            continue
        vx, vy = target.velocity
        if hypot(vx, vy) < DRIFTS_MPS or target.legs:
            continue
        real.append((target, target.spot))
        x, y = target.spot
        t = 0.0
        for _ in range(4):
            far = hypot(x + vx * t - lead.spot[0], y + vy * t - lead.spot[1])
            t = min(far / max(speed, 1.0), CATCH_UP_S)
        target.spot = (x + vx * t, y + vy * t)
    return real
