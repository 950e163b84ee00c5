"""Coming on: whoever a later sentence names and is not there walks in from the edge of the picture.

Newcomers start beside the one they are to meet, on the freer side, and walk to where their first
act needs them. Where that act is a way of their own, they set off on it from the edge at once.
"""

from collections.abc import Iterable
from math import hypot

from entities.actions import ACTION_VELOCITIES, ActionType
from sim.story.staging.acts import Act
from sim.story.staging.cast import Player
from sim.story.staging.plan import Plan
from sim.story.staging.scenery import THROWS, Target, bearing
from sim.story.staging.timing import Spot

A = ActionType
EDGE_M = 7.0
"""Metres to the side of the one that is addressed at which newcomers appear (choice)."""
WALK_IN_M = 3.5
"""A newcomer walks at least this far in, where it waits further out (choice)."""
LANE_M, ROW_M, LANES = 1.2, 1.4, 8
"""Metres between newcomers side by side and one behind the other, and the least that make a row."""
NEAR_M = 2.4
"""Metres from the one that is addressed to a newcomer that acts by itself (choice)."""
MEETS_M, SEES_M, FLEES_M, GIVEN_M, WITH_M = 3.5, 2.8, 3.0, 2.0, 1.4
"""Metres to one that is gone to, waved at, chased, given something, and taken along (choice)."""
BALL_M = 14.0
"""Metres from which a ball is thrown, pitched or kicked to a newcomer, at most (choice)."""
FAR_M = 9.0
"""Newcomers that have further to go jog (choice)."""
AHEAD_S = 1.5
"""Where one that is under way will be when newcomers appear beside it (choice)."""
COMES = frozenset({"comes", "enters", "arrives", "appears", "joins", "shows", "turns", "pops"})
"""Third person, verbs of coming on, which end where the newcomer is seen."""
CROSSES = frozenset({"by", "past", "across", "through", "away", "off", "out", "over"})
"""Words with which a newcomer goes on out of the picture."""
SHIFTS = (0.0, 1.5, -1.5, 3.0, -3.0, 4.5, -4.5)
"""Metres deeper or nearer to the viewer where newcomers look for a free way in (choice)."""


def enter(plan: Plan, acts: list[Act], said: Iterable[str] = ()) -> None:
    """Have the players of acts that are not on stage yet come on.

    said: the words of the sentence.
    """
    words = {word.lower() for word in said}
    for act in acts:
        if act is acts[0] and act.clause.verb is not None:
            _stop_for(plan, act)
        if any(not p.present for p in act.who):
            _enter_to_act(plan, act, words)
        targets = [*act.players(), *(t for _, f in act.places for t in f if isinstance(t, Player))]
        if absent := [p for p in targets if not p.present]:
            anchor = next((p for p in act.who if p not in absent), None)
            for relation in ("", *(r for r, _ in act.places)):
                group = [
                    p for p in (act.at(relation) if relation else act.players()) if p in absent
                ]
                group = [p for p in group if not p.present]
                if group:
                    come_on(plan, group, anchor, _gap_of_target(act, relation))
    if absent := [p for p in plan.cast.players if not p.present]:
        come_on(plan, absent, None, NEAR_M)


def come_on(plan: Plan, who: list[Player], anchor: Player | None, gap: float | None) -> None:
    """Have players appear beside ``anchor`` and walk in until ``gap`` m from it.

    anchor: None is the middle of what is going on. gap: None leaves the way in to their first act.
    A player's ``spot``, where it has one, is the place to walk to instead.
    """
    _come_on(plan, who, anchor, gap, None)


def _enter_to_act(plan: Plan, act: Act, words: set[str]) -> None:
    """Bring on the subjects of an act."""
    absent = [p for p in act.who if not p.present]
    met = [*act.players(), *(t for _, found in act.places for t in found)]
    anchor = next((p for p in met if isinstance(p, Player) and p.present), None)
    anchor = anchor or next((p for p in act.who if p.present), None)
    clause, verb = act.clause, act.clause.verb
    side = None
    if clause.direction is not None and abs(clause.direction[0]) > 0.3:
        side = -1.0 if clause.direction[0] > 0.0 else 1.0
    elif {"left", "right"} & set(clause.words):
        side = -1.0 if "left" in clause.words else 1.0
    gap = _gap_of_subject(act)
    if side is None and verb is not None and verb.frame == "chase" and anchor is not None:
        behind = plan.way.get(anchor.id, (1.0, 0.0))[0]
        side = -1.0 if behind > 0.0 else 1.0
    if verb is not None and verb.frame == "move" and not met and not clause.manners:
        first = clause.words[0].split()[0] if clause.words else ""
        comes = first in COMES or bool({"in", "on", "up", "here"} & words)
        sideways = clause.direction is None or {"in", "from"} & {*words, *clause.words}
        if comes and sideways and not CROSSES & words:
            act.arrives, gap = True, None
            for player in absent:
                player.station = player.spot
    _come_on(plan, absent, anchor, NEAR_M if act.arrives else gap, side, goes=not act.arrives)


def _stop_for(plan: Plan, act: Act) -> None:
    """Have players that are under way stop for newcomers that act with them, who come to there."""
    targets = [t for t in [*act.players(), *act.at("with", "to", "at")] if isinstance(t, Player)]
    absent = [p for p in [*act.who, *targets] if not p.present]
    if absent and act.clause.verb.frame in ("pair", "strike", "send", "game", "haul"):
        for player in [*act.who, *targets]:
            if player.present:
                plan.halt(player)


def _gap_of_subject(act: Act) -> float | None:
    """Metres from whom they meet at which newcomers begin an act; None where it is their way in."""
    verb = act.clause.verb
    if verb is None:
        return NEAR_M
    if verb.action in THROWS and verb.frame in ("send", "game"):
        return min(THROWS[verb.action], BALL_M)
    if verb.frame in ("move", "chase", "seat", "take", "haul", "meet"):
        return None
    return {"pair": verb.distance, "strike": verb.distance, "race": WITH_M, "aim": SEES_M,
            "game": 4.0}.get(verb.frame, NEAR_M)  # fmt: skip


def _gap_of_target(act: Act, relation: str) -> float | None:
    """Metres at which newcomers that an act is done to wait for it."""
    verb = act.clause.verb
    frame = verb.frame if verb is not None else ""
    if relation in ("with", "along") or frame == "race":
        return WITH_M
    if verb is not None and frame in ("send", "game") and verb.action in THROWS:
        return min(THROWS[verb.action], BALL_M)
    if frame == "meet":
        return None
    if frame in ("pair", "strike", "bat"):
        return verb.distance
    return {"chase": FLEES_M, "aim": SEES_M, "take": GIVEN_M, "haul": GIVEN_M}.get(frame, MEETS_M)


def _come_on(
    plan: Plan,
    who: list[Player],
    anchor: Player | None,
    gap: float | None,
    side: float | None,
    *,
    goes: bool = True,
) -> None:
    """See ``come_on``. side: -1 from the left, 1 from the right. goes: they walk in at once."""
    floor = plan.stage.floor
    assert floor is not None
    base, facing = plan.middle, (1.0, 0.0)
    if anchor is not None and anchor.spot is not None:
        base, facing = anchor.spot, plan.way.get(anchor.id, facing)
        vx, vy = anchor.velocity
        base = (base[0] + AHEAD_S * vx, base[1] + AHEAD_S * vy)
    wished = next((p.noun.side for p in who if p.noun.side), None) or side
    side = wished or _freer_side(plan, base, facing)
    inner = EDGE_M if gap is None else gap
    outer = max(EDGE_M, inner + WALK_IN_M)
    lanes = max(LANES, int(len(who) ** 0.5) + 1)
    shift = _clear_shift(plan, base, side, inner, outer)
    k = 0
    for player in who:
        while True:
            row, lane = divmod(k, lanes)
            aside = LANE_M * ((lane + 1) // 2) * (1.0 if lane % 2 else -1.0) + shift
            edge = (base[0] + side * (outer + ROW_M * row), base[1] + aside)
            goal = (base[0] + side * (inner + ROW_M * row), base[1] + aside)
            k += 1
            if floor.clear(edge, player.radius) and floor.clear(goal, player.radius):
                break
        wish = player.spot
        goal = goal if wish is None else floor.nearest(wish, player.radius)
        _place(plan, player, edge, goal if gap is not None else edge, goes=goes)
    _note(plan, who, side)


def _place(plan: Plan, player: Player, edge: Spot, goal: Spot, *, goes: bool) -> None:
    """Put a newcomer at the edge of the picture and have it walk to ``goal``."""
    floor = plan.stage.floor
    player.present, player.comes, player.t = True, True, plan.start
    player.spot = player.start = player.home = edge
    player.station = goal
    floor.take(edge, player.radius)
    far = hypot(goal[0] - edge[0], goal[1] - edge[1])
    look = (1.0, 0.0) if goal[0] >= edge[0] else (-1.0, 0.0)
    if far < 0.1:
        look = (1.0, 0.0) if edge[0] <= plan.middle[0] else (-1.0, 0.0)
    plan.way[player.id] = look
    player.facing = bearing((0.0, 0.0), look)
    player.actions = [(plan.start - 1.0, A.IDLE)]
    if far < 0.1:
        return
    floor.take(goal, player.radius)
    if goes:
        gait = player.role.gait or (A.JOG if far > FAR_M else A.WALK)
        gait = gait if ACTION_VELOCITIES[gait] > 0.0 else A.WALK
        player.t = plan.go(player, [goal], gait, plan.start)
        player.clauses.append("comes in")


def arrive(plan: Plan, act: Act) -> None:
    """Come on, as the act itself says: "a woman walks in"."""
    start = end = plan.begin(act)
    for player in act.who:
        t = max(start, player.t)
        if player.station is not None:
            factor = plan.factor(act, player)
            end = max(end, plan.go(player, [player.station], act.clause.verb.action, t, factor))
        player.t = max(player.t, end)
    plan.close(act, start, end)


def _freer_side(plan: Plan, base: Spot, facing: Spot) -> float:
    """The side of a spot, -1 left or 1 right, with more room: the one faced where both are free."""
    floor = plan.stage.floor
    taken = {
        side: sum(
            not floor.clear((base[0] + side * x, base[1] + y), 0.6)
            for x in (2.0, 3.5, 5.0, 6.5, 8.0)
            for y in (-1.5, 0.0, 1.5)
        )
        for side in (-1.0, 1.0)
    }
    if taken[-1.0] != taken[1.0]:
        return min(taken, key=lambda side: taken[side])
    return -1.0 if facing[0] < -0.1 else 1.0


def _clear_shift(plan: Plan, base: Spot, side: float, inner: float, outer: float) -> float:
    """How far deeper, in m, the way in is free of whoever and whatever stands there."""
    for shift in SHIFTS:
        edge = (base[0] + side * outer, base[1] + shift)
        goal = (base[0] + side * max(inner, 1.0), base[1] + shift)
        if plan.stage.floor.open_way(edge, goal, 0.3):
            return shift
    return 0.0


def _note(plan: Plan, who: list[Player], side: float) -> None:
    """Say who comes on, and from where."""
    of = {}
    for player in who:
        of.setdefault(player.phrase, []).append(player)
    where = "left" if side < 0.0 else "right"
    for phrase, alike in of.items():
        n = len(alike)
        told = f"{phrase} comes" if n == 1 else f"{n} {alike[0].noun.word or 'people'} come"
        plan.note(f"{told} on from the {where}")


def waits_for(act: Act) -> list[Player]:
    """The newcomers that an act needs in place: all it is done to but those gone or waved to."""
    frame = act.clause.verb.frame if act.clause.verb is not None else ""
    found: list[Target] = [] if frame in ("aim", "race", "meet") else list(act.objects)
    for relation, targets in act.places:
        if frame != "aim" and not (frame == "move" and relation in ("to", "toward")):
            found += targets
    if frame == "move" and act.clause.verb.relation in (None, "to") and not act.places:
        found = []
    return [t for t in found if isinstance(t, Player) and t.comes]
