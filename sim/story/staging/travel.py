"""Travel: to, past, round and between targets, in groups, round the bases, up a ladder."""

from math import atan2, cos, hypot, pi, sin

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.objects import ObjectType, height_m
from entities.stages import places
from sim.story.language.lexicon import verbs
from sim.story.staging.acts import Act
from sim.story.staging.cast import Leg, Player
from sim.story.staging.entrances import arrive
from sim.story.staging.plan import CROWD, FOOTING_S, OPEN_S, ROW_M, Plan, check_fits
from sim.story.staging.scenery import BASES, SEATS, Fixed, Item, Target, unit
from sim.story.staging.starts import LANE_M
from sim.story.staging.timing import Spot
from sim.story.staging.waypoints import Ways, ahead, beside, circle, stretch

A = ActionType
ENTERED = (ObjectType.CAR, ObjectType.HOUSE, ObjectType.BUILDING, ObjectType.SPACESHIP,
           ObjectType.UFO, ObjectType.DOOR)  # fmt: skip
"""Objects an actor can come out of without their being named again."""
RUNS = (A.RUN, A.JOG, A.SPRINT)
"""Gaits of a runner, also where the verb does not say how the actor goes."""
RANKS = 25
"""How many of a crowd run the bases behind one another; the others run beside them (choice)."""
LANES = 4
"""How many of a group that comes from a place start side by side (choice)."""
TUMBLES = (A.CARTWHEEL, A.ROLL, A.DIVE)
"""Travelling actions that are done once, not open-ended."""
FAR_S = 25.0
"""Longest way to a fixed spot, in seconds; players from further off start that near (choice)."""
STEP_UP_S = 1.2
"""Seconds of a climb onto what is no higher than a step (choice)."""
CURVE_STEPS = 6
"""Way points from one base to the next."""
CLIMB_FROM_M = 2.0
"""Metres from a player to what is brought on for it to climb (choice)."""
CLIMB_M = 3.4
"""Greatest height of a climb (choice)."""


def move(plan: Plan, act: Act) -> None:
    """Travel to, past, round or between targets, or open-ended."""
    verb, clause = act.clause.verb, act.clause
    if act.arrives:
        return arrive(plan, act)
    going = list(act.places)
    if verb.relation in ("to", "from", "across", "around", "past", "up") and act.objects:
        going.insert(0, (verb.relation, list(act.objects)))
    elif verb.relation in ("across", "up") and not going:
        going.insert(0, (verb.relation, []))
    elif verb.relation == "from" and not any(r == "from" for r, _ in going):
        inside = [i for i in plan.stage.items if i.kind in ENTERED]
        if inside and not any(p.legs or p.actions for p in act.who):
            going.insert(0, ("from", list(inside[-1:])))  # "a taxi stops, a man gets out"
    elif act.objects and not going:
        going = [("with" if act.players() else "to", list(act.objects))]
    elif act.players() and verb.relation is None:
        going.append(("with", list(act.players())))  # "walks her dog past the house"
    bases = any(isinstance(t, Fixed) and t.word == BASES for _, found in going for t in found)
    if verb.relation == "pace":
        clause.manners.append("back_and_forth")
    if verb.relation == "romp" and not any(r in ("to", "around", "past") for r, _ in going):
        clause.manners.append("about")
    if bases or verb.relation in ("bases", "homerun"):
        return round_bases(plan, act)
    if "toward_each" in clause.manners and len(act.who) > 1:
        return converge(plan, act)
    each_other = verb.relation == "past" and act.players() and set(act.players()) <= set(act.who)
    if ("pass_each" in clause.manners or each_other) and len(act.who) > 1:
        return cross(plan, act)
    start = plan.begin(act)
    lead = act.who[0]
    verb_action = verb.action
    if "backward" in clause.manners and verb_action is A.WALK:
        verb_action = A.WALK_BACKWARDS
    action = _gait(lead, verb_action, act)
    way = plan.direction(act, lead)
    speed = max(ACTION_VELOCITIES[action], 0.5) * plan.factor(act, lead)
    _origin(plan, act, going, way)
    _stand_off(plan, act, going, way, speed)
    company = [t for r, found in going if r == "with" for t in found if isinstance(t, Player)]
    who = act.who + [p for p in company if p not in act.who]
    plan.arrange(who, way, moving=True)
    plan.settle(lead, start)
    if (
        verb.relation == "from"
        and not act.at("from")
        and not act.objects
        and len(plan.cast.players) > len(who)
        and clause.direction is None
    ):
        other = next(p for p in plan.cast.players if p not in who)
        if other.spot is not None:
            way = unit(other.spot, lead.spot, way)
    climbed = next((t for r, f in going if r == "up" for t in f if isinstance(t, Item)), None)
    if climbed is not None and verb.action is A.CLIMB:
        _foot_of(plan, act, climbed, way)
    points = _points(plan, act, going, lead, way, speed)
    origin, end = lead.spot, start
    for k, player in enumerate(who):
        own = _gait(player, verb_action, act)
        has = own is not A.RIDE or any(i.holder is player for i in plan.stage.items)
        for kind in () if has else player.role.needs:
            plan.stage.make(kind)[0].holder = player
        own_start = max(start, player.t)
        if points is None:
            course = way
            if "opposite" in clause.manners and k % 2:
                course = (-way[0], -way[1])
            if "opposite" in clause.manners and len(who) == 1 and plan.before != who:
                course = (-way[0], -way[1])
            if "scatter" in clause.manners:
                turn = 2.0 * pi * k / len(who)
                course = (cos(turn), sin(turn))
            plan.go_on(player, course, own, own_start, plan.factor(act, player))
            last = own_start + (clause.seconds or OPEN_S)
            if own in TUMBLES:
                each = clause.seconds or verbs().seconds[own.value]
                for n in range(1, min(clause.repeat, 20)):
                    plan.act_at(player, own_start + n * each, own)
                last = own_start + each * min(clause.repeat, 20)
            if clause.seconds is not None or own in TUMBLES:
                plan.settle(player, last)
                plan.act_at(player, last, A.IDLE)
            player.t = last
        else:
            mine = points if player is lead else _shifted(points, origin, k)
            if len(who) > CROWD and not plan.running:
                mine = beside(points, origin, player.spot)
            climbs = plan.running and climbed is not None and own is A.CLIMB
            gait = A.WALK if climbs else own  # up to its foot
            last = plan.go(player, mine, gait, own_start, plan.factor(act, player))
            if climbed is not None and own is A.CLIMB:
                last = _climb(plan, player, climbed, last, k)
        end = max(end, last)
        if clause.say:
            plan.cue(player, own_start, None, clause.say)
    plan.close(act, start, end, company)


def _gait(player: Player, action: ActionType, act: Act) -> ActionType:
    """The action as a player's role does it: zombies shamble, a jogger circles a pond jogging."""
    if action is A.WALK and player.role.gait is not None:
        return player.role.gait
    words = act.clause.words
    plain = act.clause.verb.relation is not None or (words and words[0].split()[0] in verbs().goes)
    own = player.role.action
    if action in (A.WALK, A.RUN) and plain and own is A.RIDE:
        return own
    return own if action is A.WALK and plain and own in RUNS else action


def _origin(plan: Plan, act: Act, going: list[tuple[str, list[Target]]], way: Spot) -> None:
    """Put players that come from a place there, or place what they leave behind them."""
    for relation, targets in going:
        if relation not in ("from", "away") or not targets:
            continue
        source = targets[0]
        for player in act.who:
            if player.legs or (player.spot is not None and player.actions):
                if source.spot is None and isinstance(source, Item):
                    plan.stage.put(source, *_behind(plan, player, source, way))
                continue
            if source.spot is None:
                if isinstance(source, Item):
                    plan.stage.put(source, *plan.free(plan.at(0.0, 0.0)))
                elif isinstance(source, Player):
                    plan.arrange([source], way, moving=False)
            other = [t for r, found in going if r == "to" for t in found if t.spot]
            toward = unit(source.spot, other[0].spot, way) if other else way
            gap = 2.8 if isinstance(source, Player) else 0.0
            if isinstance(source, Item):
                gap = source.extent(toward) + player.radius + 0.3
            row, lane = divmod(act.who.index(player), LANES)
            away = (gap + ROW_M * row, -LANE_M * lane)
            player.put(*ahead(source.spot, toward, *away))


def _behind(plan: Plan, player: Player, source: Item, way: Spot) -> Spot:
    """The spot of an object that a player is about to leave."""
    plan.settle(player, player.t)
    return ahead(player.spot, way, -source.extent(way) - player.radius - 0.3)


def _stand_off(
    plan: Plan, act: Act, going: list[tuple[str, list[Target]]], way: Spot, speed: float
) -> None:
    """Put players without a place at a distance from the placed target they go to."""
    near = ("to", "toward", "chase", "around")
    aims = [t for r, found in going if r in near for t in found if t.spot]
    fresh = [p for p in act.who if p.spot is None]
    if not aims or not fresh:
        return
    if isinstance(aims[0], Fixed):
        far = unit((0.0, 0.0), aims[0].spot, way)
        if hypot(*aims[0].spot) > FAR_S * speed:  # a slow way of minutes is no scene
            plan.arrange(fresh, way, moving=True, at=ahead(aims[0].spot, far, -FAR_S * speed))
        elif aims[0].reach:
            plan.arrange(fresh, way, moving=True, at=ahead(aims[0].spot, way, -aims[0].reach - 2.0))
        return
    gap = stretch(speed) + (aims[0].reach if isinstance(aims[0], Item) else 0.5)
    start = ahead(aims[0].spot, way, -gap)
    if isinstance(aims[0], Item) and aims[0].kind in SEATS:
        start = (start[0], start[1] - 1.5)
    plan.arrange(fresh, way, moving=True, at=plan.free(start))


def _points(
    plan: Plan,
    act: Act,
    going: list[tuple[str, list[Target]]],
    lead: Player,
    way: Spot,
    speed: float,
) -> list[Spot] | None:
    """Way points of the first of a group; None for an open-ended way.

    going: relations and targets. way: unit vector of the start. speed: m/s.
    """
    clause, points = act.clause, []
    spot = lead.spot
    for relation, targets in going:
        ways = Ways(plan.stage, points[-1] if points else spot, way, speed, lead.radius)
        if clause.metres:
            ways.distance = clause.metres
        target = targets[0] if targets else None
        if relation == "across":
            pavement = plan.stage.spots.get("far_pavement")
            wide = pavement[1] - ways.spot[1] if pavement is not None else 9.0
            far = clause.metres or max(stretch(speed), wide)
            if pavement is not None and clause.metres is None:
                far = max(wide, 3.0)
            course = plan.stage.theme.across if clause.direction is None else way
            new = [ahead(ways.spot, course, far)]
        elif target is None or relation in ("from", "away", "with", "along", "about", "for"):
            continue
        elif relation == "between":
            pair = targets if len(targets) > 1 else [target, *twin(plan, target)]
            new = ways.between(pair, halt=False)
        elif relation in ("past", "by"):
            new = [p for t in targets for p in ways.past(t)][: 2 * len(targets)]
        elif relation == "around":
            new = ways.around(target, float(max(clause.repeat, 1)))
        elif relation == "over":
            new = ways.over(target)
        elif relation == "through":
            new = ways.through(target)
        elif relation == "toward":
            new = ways.to(target, 0.8)
        elif relation in ("behind", "front", "next", "under", "left_of", "right_of"):
            new = ways.beside(relation, target)
        elif relation == "chase":
            new = ways.to(target)
        elif relation == "up":
            new = ways.to(target, near=0.05)
        else:
            new = [p for t in targets for p in _next_stop(ways, t)]
        points += new
        if relation == "around":
            continue
        if len(points) > 1:
            way = unit(points[-2], points[-1], way)
        elif points:
            way = unit(spot, points[-1], way)
    laps = float(max(clause.repeat, 2))
    if ("circles" in clause.manners or "clockwise" in clause.manners) and not points:
        points += circle(spot, way, speed, laps, left="clockwise" not in clause.manners)
    if "in_place" in clause.manners and not points:
        plan.notes.append("'in place' (shown as a small round)")
        check_fits(clause.seconds or 0.0)
        points += circle(spot, way, 0.0, max(laps, (clause.seconds or 4.0) / 2.0), 0.45)
    if "figure8" in clause.manners and not points:
        points += [*circle(spot, way, speed), *circle(spot, way, speed, left=False)]
    if "square" in clause.manners and not points:
        side = max(3.0, speed)
        corners = ((side, 0.0), (side, side), (0.0, side), (0.0, 0.0))
        points += [ahead(spot, way, x, y) for x, y in corners]
    if "about" in clause.manners and not points:
        for k, (dx, dy) in enumerate(((3, 1.5), (1, 4), (-3, 2.5), (-2, -1), (1, 0.5))):
            jitter = float(plan.rng.uniform(-0.5, 0.5))
            points.append((spot[0] + dx + jitter, spot[1] + dy + 0.3 * k * jitter))
    if "zigzag" in clause.manners and not points:
        step = max(2.0, speed)
        points += [ahead(spot, way, step * k, 1.2 * (-1) ** k) for k in range(1, 7)]
    back_and_forth = "back_and_forth" in clause.manners or "up_and_down" in clause.manners
    if back_and_forth:
        far = points[-1] if points else ahead(spot, way, min(stretch(speed), 10.0))
        points = [far, spot] * max(2, min(clause.repeat, 10))
    elif "back" in clause.manners and (points or (lead.home or lead.start) != spot):
        home = spot if points else lead.home or lead.start
        points.append(home)
    if not points and clause.metres:
        points = [ahead(spot, way, clause.metres)]
    return points or None


def twin(plan: Plan, target: Target) -> list[Target]:
    """A second target of the same kind, for "between the trees"."""
    if isinstance(target, Item):
        same = [i for i in plan.stage.items if i.kind == target.kind and i is not target]
        return list(same[-1:]) or list(plan.stage.make(target.kind))
    others = [p for p in plan.cast.players if p is not target]
    return list(others[-1:]) or [target]


def _shifted(points: list[Spot], origin: Spot, k: int) -> list[Spot]:
    """The way of the k-th of a group, beside that of the first, which started at ``origin``."""
    row, lane = divmod(k, 5)
    way = unit(points[-2] if len(points) > 1 else origin, points[-1])
    side = 1.0 if way[0] < 0 else -1.0
    aside = side * ((lane + 1) // 2) * (1 if lane % 2 else -1) * 0.9
    middle = [ahead(p, way, -0.5 * row, 0.3 * aside) for p in points[:-1]]
    return [*middle, ahead(points[-1], way, -ROW_M * row - 0.1 * lane, aside)]


def _foot_of(plan: Plan, act: Act, item: Item, way: Spot) -> None:
    """Put players without a way or an action at the foot of what they climb.

    In a running scene it is put before them, and they walk up to it.
    """
    if plan.running:
        if item.spot is None:
            lead = act.who[0]
            plan.stage.put(item, *ahead(lead.spot, way, CLIMB_FROM_M + item.reach))
            item.heading = atan2(lead.spot[1] - item.spot[1], lead.spot[0] - item.spot[0])
        return
    for k, player in enumerate(act.who):
        if player.legs or player.actions or player.spot is None:
            continue
        if item.spot is None:
            gap = item.extent((-way[0], -way[1])) + player.radius + 0.05
            plan.stage.put(item, *ahead(player.spot, way, gap))
            item.heading = atan2(-way[1], -way[0])
        player.put(*ahead(item.spot, way, -item.extent(way) - player.radius - 0.05 - 0.6 * k))
        player.facing = atan2(way[1], way[0])


def _climb(plan: Plan, player: Player, item: Item, t: float, k: int) -> float:
    """Climb an object, up to CLIMB_M; returns the end in s. Only the first of a group goes up."""
    top = min(height_m(item.kind, item.scale) - 0.4, CLIMB_M)
    if top < 0.4:  # a step up: only the gesture is shown
        plan.act_at(player, t, A.CLIMB)
        plan.act_at(player, t + STEP_UP_S, A.IDLE)
        return t + STEP_UP_S
    if k > 0:
        return t
    t += FOOTING_S if plan.running else 0.0
    plan.act_at(player, t, A.CLIMB)
    end = t + top / ACTION_VELOCITIES[A.CLIMB] + 0.5
    x, y = player.spot
    knots = [(t, x, y, 0.0), (end, x, y, top)]
    player.legs.append(Leg(t, end, A.CLIMB, 0.35, [player.spot, player.spot], knots))
    plan.act_at(player, end, A.IDLE)
    return end


def converge(plan: Plan, act: Act) -> None:
    """Two or more players come toward each other and stop face to face."""
    clause, start = act.clause, plan.begin(act)
    action = act.clause.verb.action
    half = 0.5 * min(stretch(ACTION_VELOCITIES[action]), 10.0) + 0.6
    for k, player in enumerate(act.who):
        side = -1.0 if k % 2 == 0 else 1.0
        if player.spot is None:
            player.put(side * half, 0.9 * (k // 2))
            player.facing = 0.0 if side < 0 else pi
    end = start
    for a, b in zip(act.who[::2], act.who[1::2], strict=False):
        middle = (0.5 * (a.spot[0] + b.spot[0]), 0.5 * (a.spot[1] + b.spot[1]))
        for player in (a, b):
            way = unit(player.spot, middle)
            goal = ahead(middle, way, -0.5)
            end = max(end, plan.go(player, [goal], action, start, plan.factor(act, player)))
    if clause.say:
        plan.cue(act.who[0], start, None, clause.say)
    plan.close(act, start, end)


def cross(plan: Plan, act: Act) -> None:
    """Two or more players come from both sides, pass each other and go on."""
    start, action = plan.begin(act), act.clause.verb.action
    half = 0.5 * min(stretch(ACTION_VELOCITIES[action]), 10.0) + 0.6
    for k, player in enumerate(act.who):
        side = -1.0 if k % 2 == 0 else 1.0
        if player.spot is None:
            player.put(side * half, 0.55 * side + 0.9 * (k // 2))
    for k, player in enumerate(act.who):
        way = (1.0, 0.0) if k % 2 == 0 else (-1.0, 0.0)
        plan.go_on(player, way, _gait(player, action, act), start, plan.factor(act, player))
    plan.close(act, start, start + (act.clause.seconds or OPEN_S))


def _next_stop(ways: Ways, target: Target) -> list[Spot]:
    """Way points to a target, from which the next ones go on."""
    points = ways.to(target)
    ways.spot = points[-1]
    return points


def round_bases(plan: Plan, act: Act) -> None:
    """Run from home past first, second and third and back."""
    start = plan.begin(act)
    lead = act.who[0]
    corners = [places("baseball")[name] for name in ("home", "first", "second", "third")]
    plan.stage.fixed_used = True
    verb = act.clause.verb
    if any(action is A.RUNNING_BASES for _, action in lead.actions):
        return plan.close(act, plan.began, plan.ended)  # "... and rounds the bases"
    end, course = start, _diamond(corners)
    rows = CROWD if len(act.who) <= CROWD else RANKS
    for number, player in enumerate(act.who):
        file, k = divmod(number, rows)
        if player.spot is None or not player.legs:
            player.put(corners[0][0] + LANE_M * file, corners[0][1] - 0.8 * k)
        t = max(start, player.t)
        if verb.relation == "homerun":
            bat = plan.stage.make(verb.needs[0])[0]
            bat.holder = player
            player.facing = 0.5 * pi  # to centre field
            plan.act_at(player, t, A.BATTING)
            ball = plan.stage.make(verb.needs[1])[0]
            ball.spot = ahead(player.spot, (0.0, 1.0), 0.7)
            plan.cue(player, t, ball)
            t += verbs().seconds["batting"] + 0.6
        mine = beside(course, corners[0], (corners[0][0] + LANE_M * file, corners[0][1]))
        end = max(end, plan.go(player, mine, A.RUNNING_BASES, t + 0.9 * k))
    plan.way[lead.id] = (1.0, 0.0)
    plan.close(act, start, end)


def _diamond(corners: list[Spot]) -> list[Spot]:
    """The rounded way round the bases, from the first corner back to it.

    Each leg is a cubic Hermite curve whose tangents at the bases lie along the circle through
    them, so that a runner passes each base without a sharp turn (choice: as coaches teach it).
    """
    n, points = len(corners), []
    cx = sum(c[0] for c in corners) / n
    cy = sum(c[1] for c in corners) / n
    for k in range(n):
        a, b = corners[k], corners[(k + 1) % n]
        side = hypot(b[0] - a[0], b[1] - a[1])
        out = _tangent(a, (cx, cy), side)
        into = _tangent(b, (cx, cy), side)
        if k == 0:
            out = (b[0] - a[0], b[1] - a[1])
        if k == n - 1:
            into = (b[0] - a[0], b[1] - a[1])
        for j in range(1, CURVE_STEPS + 1):
            u = j / CURVE_STEPS
            h = (2 * u**3 - 3 * u**2 + 1, u**3 - 2 * u**2 + u, 3 * u**2 - 2 * u**3, u**3 - u**2)
            points.append(
                (
                    h[0] * a[0] + h[1] * out[0] + h[2] * b[0] + h[3] * into[0],
                    h[0] * a[1] + h[1] * out[1] + h[2] * b[1] + h[3] * into[1],
                )
            )
    return points


def _tangent(corner: Spot, middle: Spot, size: float) -> Spot:
    """Tangent of length ``size`` at a corner of the circle around ``middle``."""
    way = unit(middle, corner)
    return (-way[1] * size, way[0] * size)
