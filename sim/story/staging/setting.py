"""Places of acts: beside a tree, on a bench, face to face."""

from math import cos, hypot, pi, sin

from entities.actions import ActionType
from entities.objects import height_m
from sim.story.staging.acts import Act
from sim.story.staging.cast import Player
from sim.story.staging.plan import CROWD, STANDS_BY, Plan
from sim.story.staging.scenery import (
    FACES_VIEWER,
    SEATS,
    Fixed,
    Item,
    Target,
    bearing,
    is_held,
    seat_spots,
    unit,
)
from sim.story.staging.timing import Spot
from sim.story.staging.travel import RUNS, twin
from sim.story.staging.waypoints import Ways, ahead, beside, spot_by

A = ActionType
PLACE_M = 0.6
"""Width of a place on a seat."""
SEAT_WITHIN_M, MOST_SEATS = 15.0, 8
"""Metres to another seat for one that finds its own taken, and how many are brought on (choice)."""


def settle_place(plan: Plan, act: Act, who: list[Player]) -> float:
    """Bring players to where the act says it happens; returns the last arrival in s."""
    clause = act.clause
    found = [(r, t) for r, targets in act.places for t in targets if r in STANDS_BY]
    between = act.at("between")
    start = plan.begin(act)
    end = start
    fresh = [p for p in who if p.spot is None]
    if between:
        targets = between if len(between) > 1 else [between[0], *twin(plan, between[0])]
        for k, player in enumerate(who):
            if player.spot is None:
                plan.arrange([player], (1.0, 0.0), moving=False)
            spot = player.spot
            ways = Ways(plan.stage, (spot[0] - 3.0, spot[1]), (1.0, 0.0), 1.3, player.radius)
            ways.distance = 5.0
            goal = ways.between(targets, halt=True)[0]
            goal = (goal[0] + 0.7 * k, goal[1])
            if player in fresh:
                player.put(*goal)
            elif hypot(goal[0] - spot[0], goal[1] - spot[1]) > 0.6:
                end = max(end, plan.go(player, [goal], A.WALK, max(start, player.t)))
        return end
    if found and not act.clause.direction:
        relation, target = found[-1]
        if isinstance(target, Player) and target.spot is None:
            role_place(plan, target)
        if isinstance(target, Item) and relation in ("in", "at") and is_held(target.kind):
            found = []
        elif target.spot is None:
            plan.arrange(who, (1.0, 0.0), moving=False)
            base = who[0].spot
            _put_by(plan, relation, target, who[0], base)
        if found:
            origin, first = who[0].spot, None
            for k, player in enumerate(who):
                goal = spot_by(relation, target, player.radius, player.spot)
                goal = (goal[0] + 0.8 * k, goal[1])
                first = first or goal
                if len(who) > CROWD and origin and player.spot and not plan.running:
                    goal = beside([first], origin, player.spot)[0]  # they go in step
                if player in fresh:
                    player.put(*goal)
                elif hypot(goal[0] - player.spot[0], goal[1] - player.spot[1]) > 0.6:
                    t = max(start, player.t)
                    speed = max(clause.speed, 0.6)
                    end = max(end, plan.go(player, [goal], A.WALK, t, speed))
    for player in who:
        if player.spot is None:
            plan.arrange(who, (1.0, 0.0), moving=False)
        plan.settle(player, start)
    return end


def _put_by(plan: Plan, relation: str, target: Target, player: Player, base: Spot) -> None:
    """Put a target so that a player at ``base`` stands in the relation to it."""
    if isinstance(target, Player):
        target.put(base[0] + 1.2, base[1])
        target.facing = FACES_VIEWER
        return
    if isinstance(target, Item):
        target.spot = base
        at = spot_by(relation, target, player.radius, (base[0] - 1.0, base[1]))
        target.spot = None
        plan.stage.put(target, 2.0 * base[0] - at[0], 2.0 * base[1] - at[1])


def role_place(plan: Plan, player: Player) -> None:
    """Put a player in its role's place on the stage set, if there is one: the pitcher's mound."""
    spot = plan.stage.spots.get(player.role.place or "")
    if spot is not None and player.spot is None:
        plan.stage.fixed_used = True
        if plan.cast.starts.taken(spot):
            spot = plan.free(spot)
        player.put(*spot)
        home = plan.stage.spots.get("home", (0.0, 0.0))
        player.facing = 0.5 * pi if player.key == "batter" else bearing(spot, home)
        if player.key in ("catcher", "umpire"):
            player.facing = 0.5 * pi


def sit_on(plan: Plan, act: Act, seat: Item, *, at_start: bool) -> float:
    """Bring the players of an act to a seat; returns when they can sit down, in s.

    at_start: players without a way or an action sit there from the start.
    """
    start = plan.begin(act)
    if seat.spot is None:
        if at_start and all(p.spot is None for p in act.who):
            lane = plan.groups
            plan.groups += 1
            plan.stage.put(seat, *plan.free(plan.at(0.0 if lane == 0 else 3.0, 2.2 * lane)))
        else:
            lead = act.who[0]
            plan.arrange(act.who, (1.0, 0.0), moving=False)
            way = plan.direction(act, lead)
            plan.stage.put(seat, *ahead(lead.spot, way, 4.0 + seat.reach))
    end = start
    if plan.running:
        return _take_places(plan, act, seat, start)
    room = len(act.who) if len(act.who) <= CROWD else max(int(seat.size[1] / PLACE_M), 1)
    for player in act.who[room:]:  # the others of a crowd sit where they are
        plan.arrange([player], (1.0, 0.0), moving=False)
    for player, (sits, rises, look) in zip(act.who[:room], seat_spots(seat, room), strict=True):
        if at_start and not player.legs and not player.actions:
            player.put(*sits)
            player.facing = look
        else:
            plan.arrange([player], (1.0, 0.0), moving=False)
            t = max(start, player.t)
            leg = player.legs[-1] if player.legs else None
            came = leg is not None and not leg.open and abs(leg.end - player.t) < 1.0
            if came and hypot(player.spot[0] - seat.spot[0], player.spot[1] - seat.spot[1]) < 2.5:
                points = leg.points[1:-1]
                plan.undo(player)
                arrived = plan.go(player, [*points, rises], leg.action, leg.start, leg.factor)
            else:
                arrived = plan.go(player, [rises], A.WALK, t)
            end = max(end, arrived)
        player.sits, player.rises = sits, rises
        plan.way[player.id] = cos(look), sin(look)
        plan.cue(player, max(end, start), seat)
    return end


def _take_places(plan: Plan, act: Act, seat: Item, start: float) -> float:
    """``sit_on`` in a running scene: who finds a seat taken has another one, or the ground."""
    end, room = start, free_places(plan, seat, act.who)
    for player in act.who:
        if player.seat is seat and player.sits is not None:
            continue
        if not room and (other := _another_seat(plan, seat, act.who)) is not None:
            seat, room = other, free_places(plan, other, act.who)
        if not room:
            plan.note("not enough seats: the others sit on the ground")
            continue
        near = [hypot(at[0][0] - player.spot[0], at[0][1] - player.spot[1]) for at in room]
        sits, rises, look = room.pop(near.index(min(near)))
        arrived = plan.go(player, [rises], A.WALK, max(start, player.t))
        player.t = max(player.t, arrived)
        player.sits, player.rises, player.seat = sits, rises, seat
        plan.way[player.id] = cos(look), sin(look)
        end = max(end, arrived)
        plan.cue(player, arrived, seat)
    return end


def free_places(plan: Plan, seat: Item, who: list[Player]) -> list[tuple[Spot, Spot, float]]:
    """Places of a seat where nobody but ``who`` sits, as ``seat_spots`` has them."""
    count = max(int(seat.size[1] / PLACE_M), 1)
    taken = [p for p in plan.cast.players if p.seat is seat and p not in who and p.sits is not None]
    return [
        place
        for place in seat_spots(seat, count)
        if all(hypot(place[0][0] - p.sits[0], place[0][1] - p.sits[1]) > 0.75 * PLACE_M
               for p in taken)
    ]  # fmt: skip


def _another_seat(plan: Plan, seat: Item, who: list[Player]) -> Item | None:
    """A free seat like one that is taken: one on stage, else one that is brought."""
    for item in plan.stage.items:
        if item.kind is seat.kind and item.spot is not None and item is not seat:
            far = hypot(item.spot[0] - seat.spot[0], item.spot[1] - seat.spot[1])
            if far < SEAT_WITHIN_M and free_places(plan, item, who):
                return item
    if sum(not item.present and item.kind is seat.kind for item in plan.stage.items) >= MOST_SEATS:
        return None
    made = plan.stage.make(seat.kind)[0]
    left = (-sin(seat.heading), cos(seat.heading))
    plan.stage.put(made, *ahead(seat.spot, left, -seat.size[1] - 0.5), seat.heading)
    plan.note(f"the {seat.word} is taken: another one is brought on")
    return made


def face_to_face(plan: Plan, two: list[Player], gap: float, start: float) -> float:
    """Bring two players face to face, ``gap`` m apart; returns when they are, in s."""
    a, b = two
    if a.spot is None and b.spot is None:
        lane = plan.groups
        plan.groups += 1
        base = plan.free(plan.at(0.0 if lane == 0 else 2.5, 2.2 * lane))
        a.put(base[0] - 0.5 * gap, base[1])
        b.put(base[0] + 0.5 * gap, base[1])
    elif b.spot is None:
        way = plan.way.get(a.id, (1.0, 0.0))
        b.put(*ahead(a.spot, way, gap))
    elif a.spot is None:
        way = plan.way.get(b.id, (1.0, 0.0))
        a.put(*ahead(b.spot, (-way[0], -way[1]), -gap if b.legs else gap))
    else:
        apart = hypot(a.spot[0] - b.spot[0], a.spot[1] - b.spot[1])
        if apart > gap + 0.35 or apart < 0.6 * gap:
            fixed = not a.legs and not b.legs and not a.actions and not b.actions
            way = unit(a.spot, b.spot)
            goal = ahead(b.spot, way, -gap)
            if fixed:
                a.put(*goal)
            else:
                for player in (a, b):
                    plan.settle(player, start)
                gait = a.legs[-1].action if a.legs and a.legs[-1].action in RUNS else A.WALK
                start = plan.go(a, [ahead(b.spot, unit(a.spot, b.spot), -gap)], gait, start)
    for player, other in ((a, b), (b, a)):
        if not player.legs:
            player.facing = bearing(player.spot, other.spot)
    return start


def way_of(heading: float) -> Spot:
    """Unit vector of a heading."""
    return cos(heading), sin(heading)


def settle_in(plan: Plan, who: Target, relation: str, targets: list[Target]) -> None:
    """Put a player or an object in relation to a target before anything happens."""
    target = targets[0]
    if isinstance(who, Fixed) or isinstance(target, Fixed):
        if isinstance(who, Player) and isinstance(target, Fixed) and who.spot is None:
            who.put(*target.spot)
        return
    if isinstance(who, Player):
        if isinstance(target, Item) and is_held(target.kind) and relation in ("with", "in"):
            target.holder = target.holder or who
            return
        if relation == "with" or who.spot is not None:
            return
        if isinstance(target, Item) and target.kind in SEATS and relation in ("on", "in", "at"):
            if target.spot is None:
                plan.stage.put(target, *plan.free(plan.at(3.0 * plan.groups, 0.0)))
                plan.groups += 1
            sits, _, look = seat_spots(target, 1)[0]
            who.put(*sits)
            who.facing, who.sits = look, sits
            plan.act_at(who, 0.0, A.SIT)
            plan.cue(who, 0.0, target)
            return
        base = plan.free(plan.at(3.0 * plan.groups, 0.0))
        if target.spot is None:
            plan.groups += 1
            who.put(*base)
            _put_by(plan, relation, target, who, base)
        who.put(*spot_by(relation, target, who.radius, who.spot))
        return
    if who.spot is not None or who.holder is not None:
        return
    if isinstance(target, Player):
        if target.spot is None:
            plan.arrange([target], (1.0, 0.0), moving=False)
    elif target.spot is None:
        plan.stage.put(target, *plan.free(plan.at(2.0, 1.5)))
    if relation in ("on", "onto", "in") and isinstance(target, Item):
        who.spot, who.z = target.spot, height_m(target.kind, target.scale)
    else:
        plan.stage.put(who, *spot_by(relation, target, who.reach))
