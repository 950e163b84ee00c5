"""Acts of players by themselves: gestures, sitting down, reading, waving at somebody."""

from dataclasses import replace
from itertools import pairwise
from math import cos, hypot, pi, sin

from entities.actions import ActionType
from entities.objects import ObjectType, height_m
from sim.story.language.lexicon import verb_for
from sim.story.staging.acts import Act
from sim.story.staging.cast import Player
from sim.story.staging.plan import CROWD, OPEN_S, Plan
from sim.story.staging.scenery import (
    FACES_VIEWER,
    LEAST_SCALE,
    SEATS,
    Item,
    Target,
    bearing,
    is_held,
)
from sim.story.staging.setting import (
    face_to_face,
    free_places,
    settle_place,
    sit_on,
    way_of,
)
from sim.story.staging.timing import Knot, Spot
from sim.story.staging.travel import move
from sim.story.staging.waypoints import Ways, ahead, beside

A, T = ActionType, ObjectType
AT_TABLE = frozenset({A.EATING, A.DRINKING, A.READING, A.TYPING})
"""Actions that are done seated where there is a table."""
BALL_M = 0.6
"""From a player to the ball to swing at (choice)."""
ARM_M = 0.46
"""From a player at a table to an object that lies before it."""
ROUND = ((-1.0, 0.0), (1.0, 0.0), (0.0, 1.0))
"""Directions from a table's middle to its seats; none hides the table from the viewer."""
SEATED_S = 1.2
"""From sitting down to the action done on the seat (choice)."""
LEAP_S = 0.88
"""From the start of a jump to its top; it leaves the ground after 0.6 s."""
CLEARED_M = 0.28
"""Height of a leap from a jog; objects that are jumped over are scaled down to it (choice)."""
NEAR_M = 0.05
"""Where a path counts as having reached the target of a leap."""
TALK_M, LOOK_M = 1.3, 3.5
"""Metres between players that talk, and to a player waved at (choice)."""


def stop(plan: Plan, act: Act) -> None:
    """End what the players do and stand."""
    start = plan.begin(act)
    for player in act.who:
        settle_place(plan, act, [player])
        plan.settle(player, start)
        plan.act_at(player, start, A.IDLE)
    plan.close(act, start, start + plan.seconds(act, A.IDLE))


def stay(plan: Plan, act: Act) -> None:
    """An action on the spot, or where the act says: jump, dance, fall."""
    clause, verb = act.clause, act.clause.verb
    over = act.at("over") or (act.items() if verb.action is A.JUMP else [])
    if verb.action is A.JUMP and over:
        return _jump_over(plan, act, over[0])
    if verb.action is A.JUMP and clause.direction is not None:
        return move(plan, act)
    last = act.who[0].actions[-1][1] if act.who[0].actions else None
    if verb.action is A.FALL and last is A.FALL and act.link == "and":
        return plan.close(act, plan.began, plan.ended)  # "slips and falls" is one fall
    if verb.action is A.FALL and act.at("to"):
        _run_into(plan, act)
    before = [*act.at("face"), *([*act.players(), *act.at("to")] if verb.action is A.KNEEL else [])]
    before = [t for t in before if isinstance(t, Player) and t not in act.who]
    start = settle_place(plan, act, act.who) if not before or len(act.who) > 1 else plan.begin(act)
    if before and len(act.who) == 1:  # "kneels before the king"
        start = face_to_face(plan, [act.who[0], before[0]], TALK_M, start)
    around = act.at("around")
    if around and all(not p.legs and not p.actions for p in act.who):
        _gather(plan, act.who, around[0])
    circle = ("circles" in clause.manners or "abreast" in clause.manners) and len(act.who) > 2
    if circle and all(not p.legs and not p.actions for p in act.who):
        _ring(act.who)
    pair = verb.action is A.DANCE and len(act.who) == 2
    partner = [t for t in [*act.players(), *act.at("with")] if isinstance(t, Player)]
    if verb.action is A.DANCE and (pair or (len(act.who) == 1 and partner)):
        start = max(start, face_to_face(plan, [*act.who, *partner][:2], 0.9, start))
        for other in partner:
            plan.act_at(other, start, verb.action)
    couples = verb.action is A.DANCE and act.who[0].noun.kind == "group" and len(act.who) > 2
    for two in zip(act.who[::2], act.who[1::2], strict=False) if couples else ():
        start = max(start, face_to_face(plan, list(two), 0.9, start))
    each = plan.seconds(act, verb.action) / min(max(clause.repeat, 1), 20)
    end = start + plan.seconds(act, verb.action)
    for player in act.who:
        t = max(start, player.t)
        plan.settle(player, t)
        if clause.direction is not None and not player.legs:
            player.facing = bearing((0.0, 0.0), clause.direction)
        for k in range(min(max(clause.repeat, 1), 20)):
            plan.act_at(player, t + k * each, verb.action)
        if verb.turn == "back" and clause.direction is not None and player.legs:
            plan.go_on(player, clause.direction, player.legs[-1].action, t + 0.4)
            end = max(end, t + OPEN_S)
        elif verb.turn == "back":
            way = plan.way.get(player.id, (1.0, 0.0))
            plan.way[player.id] = (-way[0], -way[1])
        if clause.say:
            plan.cue(player, t, None, clause.say)
        for item in [i for i in act.items() if i.spot is None and i.holder is None]:
            if verb.action in (A.GOLF_SWING, A.TENNIS_SWING):
                item.spot = ahead(player.spot, way_of(player.facing or 0.0), BALL_M)
            elif is_held(item.kind):
                item.holder = player
    plan.close(act, start, end, partner)


def _run_into(plan: Plan, act: Act) -> None:
    """Go to what the act runs into first, in the gait of before: "crashes into a tree"."""
    legs = act.who[0].legs
    gait = legs[-1].action if legs else A.RUN
    verb = verb_for(gait)
    move(plan, Act(replace(act.clause, verb=verb), act.who, [], act.places, link=act.link))
    act.places, act.link = [(r, f) for r, f in act.places if r != "to"], "then"
    for player in act.who:
        player.clauses.pop()


def _gather(plan: Plan, who: list[Player], target: Target) -> None:
    """Place players round a target, facing it."""
    if isinstance(target, Player):
        plan.arrange([target], (1.0, 0.0), moving=False)
    elif isinstance(target, Item) and target.spot is None:
        plan.stage.put(target, *plan.at(0.0, 0.0))
    reach = target.radius if isinstance(target, Player) else target.reach
    _ring(who, target.spot, reach + 1.0)


def _ring(who: list[Player], middle: Spot = (0.0, 0.0), least: float = 1.4) -> None:
    """Place players in a circle, facing its middle."""
    radius = max(least, 0.22 * len(who))
    for k, player in enumerate(who):
        angle = 2.0 * pi * (k + 0.5) / len(who) - 0.5 * pi
        player.put(middle[0] + radius * cos(angle), middle[1] + radius * sin(angle))
        player.facing = angle + pi


def _jump_over(plan: Plan, act: Act, target: Target) -> None:
    """Jog over a target with a leap timed to clear it."""
    start = plan.begin(act)
    lead = act.who[0]
    if isinstance(target, Item):
        target.scale = max(min(target.scale, CLEARED_M / height_m(target.kind)), LEAST_SCALE)
    plan.arrange(act.who, plan.direction(act, lead), moving=True)
    end = start
    origin, over = lead.spot, []
    for player in act.who:
        way = plan.direction(act, player)
        ways = Ways(plan.stage, player.spot, way, 2.0, player.radius)
        if over and len(act.who) > CROWD and not plan.running:
            points = beside(over, origin, player.spot)
        else:
            over = points = ways.over(target)
        t = max(start, player.t)
        arrival = plan.go(player, points, A.JOG, t)
        knots = player.legs[-1].knots
        leap = max(_time_before(knots, points[0]) - LEAP_S, knots[0][0] + 0.2)
        player.actions.pop()
        plan.cue(player, t, target)  # a target of a cue is no obstacle to go round
        plan.act_at(player, leap, A.JUMP)
        plan.act_at(player, leap + 1.5 * LEAP_S, A.JOG)
        plan.act_at(player, max(arrival, leap + 1.0), A.IDLE)
        end = max(end, arrival)
    plan.close(act, start, end)


def _time_before(knots: list[Knot], spot: Spot) -> float:
    """The last time on a path before it comes within NEAR_M of a spot."""
    best = knots[0][0]
    for (t0, x0, y0, _), (t1, x1, y1, _) in pairwise(knots):
        for k in range(20):
            u = k / 20
            x, y = x0 + u * (x1 - x0), y0 + u * (y1 - y0)
            if hypot(x - spot[0], y - spot[1]) <= NEAR_M:
                return best
            best = t0 + u * (t1 - t0)
    return best


def aim(plan: Plan, act: Act) -> None:
    """A gesture aimed at somebody or something: wave, point, talk."""
    clause, verb = act.clause, act.clause.verb
    seats = [t for t in act.at("on", "in") if isinstance(t, Item) and t.kind in SEATS]
    for target in seats[:1]:
        gone = bool(act.who[0].legs or act.who[0].actions)
        down = sit_on(plan, act, target, at_start=not gone)
        act.places = [(r, [t for t in f if t not in seats]) for r, f in act.places]
        act.places = [(r, f) for r, f in act.places if f]
        for player in act.who:
            plan.act_at(player, max(down, player.t), A.SIT)
            player.t = max(down, player.t) + SEATED_S
    found = [*act.objects, *act.at("to", "at", "toward", "with", "for", "face", "chase", "on")]
    targets = [t for t in found if t not in act.who]
    near = verb.action in (A.TALK, A.WHISPER, A.SING, A.LAUGH) and any(
        isinstance(t, Player) for t in targets
    )
    if targets:
        act.places = [(r, f) for r, f in act.places if not any(t in targets for t in f)]
    start = settle_place(plan, act, act.who)
    others = [t for t in targets if isinstance(t, Player)]
    if not targets and len(act.who) == 2 and verb.action in (A.TALK, A.WHISPER, A.LAUGH, A.BOW):
        start = face_to_face(plan, act.who, TALK_M, start)
        targets = others = []
    base, away = act.who[0].spot, TALK_M if near else LOOK_M
    fresh = [p for p in others if p.spot is None]
    if fresh:
        reach = base[0] + away + 0.6 * (len(fresh) - 1)
        plan.arrange(fresh, (1.0, 0.0), moving=False, at=plan.free((reach, base[1])))
        for other in fresh:
            other.facing = bearing(other.spot, base)
    for target in targets[:1]:
        if isinstance(target, Item) and target.spot is None:
            plan.stage.put(target, base[0] + away + target.reach, base[1] + 0.5)
    end = start + plan.seconds(act, verb.action)
    for player in act.who:
        t = max(start, player.t)
        if targets and targets[0].spot is not None:
            t = plan.turn_to(player, targets[0].spot, t)
            plan.cue(player, t, targets[0], clause.say)
        else:
            if clause.say:
                plan.cue(player, t, None, clause.say)
            if act.viewer and not player.legs:
                player.facing = FACES_VIEWER
            if clause.direction is not None and not player.legs:
                player.facing = bearing((0.0, 0.0), clause.direction)
                plan.way[player.id] = clause.direction  # "points to the left and runs there"
        each = plan.seconds(act, verb.action) / max(clause.repeat, 1)
        for k in range(min(max(clause.repeat, 1), 20)):
            plan.act_at(player, t + k * each, verb.action)
    for other in others:
        if other.facing is None or near:
            other.facing = bearing(other.spot, act.who[0].spot)
        other.t = max(other.t, start)
    plan.close(act, start, end)


def use(plan: Plan, act: Act) -> None:
    """Use a held object, seated where there is a seat: read, eat, type."""
    clause, verb = act.clause, act.clause.verb
    found = [t for t in act.at("on", "in", "at") if isinstance(t, Item)]
    seat = [t for t in found if t.kind in SEATS]
    tables = [t for t in found if t.kind is T.TABLE and t.spot is None]
    if tables and not seat and verb.action in AT_TABLE and not act.who[0].legs:
        seat = plan.stage.make(T.CHAIR)
    for target in seat:
        sit_on(plan, act, target, at_start=True)
    laptops = []
    if seat and tables:
        _set_before(seat[0], tables)
        laptops = [t for t in [*found, *act.items()] if t.kind is T.LAPTOP]
    settled = (*seat, *tables, *laptops)
    act.places = [(r, [t for t in f if t not in settled]) for r, f in act.places]
    act.places = [(r, f) for r, f in act.places if f]
    start = settle_place(plan, act, act.who)
    items = [i for i in act.items() if is_held(i.kind)] or [
        t for t in act.at("on", "from", "with") if isinstance(t, Item) and is_held(t.kind)
    ]
    items = items or laptops
    end = start + plan.seconds(act, verb.action)
    for k, player in enumerate(act.who):
        t = max(start, player.t)
        taken = {cue.target for cue in player.cues}
        has = any(
            i.kind in verb.needs and (i.holder is player or i.id in taken or _by(player, i))
            for i in plan.stage.items
        )
        if not has and (k < len(items) or (verb.needs and not items)):
            item = items[k] if k < len(items) else plan.stage.make(verb.needs[0])[0]
            if item.holder is None and item.spot is None:
                item.holder = player
                if item.kind is T.LAPTOP and seat and tables:
                    _lay_out(item, seat[0], tables[0])
        plan.settle(player, t)
        plan.act_at(player, t, verb.action)
        if clause.say:
            plan.cue(player, t, None, clause.say)
    plan.close(act, start, end)


def _by(player: Player, item: Item) -> bool:
    """Whether an object lies within a player's reach."""
    if item.spot is None or player.spot is None or item.holder is not None:
        return False
    return hypot(item.spot[0] - player.spot[0], item.spot[1] - player.spot[1]) < 1.0


def _lay_out(item: Item, seat: Item, table: Item) -> None:
    """Lay an object on a table before the seat."""
    item.holder, item.heading = None, seat.heading
    item.spot = ahead(seat.spot, way_of(seat.heading), ARM_M)
    item.z = height_m(T.TABLE, table.scale)


def _set_before(seat: Item, tables: list[Item]) -> None:
    """Put tables without a place before a seat."""
    for table in tables:
        if table.spot is None and seat.spot is not None:
            gap = 0.5 * seat.size[0] + table.extent((0.0, -1.0)) + 0.06
            table.spot = ahead(seat.spot, way_of(seat.heading), gap)


def seat(plan: Plan, act: Act) -> None:
    """Sit or lie down on a seat, or on the ground."""
    verb, clause = act.clause.verb, act.clause
    found = [*act.objects, *act.at("on", "in", "at", "to", "onto", "down")]
    seats = [t for t in found if isinstance(t, Item) and t.kind in SEATS]
    tables = [t for t in found if isinstance(t, Item) and t.kind is T.TABLE]
    laptops = [t for t in found if isinstance(t, Item) and t.kind is T.LAPTOP and t.spot is None]
    if laptops and not tables and not seats:
        tables = list(plan.stage.make(T.TABLE))
    gone = bool(act.who[0].legs or act.who[0].actions)
    if tables and not seats and 1 < len(act.who) <= len(ROUND) and not gone and not tables[0].spot:
        seats = _round_table(plan, tables[0], len(act.who))
    elif tables and not seats:
        seats = list(plan.stage.make(T.CHAIR))
    if verb.needs and not seats:
        known = [i for i in plan.stage.items if i.kind in verb.needs]
        seats = known[-1:] or list(plan.stage.make(verb.needs[0]))
    down = all(player.sits is not None for player in act.who)
    if not seats and not act.places and not down:
        near = [i for i in plan.stage.items if i.kind in SEATS and i.spot is not None]
        lead = act.who[0]
        seats = [
            i
            for i in near
            if lead.spot
            and hypot(i.spot[0] - lead.spot[0], i.spot[1] - lead.spot[1]) < 2.0
            and (not plan.running or len(free_places(plan, i, act.who)) >= len(act.who))
        ][:1]
    start = plan.begin(act)
    if seats:
        act.places = [(r, f) for r, f in act.places if not any(t in found for t in f)]
        if len(seats) >= len(act.who) > 1:
            for k, player in enumerate(act.who):
                one = Act(clause, [player], link=act.link)
                start = max(start, sit_on(plan, one, seats[k], at_start=not gone))
        else:
            start = sit_on(plan, act, seats[0], at_start=not gone)
        _set_before(seats[0], tables)
        for laptop in laptops[:1] if tables else []:
            _lay_out(laptop, seats[0], tables[0])
    else:
        start = max(start, settle_place(plan, act, act.who))
    end = start + plan.seconds(act, verb.action)
    for player in act.who:
        t = max(start, player.t)
        plan.settle(player, t)
        plan.act_at(player, t, verb.action)
        if clause.say:
            plan.cue(player, t, None, clause.say)
    plan.close(act, start, end)


def _round_table(plan: Plan, table: Item, count: int) -> list[Item]:
    """Place a table with ``count`` chairs round it; returns the chairs."""
    middle = plan.free(plan.at(3.0 * plan.groups, 0.0))
    plan.groups += 1
    plan.stage.put(table, *middle)
    chairs = []
    for way in ROUND[:count]:
        chair = plan.stage.make(T.CHAIR)[0]
        gap = table.extent(way) + 0.5 * chair.size[0] + 0.06
        chair.spot, chair.heading = ahead(middle, way, gap), bearing(way, (0.0, 0.0))
        chairs.append(chair)
    return chairs


def hold(plan: Plan, act: Act) -> None:
    """Have an object in hand besides anything else: "holds a cup"."""
    for player, item in zip(act.who, act.items(), strict=False):
        if item.holder is None and item.spot is None:
            item.holder = player
    start = settle_place(plan, act, act.who)
    for player in act.who:
        if not player.actions:
            plan.act_at(player, start, A.STAND)
    plan.close(act, start, start)
