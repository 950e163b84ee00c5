"""Acts with objects: pick up, put down, push, carry, ride; and objects that move by themselves."""

from dataclasses import replace
from math import hypot

from entities.actions import ActionType
from entities.objects import BODY_KINDS, BodyKind, ObjectType, height_m, mass_kg
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import verb_for, verbs
from sim.story.staging.acts import Act, flies_up, runs_into
from sim.story.staging.balls import BALLS, IN_REACH_M, catch, send
from sim.story.staging.cast import Player
from sim.story.staging.partners import pair, strike
from sim.story.staging.plan import OPEN_S, Plan
from sim.story.staging.scenery import (
    BALL_OF,
    Fixed,
    Item,
    bearing,
    is_held,
    make_handy,
    standoff,
    unit,
)
from sim.story.staging.solo import stay
from sim.story.staging.timing import Spot, timed_path
from sim.story.staging.travel import move
from sim.story.staging.waypoints import Ways, ahead, outward

A, T = ActionType, ObjectType
HIT_AFTER_S = 1.6
"""Seconds for which an actor is seen before it is run into (choice)."""
FALLS_AFTER_S = 0.35
"""From the blow to a planned fall: the blow itself fells the actor unless it misses (choice)."""
FLIGHT_S, ALOFT_M = 6.0, 12.0
"""Seconds that a landing or a take-off takes, and its height in metres (choice)."""
GIVING_M, HANDED_S = 0.85, 1.5
"""Metres between giver and taker, and seconds that handing over takes (choice)."""
SMALL = 0.75
"""Relative size below which an actor is picked up into the arms rather than pulled up (choice)."""
BUMPER_M = 0.2
"""Between a car and the actor that pushes it (choice)."""
LIFTED = (BodyKind.BALL, BodyKind.PROP, BodyKind.MOVABLE)
"""What an actor can lift, up to LIFT_KG; a rock or a bush below PROP_BELOW_M, too."""
LIFT_KG, PROP_BELOW_M = 40.0, 0.6
SETTLE_S = 0.4
"""Pause between an arrival and the action after it (choice)."""


def take(plan: Plan, act: Act) -> None:
    """Pick up, put down or catch an object; with players or spots as objects, what it means."""
    action = act.clause.verb.action
    caught = act.clause.words[:1] == ["catches"]
    if action is A.CATCHING and act.players() and not act.items() and caught:
        return strike(plan, act, A.TACKLE, A.FALL)  # policemen catch a thief
    saved = act.players() and act.clause.words[:1] == ["saves"] and not plan.stage.theme.crowd
    if action is A.CATCHING and saved and not act.items():
        return strike(plan, act, A.CROUCH, A.IDLE)  # "saves a swimmer"
    senders = [t for t in [*act.players(), *act.at("from", "of")] if isinstance(t, Player)]
    if action is A.CATCHING and senders and not senders[0].actions:
        foot = plan.stage.theme.set == "soccer"  # "saves the shot of the striker"
        verb = verb_for(A.KICKING if foot else A.THROWING)
        ball = [i for i in act.items() if i.kind in BALLS]
        sent = Clause(verb=verb, words=["shoots" if foot else "throws the ball"])
        return send(plan, Act(sent, senders[:1], [*ball, act.who[0]], link=act.link))
    if action in (A.CATCHING, A.FIELDING):
        return catch(plan, act)
    items = act.items() or [
        t for _, f in act.places for t in f if isinstance(t, Item) and is_held(t.kind)
    ]
    held = [p for p in act.players() if p.scale < SMALL * act.who[0].scale]
    if not items and held and action is A.PICK_UP:
        hug = verb_for(A.HUG)
        act.clause = replace(act.clause, verb=hug)
        return pair(plan, act)  # "picks up the baby"
    if not items and act.players():
        return strike(plan, act, A.PULL if action is A.PICK_UP else A.PUSH, A.IDLE)
    if not items and action is A.PUT_DOWN:
        items = [i for i in plan.stage.items if i.holder in act.who]
    fixed = [t for t in act.objects if isinstance(t, Fixed)]
    if fixed:  # "steals second base", "takes the mound"
        act.objects, act.places = [], [*act.places, ("to", list(fixed))]
        run = verb_for(A.SPRINT)
        act.clause = replace(act.clause, verb=run)
        return move(plan, act)
    if not items:
        return stay(plan, act)
    start = plan.begin(act)
    lead, item = act.who[0], items[0]
    for each in items:
        make_handy(each)
    supports = [t for t in act.at("on", "onto", "in", "to", "next", "under") if t is not item]
    if action is A.PUT_DOWN:
        if lead.spot is None:
            plan.arrange(act.who, (1.0, 0.0), moving=False)
            lead.facing = 0.0  # seen from the side: the object would hide the player
        taken = any(a is A.PICK_UP for _, a in lead.actions)
        if item.spot is None and item.holder is None and not taken:
            item.holder = lead
        if supports:
            ways = Ways(plan.stage, lead.spot, plan.direction(act, lead), 1.3, lead.radius)
            start = plan.go(lead, ways.to(supports[0]), A.CARRY, max(start, lead.t)) + SETTLE_S
    else:
        fresh = lead.spot is None
        plan.arrange(act.who, (1.0, 0.0), moving=False)
        way = plan.direction(act, lead)
        source = act.at("from", "on", "off")
        if item.spot is None and item.holder is None:
            item.spot = ahead(lead.spot, way, IN_REACH_M)
            if source and isinstance(source[0], Item):
                _on_top(plan, item, source[0], lead, way)
        far = item.spot and hypot(item.spot[0] - lead.spot[0], item.spot[1] - lead.spot[1])
        heavy = item.present and not is_light(item)
        if heavy:
            plan.note(f"the {item.word} cannot be lifted: it is mimed")
        if item.spot is not None and far > 0.75:
            gap = IN_REACH_M + 0.3 * item.reach
            if heavy:
                gap = standoff(item, unit(lead.spot, item.spot), lead.radius)
            goal = ahead(item.spot, unit(lead.spot, item.spot), -min(gap, far))
            if fresh:
                lead.put(*goal)
            else:
                start = plan.go(lead, [goal], A.WALK, max(start, lead.t)) + SETTLE_S
        if not lead.legs and item.spot is not None:
            lead.facing = bearing(lead.spot, item.spot)
    span = plan.seconds(act, action)
    for k, player in enumerate(act.who):
        t = max(start, player.t)
        if k > 0 and action is A.PICK_UP and len(items) <= k:
            extra = plan.stage.make(item.kind)[0]
            extra.spot = ahead(player.spot, (1.0, 0.0), IN_REACH_M)
        plan.settle(player, t)
        plan.act_at(player, t, action)
        plan.cue(player, t, items[min(k, len(items) - 1)])
        plan.act_at(player, t + span, A.IDLE)
    plan.close(act, start, start + span)


def is_light(item: Item) -> bool:
    """Whether an actor can lift an object that is on stage."""
    size = max(height_m(item.kind, item.scale), *item.size)
    if BODY_KINDS[item.kind] is BodyKind.STATIC:
        return size < PROP_BELOW_M
    return BODY_KINDS[item.kind] in LIFTED and mass_kg(item.kind, item.scale) <= LIFT_KG


def _on_top(plan: Plan, item: Item, support: Item, player: Player, way: Spot) -> None:
    """Lay an object on another, within reach of a player."""
    if support.spot is None:
        gap = standoff(support, way, player.radius)
        plan.stage.put(support, *ahead(player.spot, way, gap))
    edge = unit(support.spot, player.spot)
    item.spot = ahead(support.spot, edge, max(support.extent(edge) - 0.15, 0.0))
    item.z = height_m(support.kind, support.scale)


def _hand_over(plan: Plan, act: Act, taker: Player, item: Item) -> None:
    """Carry an object to a player and put it into the hands: "gives her an apple"."""
    lead, start = act.who[0], plan.begin(act, taker)
    if not any(a is A.PICK_UP for _, a in lead.actions):
        item.spot, item.holder = None, item.holder or lead
    way = plan.direction(act, lead)
    plan.arrange(act.who, way, moving=True)
    plan.settle(lead, start)
    if taker.spot is None:
        taker.put(*ahead(lead.spot, way, 3.0))
    plan.settle(taker, start)
    if not taker.legs:
        taker.facing = bearing(taker.spot, lead.spot)
    goal = ahead(taker.spot, unit(lead.spot, taker.spot, way), -GIVING_M)
    t = plan.go(lead, [goal], A.CARRY, start) + SETTLE_S
    plan.act_at(lead, t, A.PUT_DOWN)
    plan.cue(lead, t, taker, act.clause.say)
    plan.act_at(taker, t, A.CATCHING)
    plan.cue(taker, t, item)
    for player in (lead, taker):
        plan.act_at(player, t + HANDED_S, A.IDLE)
    plan.close(act, start, t + HANDED_S, [taker])


def _seated(players: list[Player]) -> bool:
    """Whether there are players and all of them sit."""
    return bool(players) and all(p.sits is not None for p in players)


def haul(plan: Plan, act: Act) -> None:
    """Travel with an object: carry, push, pull, ride or dribble it."""
    verb, action = act.clause.verb, act.clause.verb.action
    animals = [p for p in act.players() if p.role.type.value == "horse"]
    items = act.items() or [t for t in act.at("on", "with") if isinstance(t, Item)]
    carried = [p for p in act.players() if p not in act.who]
    if action is A.CARRY and carried and not items:
        act.places.append(("with", list(carried)))
    takers = [t for t in [*carried, *act.at("to")] if isinstance(t, Player)]
    said = act.clause.words[0].split()[0] if act.clause.words else ""
    tables = [i for i in plan.stage.items if i.kind is T.TABLE and i.spot is not None]
    if action is A.CARRY and items and said in verbs().gives and tables and _seated(takers):
        lay = verb_for(A.PUT_DOWN, "take")
        clause = replace(act.clause, verb=lay)
        return take(plan, Act(clause, act.who, list(items), [("on", tables[-1:])], link=act.link))
    if action is A.CARRY and takers and items and said in verbs().gives:
        return _hand_over(plan, act, takers[0], items[0])
    named = bool(act.clause.objects)
    start = plan.begin(act)
    lead = act.who[0]
    way = plan.direction(act, lead)
    plan.arrange(act.who, way, moving=True)
    if action is A.CARRY and not items:
        items = [i for i in plan.stage.items if i.holder in act.who] or list(
            plan.stage.make(T.BOX) if not (lead.actions or named) else []
        )
    if not items and verb.needs and not animals:
        wanted = verb.needs[0]
        if action is A.DRIBBLING:
            wanted = BALL_OF.get(plan.stage.theme.set, wanted)
        about = [i for i in plan.stage.items if i.kind is wanted]
        items = about[:1] or list(plan.stage.make(wanted))
    for k, player in enumerate(act.who):
        item = items[k] if k < len(items) else None
        if item is None and items and action in (A.RIDE, A.DRIBBLING):
            item = plan.stage.make(items[0].kind)[0]
        if item is None or item.holder is not None:
            continue
        if item.kind is T.CAR:
            continue
        if item.kind is T.BICYCLE and action is A.RIDE:
            item.heading, item.scale = bearing((0.0, 0.0), way), item.scale * min(player.scale, 1.0)
        if action in (A.CARRY, A.RIDE, A.DRIBBLING):
            make_handy(item)
            picked = any(a is A.PICK_UP for _, a in player.actions)
            if item.spot is None or not picked:
                item.spot, item.holder = (item.spot, None) if picked else (None, player)
        elif item.spot is None:
            sign = -1.0 if action is A.PULL else 1.0
            gap = item.reach + player.radius + 0.25
            plan.stage.put(item, *ahead(player.spot, way, sign * gap))
            item.heading = bearing((0.0, 0.0), way)
        plan.cue(player, max(start, player.t), item)
    act.objects = []
    if items and items[0].kind is T.CAR:
        shoved = {A.PUSH: 1.0, A.PULL: -1.0}.get(action, 0.0)
        return _ride_along(plan, act, items, way, shoved)
    for k, horse in enumerate(animals):
        if horse.spot is None:
            horse.put(*ahead(act.who[0].spot, way, -0.4, 0.7 + k))
        plan.go_on(horse, way, A.RUN, start, 0.9)
        horse.t = start + OPEN_S
    act.places = [(r, [t for t in f if t not in items]) for r, f in act.places]
    act.places = [(r, f) for r, f in act.places if f]
    move(plan, act)


def _ride_along(plan: Plan, act: Act, cars: list[Item], way: Spot, shoved: float) -> None:
    """Drive: each driver walks beside the car, since nobody can be seen inside.

    shoved: 1 where the car is pushed and so is ahead of the players, -1 where it is pulled.
    """
    for player, car in zip(act.who, cars, strict=False):
        if shoved and car.spot is None:
            car.heading = bearing((0.0, 0.0), way)
            n = len(act.who)
            for k, one in enumerate(act.who if not player.legs else ()):
                one.put(*ahead(player.spot, way, 0.0, 0.8 * (k - 0.5 * (n - 1)) + 0.4 * (n - 1)))
            gap = car.extent(way) + player.radius + BUMPER_M
            car.spot = ahead(player.spot, way, shoved * gap, 0.4 * (n - 1))
        if car.spot is None:
            plan.stage.put(car, *ahead(player.spot, way, 0.0, 2.2))
    act.objects = []
    act.places = [(r, f) for r, f in act.places if not any(t in cars for t in f)]
    start = plan.begin(act)
    move(plan, act)
    for player, car in zip(act.who, cars, strict=False):
        if not player.legs:
            continue  # already there
        leg = player.legs[-1]
        far = leg.speed * 8.0
        goal = leg.points[-1] if not leg.open else ahead(leg.points[0], way, far)
        aside = (car.spot[0] - leg.points[0][0], car.spot[1] - leg.points[0][1])
        goal = (goal[0] + aside[0] * abs(shoved), goal[1] + (aside[1] if shoved else 2.2))
        knots = timed_path([car.spot, goal], leg.speed, start)
        car.path = [(t, x, y) for t, x, y, _ in knots]
        car.heading = bearing((0.0, 0.0), way)


def hit(plan: Plan, act: Act) -> None:
    """An object runs into players, who fall as it arrives."""
    struck, item = runs_into(act), act.items()[0]
    start = plan.begin(act, *struck)
    way = act.clause.direction or (1.0, 0.0)
    plan.arrange(struck, way, moving=False)
    target = struck[0]
    for player in struck:
        plan.settle(player, start)
    if not target.legs:
        target.facing = bearing(way, (0.0, 0.0)) + 0.9  # facing away from it
    speed = 7.0 if item.kind in (T.CAR, T.UFO, T.SPACESHIP) else 5.0
    item.heading = bearing((0.0, 0.0), way)
    run_up = max(speed * max(HIT_AFTER_S, start - plan.start), item.reach + 3.0)
    spot = item.spot or ahead(target.spot, way, -run_up - item.reach)
    way = unit(spot, target.spot, way)
    clear = hypot(target.spot[0] - spot[0], target.spot[1] - spot[1]) - item.reach - target.radius
    begin = max(start + HIT_AFTER_S - clear / speed, plan.start)
    goal = ahead(target.spot, way, 2.2 * speed)
    knots = [(begin, *spot), (begin + hypot(goal[0] - spot[0], goal[1] - spot[1]) / speed, *goal)]
    item.path = [*([(plan.start, *spot)] if begin > plan.start + 0.02 else []), *knots]
    item.spot, item.heading = spot, bearing((0.0, 0.0), way)
    meets = begin + clear / speed
    for player in struck:
        plan.act_at(player, meets + FALLS_AFTER_S, A.FALL)
        plan.act_at(player, meets + 2.5, A.IDLE)  # gets up
        player.t = meets + 4.5
        player.clauses.append(f"is hit by a {item.word}")
    plan.began, plan.ended, plan.before = start, meets + 4.5, list(struck)


def _fly(plan: Plan, act: Act, start: float, *, up: bool) -> None:
    """An object lands or takes off."""
    end = start + FLIGHT_S
    for k, item in enumerate(act.items()):
        if item.spot is None:
            plan.stage.put(item, *plan.at(6.0 * k, 1.0))
        first, then = (0.0, ALOFT_M) if up else (ALOFT_M, 0.0)
        steps = [n / 6.0 for n in range(7)]
        gone = [u * u if up else u * u * (3.0 - 2.0 * u) for u in steps]  # slow at the ground
        path = [
            (start + FLIGHT_S * u, *item.spot, first + s * (then - first))
            for u, s in zip(steps, gone, strict=True)
        ]
        item.path = [*(item.path or [(plan.start, *item.spot, first)]), *path]
        item.path = [p for n, p in enumerate(item.path) if n == 0 or p[0] > item.path[n - 1][0]]
    plan.began, plan.ended, plan.before = end, end, []


def drive(plan: Plan, act: Act) -> None:
    """An object travels by itself: a car drives, a ball rolls."""
    clause = act.clause
    way = clause.direction or (1.0, 0.0)
    start = plan.begin(act)
    up = flies_up(clause)
    if up is not None:
        return _fly(plan, act, start, up=up)
    for k, item in enumerate(act.items()):
        if item.path is not None or item.holder is not None:
            continue
        speed = {T.CAR: 9.0, T.UFO: 8.0, T.SPACESHIP: 8.0}.get(item.kind, 3.0) * clause.speed
        spot = item.spot or ahead(plan.at(0.0, 3.0 + 2.5 * k), way, -12.0)
        goal = ahead(spot, way, 6.0 * speed)
        aims = [(r, t) for r, f in act.places if r in ("to", "toward", "past", "by") for t in f]
        for relation, target in aims[:1]:
            if isinstance(target, Player) and target.spot is None:
                plan.arrange([target], way, moving=False)
            elif isinstance(target, Item) and target.spot is None:
                plan.stage.put(target, *plan.at(0.0, 0.0))
            if relation in ("past", "by"):
                spot = ahead(target.spot, way, -14.0, outward(way) * 3.0)
                goal = ahead(spot, way, 40.0)
            else:
                goal = ahead(target.spot, unit(spot, target.spot), -2.5)
        knots = timed_path([spot, goal], speed, start)
        item.path = [(t, x, y) for t, x, y, _ in knots]
        if start > plan.start:
            item.path.insert(0, (plan.start, *spot))
        item.spot, item.heading = spot, bearing((0.0, 0.0), way)
    plan.began, plan.ended, plan.before = start, start + 6.0, []
