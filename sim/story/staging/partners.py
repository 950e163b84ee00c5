"""Acts of players with each other: hug, fight, chase, race, meet."""

from dataclasses import replace

from entities.actions import ActionType
from entities.objects import ObjectType
from sim.story.staging.acts import Act
from sim.story.staging.balls import contact_s
from sim.story.staging.cast import Player
from sim.story.staging.plan import CROWD, OPEN_S, Plan, check_fits
from sim.story.staging.scenery import bearing, unit
from sim.story.staging.setting import face_to_face, settle_place
from sim.story.staging.solo import hold, stay
from sim.story.staging.travel import converge, move
from sim.story.staging.waypoints import ahead, beside

A = ActionType
ANSWERS = (A.DODGE, A.BLOCK, A.FALL, A.CROUCH)
"""Actions that answer a blow."""
DOWN_S = 2.0
"""Seconds for which a felled actor stays down (choice)."""
DOOR_M = 1.05
"""Metres from a door to the actor that knocks or opens it (choice)."""


def _partners(plan: Plan, act: Act) -> list[tuple[Player, Player]]:
    """The pairs of players that do a mutual act."""
    found = [*act.players(), *(t for t in act.at("with", "to") if isinstance(t, Player))]
    others = [p for p in found if p not in act.who]
    if others:
        return [(player, others[min(k, len(others) - 1)]) for k, player in enumerate(act.who)]
    if len(act.who) > 1:
        return list(zip(act.who[::2], act.who[1::2], strict=False))
    rest = [p for p in plan.cast.players if p not in act.who]
    return [(act.who[0], rest[-1])] if rest else []


def pair(plan: Plan, act: Act) -> None:
    """A mutual act, face to face: hug, shake hands, fight."""
    verb = act.clause.verb
    pairs = _partners(plan, act)
    act.places = [(r, f) for r, f in act.places if r not in ("with", "to")]
    if not pairs:
        if verb.action in (A.HUG, A.HANDSHAKE, A.HIGH_FIVE) and act.items():
            return hold(plan, act)
        return stay(plan, act)
    begin = end = plan.begin(act, *[p for pair in pairs for p in pair])
    for a, b in pairs:
        start = face_to_face(plan, [a, b], verb.distance, max(begin, a.t, b.t))
        span = plan.seconds(act, verb.action)
        if verb.action is A.PUNCH:
            span = act.clause.seconds or 7.0
            _fight(plan, a, b, start, span)
        else:
            for player in (a, b):
                plan.settle(player, start)
                for k in range(min(act.clause.repeat, 20)):
                    plan.act_at(player, start + k * span / act.clause.repeat, verb.action)
        plan.cue(a, start, b, act.clause.say)
        plan.cue(b, start, a)
        end = max(end, start + span)
        for player in (a, b):
            player.t = end
        if b not in act.who:
            b.clauses.append(f"{act.clause.words[0]} {a.phrase}" if act.clause.words else "")
    plan.close(act, begin, end, [b for _, b in pairs])


def _fight(plan: Plan, a: Player, b: Player, start: float, span: float) -> None:
    """Blows and answers, in turn. Raises ValueError for a fight without an end."""
    check_fits(start + span)
    plan.count(int(span))
    for player in (a, b):
        plan.settle(player, start)
        plan.act_at(player, start, A.PUNCH if player is a else A.BLOCK)
    t, turn = start + 1.3, 1
    answers = (A.BLOCK, A.DODGE)
    while t < start + span - 1.0:
        striker, other = (a, b) if turn % 2 == 0 else (b, a)
        plan.act_at(striker, t, A.PUNCH if turn % 3 else A.KICK)
        plan.act_at(other, t, answers[turn % 2])
        t, turn = t + 1.4, turn + 1


def answered(acts: list[Act]) -> list[Act]:
    """Acts with a blow and the answer after it joined: "one throws a punch, the other ducks"."""
    done: list[Act] = []
    for act in acts:
        before, verb = done[-1] if done else None, act.clause.verb
        blow = before is not None and before.clause.verb is not None and not before.clause.negated
        blow = blow and before.clause.verb.frame == "strike" and len(before.who) == len(act.who)
        plain = not (act.objects or act.places or act.clause.negated or act.clause.direction)
        meets = blow and plain and not (before.objects or before.places) and verb is not None
        if meets and verb.action in ANSWERS and not any(p in before.who for p in act.who):
            answer = before.clause.verb.model_copy(update={"answer": verb.action})
            before.clause, before.objects = replace(before.clause, verb=answer), list(act.who)
        else:
            done.append(act)
    return done


def felled(player: Player, t: float) -> bool:
    """Whether a player is on the ground at ``t``, or about to fall."""
    return any(a is A.FALL and t - DOWN_S < at for at, a in player.actions)


def strike(plan: Plan, act: Act, action: ActionType, answer: ActionType) -> None:
    """A blow at players, who answer it, or at objects."""
    verb = act.clause.verb
    gap = verb.distance if verb.frame == "strike" else 0.7
    targets = [p for p in [*act.players(), *act.at("at", "with")] if isinstance(p, Player)]
    if not targets:
        act.places = [(r, f) for r, f in act.places if r != "at"]
        start = settle_place(plan, act, act.who)
        span = plan.seconds(act, action)
        items = act.items()
        own = len(items) > 1 and len(act.who) > CROWD  # one for each, not all for each
        for n, player in enumerate(act.who):
            t = max(start, player.t)
            for k in range(min(act.clause.repeat, 20)):
                plan.act_at(player, t + k * span / act.clause.repeat, action)
            for item in items[n % len(items) :][:1] if own else items:
                if item.spot is None:
                    gap = item.reach + player.radius + 0.3
                    if item.kind is ObjectType.DOOR:
                        gap, item.heading = DOOR_M, 0.0
                    plan.stage.put(item, player.spot[0] + gap, player.spot[1])
                if not player.legs:
                    player.facing = bearing(player.spot, item.spot)
                plan.cue(player, t, item)
        return plan.close(act, start, start + span)
    begin = end = plan.begin(act, *targets)
    for k, player in enumerate(act.who):
        other = targets[min(k, len(targets) - 1)]
        start = face_to_face(plan, [player, other], gap, max(begin, player.t, other.t))
        span = plan.seconds(act, action)
        hit = contact_s(action)
        plan.settle(player, start)
        plan.settle(other, start)
        for n in range(min(act.clause.repeat, 20)):
            t = start + n * span / act.clause.repeat
            plan.act_at(player, t, action)
            if answer is not A.FALL or not felled(other, t):
                plan.act_at(other, t + max(hit - 0.15, 0.1), answer)
        plan.cue(player, start, other)
        plan.cue(other, start, player)
        end = max(end, start + span + 0.4)
    plan.close(act, begin, end, targets)


def chase(plan: Plan, act: Act) -> None:
    """Follow players along their way, a gap behind; without prey it is a way to its objects."""
    verb, clause = act.clause.verb, act.clause
    prey = [*act.players(), *(t for t in act.at("chase", "behind") if isinstance(t, Player))]
    prey = [p for p in prey if p not in act.who]
    if not prey:
        items = act.items()
        behind = "behind" if "behind" in " ".join(act.clause.words) else "to"
        act.places = [*act.places, *([(behind, items)] if items else [])]
        act.objects = []
        return move(plan, act)
    act.objects = []
    act.places = [(r, f) for r, f in act.places if not any(t in prey for t in f)]
    start = plan.begin(act)
    leader = prey[0]
    running = leader.legs[-1] if leader.legs else None
    way = plan.way.get(leader.id, plan.direction(act, act.who[0]))
    gap = verb.distance
    if running is not None and leader.t > start - 1e-6:
        plan.arrange(act.who, way, moving=True, at=ahead(running.points[0], way, -gap))
        begin = max(running.start, max(p.t for p in act.who))
        for player in act.who:
            if running.open:
                plan.go_on(player, way, running.action, begin)
                player.t = leader.t
            else:
                goal = ahead(running.points[-1], unit(running.points[-2], running.points[-1]), -1.1)
                points = [*running.points[1:-1], goal]
                if len(act.who) > CROWD and not plan.running:
                    points = beside(points, running.points[0], player.spot)
                player.t = plan.go(player, points, running.action, begin)
        return plan.close(act, begin, max(p.t for p in act.who))
    lead_act = Act(clause, prey, places=act.places, link=act.link)
    keep = list(act.who)
    plan.arrange(prey, way, moving=True)
    for k, player in enumerate(keep):
        if player.spot is None:
            player.put(*ahead(prey[0].start, way, -gap - 0.6 * k, -1.0 * k))
    words, clause.words = clause.words, []
    move(plan, lead_act)
    clause.words = words
    if not leader.legs:  # the leader is there already
        return move(plan, act)
    running = leader.legs[-1]
    end = plan.ended
    for k, player in enumerate(keep):
        t = max(start, player.t)
        if running.open:
            plan.go_on(player, way, verb.action, t)
            player.t = t + OPEN_S
        else:
            last = unit(running.points[-2], running.points[-1])
            goal = ahead(running.points[-1], last, -0.5, -0.8 * (k + 1))
            points = [*running.points[1:-1], goal]
            if len(keep) > CROWD and not plan.running:
                points = beside(running.points[1:], running.points[0], player.spot)
            player.t = plan.go(player, points, verb.action, t)
        plan.cue(player, t, leader)
        end = max(end, player.t)
    for other in prey:
        others_word = "runs" if verb.action is A.RUN else "walks"
        other.clauses.append(f"{others_word} ahead of {keep[0].phrase}")
    act.clause.words = words
    plan.close(act, start, end, prey)


def race(plan: Plan, act: Act) -> None:
    """Travel together with the players it is done to."""
    others = [p for p in act.players() if p not in act.who]
    act.who = [*act.who, *others]
    act.objects = []
    move(plan, act)


def meet(plan: Plan, act: Act) -> None:
    """Come together with the players it is done to; alone it is a way."""
    others = [p for p in [*act.players(), *act.at("with")] if isinstance(p, Player)]
    act.who = [*act.who, *(p for p in others if p not in act.who)]
    if len(act.who) > 1:
        return converge(plan, act)
    act.objects = []
    move(plan, act)
