"""Balls: thrown, kicked, hit, caught, and kept out of the goal."""

from itertools import pairwise
from math import hypot, inf, pi

from entities.actions import ActionType, contact_time
from entities.objects import ObjectType
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import Verb, verbs
from sim.story.language.phrases import Noun
from sim.story.staging.acts import Act
from sim.story.staging.cast import Player
from sim.story.staging.entrances import come_on
from sim.story.staging.plan import STANDS_BY, Plan
from sim.story.staging.scenery import (
    BALL_OF,
    BALLS,
    THROWS,
    Fixed,
    Item,
    Target,
    bearing,
    make_handy,
    unit,
)
from sim.story.staging.setting import role_place, settle_place, way_of
from sim.story.staging.timing import Spot
from sim.story.staging.waypoints import ahead

A, T = ActionType, ObjectType
UNTIMED_S = 0.5
"""Seconds to the contact of an action whose gesture defines none (choice)."""
IN_REACH_M = 0.45
"""Metres ahead of a player where an object to kick or pick up lies (choice)."""
MOUTH_M = 1.8
"""Metres from the goal to its keeper, who comes out to narrow the angle (choice)."""
PITCHED_M = 14.0
"""Metres from a pitcher in a running scene to the catcher that comes on (choice)."""
AT_BASE_M = 3.0
"""A player nearer to a base than this covers it (choice)."""
SHOT_MPS = 21.0
"""Speed of a shot over the ground (choice)."""
DIVES_BEFORE_S = 0.6
"""From the start of a dive until the body is stretched out."""
ASIDE_M = 0.55
"""How far the keeper stands to the side away from the shot (choice)."""
_SHOTS = ("shot", "penalty", "kick", "goal")
"""Words for what is saved where no ball is named."""
SENDS = (A.KICKING, A.THROWING, A.PITCHING)


def contact_s(action: ActionType) -> float:
    """Seconds from the start of an action to its contact: the hit, the release."""
    return contact_time(action) or UNTIMED_S


def goal_shot() -> Verb:
    """The verb of a kick at a goal."""
    return next(v for v in verbs().verbs if v.action is A.KICKING and T.GOAL in v.needs)


def ball_of(act: Act) -> Item | None:
    """The ball among the objects of an act."""
    return next((item for item in act.items() if item.kind in BALLS), None)


def any_ball(plan: Plan) -> bool:
    """Whether there is a ball on stage."""
    return any(item.kind in BALLS for item in plan.stage.items)


def _ball(plan: Plan, act: Act, verb: Verb) -> Item:
    """The ball of an act: the one named, else the last one on stage, else a new one."""
    named = ball_of(act)
    if named is not None:
        return named
    if act.items():
        return act.items()[0]
    wanted = verb.needs[-1] if verb.needs else T.BALL
    if wanted is T.BALL:
        wanted = BALL_OF.get(plan.stage.theme.set, T.BALL)
    about = [item for item in plan.stage.items if item.kind in BALLS]
    return about[-1] if about else plan.stage.make(wanted)[0]


def thrown_to(acts: list[Act]) -> list[Act]:
    """Acts in which a throw is aimed at the player who catches in the next act."""
    for act, after in pairwise(acts):
        verb, then = act.clause.verb, after.clause.verb
        throws = verb is not None and verb.action is A.THROWING and verb.frame == "send"
        free = throws and not (act.players() or act.places or act.clause.negated or act.viewer)
        catches = then is not None and then.action is A.CATCHING and not after.clause.negated
        other = len(after.who) == 1 and after.who[0] not in act.who and not after.players()
        pitches = any(p.key == "pitcher" for p in act.who)
        if free and catches and other and act.who and not pitches and ball_of(act):
            act.objects.append(after.who[0])
    return acts


def send(plan: Plan, act: Act) -> None:
    """Throw, kick, pitch or shoot a ball at its target, which is made if need be."""
    clause, verb, action = act.clause, act.clause.verb, act.clause.verb.action
    ball = _ball(plan, act, verb)
    make_handy(ball)
    found = [*act.at("to", "at", "toward", "in", "into", "for", "through", "over", "past"),
             *act.players()]  # fmt: skip
    goals = [t for t in found if t is not ball and t not in act.who]
    lead = act.who[0]
    if not goals and len(act.who) > 1 and action is not A.SHOOTING:
        goals = [act.who[1]]  # they throw it to each other
    if not goals and "back" in " ".join([*clause.words, *clause.manners]).split():
        goals = [p for p in plan.cast.players if p is not lead][:1]
    if not goals and action is A.PITCHING:
        goals = [_catcher(plan, lead)]
    if not goals and T.GOAL in verb.needs:
        mouths = [i for i in plan.stage.items if i.kind is T.GOAL and i is not ball]
        goals = list(mouths[-1:] or plan.stage.make(T.GOAL))
    if not goals and action is A.SHOOTING:
        hoops = [i for i in plan.stage.items if i.kind is T.HOOP and i is not ball]
        goals = list(hoops[-1:] or plan.stage.make(T.HOOP))
    if goals and isinstance(goals[0], Fixed) and plan.stage.theme.set == "baseball":
        goals = [_baseman(plan, goals[0], lead)]  # "throws to first"
    aimed = goals[0] if goals and isinstance(goals[0], Player) else None
    batter = None
    if lead.key == "pitcher" and aimed is not None and aimed.key in ("catcher", "batter"):
        action, goals = A.PITCHING, [_catcher(plan, lead)]  # past the batter, whatever the verb
        batter = aimed if aimed.key == "batter" else None
    act.places = [(r, f) for r, f in act.places if not any(t in goals for t in f)]
    senders = [lead] if goals and goals[0] in act.who else act.who
    start = plan.begin(act, *[g for g in goals if isinstance(g, Player)])
    target = goals[0] if goals else None
    way = _aim_way(plan, act, lead, target)
    if lead.spot is None:
        role_place(plan, lead)
    if lead.spot is None and isinstance(target, Player) and target.spot is not None:
        side = (1.0, 0.0) if target.facing is None else way_of(target.facing)
        side = plan.way.get(target.id, side)
        lead.put(*plan.free(ahead(target.spot, side, THROWS.get(action, 7.0))))
    if lead.spot is None:
        plan.arrange(senders, way, moving=False)
    start = max(start, settle_place(plan, act, senders))
    if batter is not None:
        role_place(plan, batter)
    if target is not None and target.spot is None:
        far = THROWS.get(action, 7.0)
        if isinstance(target, Player):
            target.put(*ahead(lead.spot, way, far))
        elif isinstance(target, Item):
            heading = bearing(way, (0.0, 0.0))
            plan.stage.put(target, *ahead(lead.spot, way, far + target.size[0]), heading)
    on_foot = action is A.KICKING
    start = max(start, _reach_ball(plan, lead, ball, way, start, on_foot=on_foot, target=target))
    if isinstance(target, Item) and target.kind is T.GOAL:
        _place_keeper(plan, target, lead)
    hit = contact_s(action)
    for k, player in enumerate(senders):
        t = max(start, player.t)
        own = ball if k == 0 else None
        if own is None:
            own = plan.stage.make(ball.kind)[0]
            _reach_ball(plan, player, own, way, t, on_foot=on_foot, target=target)
        plan.settle(player, t)
        goal = target.spot if target is not None else ahead(player.spot, way, 5.0)
        if not on_foot:
            t = plan.turn_to(player, goal, t)
            start = max(start, t) if k == 0 else start
        elif not player.legs:
            player.facing = bearing(player.spot, goal)
        for n in range(min(clause.repeat, 20)):
            plan.act_at(player, t + n * plan.seconds(act, action) / clause.repeat, action)
        plan.cue(player, t, target)
    if isinstance(target, Player):
        if not target.legs:
            target.facing = bearing(target.spot, lead.spot)
        away = hypot(target.spot[0] - lead.spot[0], target.spot[1] - lead.spot[1])
        if action is not A.KICKING:
            plan.settle(target, start)
            plan.act_at(target, start + 0.5 * hit, A.CATCHING)
        flight = away / (38.0 if action is A.PITCHING else 10.0)
        target.t = max(target.t, start + hit + flight + 0.7)
    if batter is not None:
        plan.stage.make(T.BAT)[0].holder = batter
        batter.facing = 0.5 * pi
        plan.act_at(batter, start + 0.5, A.BATTING)
        plan.cue(batter, start + 0.5, ball)
    span = max(plan.seconds(act, action), hit + 1.0)
    if isinstance(target, Player):
        span = max(span, target.t - start)
    plan.close(act, start, start + span)


def _aim_way(plan: Plan, act: Act, lead: Player, target: Target | None) -> Spot:
    """Unit vector in which a ball is sent."""
    if act.clause.direction is not None:
        return act.clause.direction
    if act.viewer:
        return (0.0, -1.0)
    if target is not None and target.spot is not None and lead.spot is not None:
        return unit(lead.spot, target.spot)
    goal = isinstance(target, Item) and target.kind is T.GOAL
    if goal and keeper_of(plan) is not None and not lead.legs:
        return (0.0, 1.0)  # so that a dive to either side is seen
    return plan.way.get(lead.id, (1.0, 0.0))


def keeper_of(plan: Plan) -> Player | None:
    """The first goalkeeper without a place."""
    return next((p for p in plan.cast.players if p.key == "goalkeeper" and p.spot is None), None)


def _place_keeper(plan: Plan, goal: Item, shooter: Player) -> None:
    """Put a goalkeeper without a place before the goal that is shot at."""
    keeper = keeper_of(plan)
    if keeper is not None and keeper is not shooter:
        way = unit(goal.spot, shooter.spot)
        keeper.put(*ahead(goal.spot, way, 0.5 * goal.size[0] + MOUTH_M))
        keeper.facing = bearing(keeper.spot, shooter.spot)


def _catcher(plan: Plan, pitcher: Player) -> Player:
    """The catcher, in place; made if need be."""
    for player in plan.cast.players:
        if player.key == "catcher":
            role_place(plan, player)
            return player
    player = plan.cast.add("catcher")
    role_place(plan, player)
    if plan.running:
        come_on(plan, [player], pitcher, min(THROWS[A.PITCHING], PITCHED_M))
    glove = plan.stage.make(T.GLOVE)[0]
    glove.holder = player
    return player


def _baseman(plan: Plan, base: Fixed, lead: Player) -> Player:
    """The player at a base who takes a throw; made if need be."""
    for player in plan.cast.players:
        x, y = player.spot or (inf, inf)
        if player is not lead and hypot(x - base.spot[0], y - base.spot[1]) < AT_BASE_M:
            return player
    player = plan.cast.add("fielder", Noun("role", "fielder", "baseman"))
    player.put(*ahead(base.spot, unit((0.0, 0.0), base.spot), 0.6))
    plan.stage.fixed_used = True
    if plan.running:
        come_on(plan, [player], lead, THROWS[A.THROWING])
    return player


def _reach_ball(
    plan: Plan,
    player: Player,
    ball: Item,
    way: Spot,
    t: float,
    *,
    on_foot: bool,
    target: Target | None,
) -> float:
    """Get a ball into the hand or before the foot; returns the time it is there."""
    if ball.spot is None and ball.holder is None:
        if on_foot:
            ball.spot = ahead(player.spot, way, IN_REACH_M, -0.1)
        else:
            ball.holder = player
    elif ball.spot is not None and ball.holder is None and not on_foot:
        near = hypot(ball.spot[0] - player.spot[0], ball.spot[1] - player.spot[1])
        if near > 1.0 and not player.present and not player.legs and not player.actions:
            ball.spot, ball.holder = None, player
    elif on_foot and (ball.holder is player if plan.running else _has_it(plan, player, ball)):
        t = max(t, player.t)
        plan.act_at(player, t, A.PUT_DOWN)
        plan.cue(player, t, ball)
        if plan.running:
            ball.holder, ball.spot = None, ahead(player.spot, plan.way[player.id], IN_REACH_M)
        return t + verbs().seconds["put_down"]
    elif ball.spot is not None and on_foot:
        near = hypot(ball.spot[0] - player.spot[0], ball.spot[1] - player.spot[1])
        if near > 0.9 and target is not player and not _sent_off(plan):
            goal = ahead(ball.spot, unit(player.spot, ball.spot), -IN_REACH_M)
            return plan.go(player, [goal], A.JOG, max(t, player.t))
    return t


def _has_it(plan: Plan, player: Player, ball: Item) -> bool:
    """Whether a player was the last to be sent a ball, and so has it."""
    sent = [
        (cue.t, cue.target) for p in plan.cast.players if p is not player
        for cue in p.cues if any(abs(t - cue.t) < 1e-3 and a in SENDS for t, a in p.actions)
    ]  # fmt: skip
    return bool(sent) and max(sent)[1] == player.id and ball.kind in BALLS


def _sent_off(plan: Plan) -> bool:
    """Whether an actor has already kicked, thrown or pitched a ball."""
    return any(action in SENDS for p in plan.cast.players for _, action in p.actions)


def bat(plan: Plan, act: Act) -> None:
    """Swing at a ball: the one that was pitched, or one that lies ready."""
    clause = act.clause
    start = plan.begin(act)
    act.places = [(r, f) for r, f in act.places if r in STANDS_BY and not _only_balls(f)]
    for player in act.who:
        if player.spot is None and plan.stage.theme.set == "baseball":
            spot = plan.stage.spots.get("batter")
            if spot is not None:
                plan.stage.fixed_used = True
                player.put(*plan.free(spot))
                player.facing = 0.5 * pi
    start = max(start, settle_place(plan, act, act.who))
    pitched = any(a is A.PITCHING for p in plan.cast.players for _, a in p.actions)
    span = plan.seconds(act, A.BATTING)
    for player in act.who:
        t = max(start, player.t)
        bat = next((i for i in act.items() if i.kind is T.BAT), None)
        held = any(i.kind is T.BAT and i.holder is player for i in plan.stage.items)
        if not held:
            bat = bat or next(
                (i for i in plan.stage.items if i.kind is T.BAT and not i.holder), None
            )
            (bat or plan.stage.make(T.BAT)[0]).holder = player
        ball = ball_of(act) or next((i for i in plan.stage.items if i.kind in BALLS), None)
        aimed = next((t for t in act.at("at") if isinstance(t, Item)), None)
        if ball is None and aimed is not None:
            ball = aimed
            if ball.spot is None:
                plan.stage.put(ball, *ahead(player.spot, (1.0, 0.0), 1.1 + ball.reach))
            player.facing = bearing(player.spot, ball.spot)
        if ball is None:
            ball = plan.stage.make(BALL_OF.get(plan.stage.theme.set, T.BASEBALL))[0]
        if not pitched and ball.spot is None and ball.holder is None:
            heading = player.facing if player.facing is not None else 0.0
            if plan.stage.theme.set == "baseball":
                heading = 0.5 * pi
            player.facing = heading
            way = (1.0, 0.0) if player.legs else way_of(heading)
            ball.spot = ahead(player.spot, way, 0.7)
        if pitched:
            t = max(min(plan.began + 0.5, t), player.actions[-1][0] + 0.5 if player.actions else 0)
        plan.settle(player, t)
        for n in range(min(clause.repeat, 20)):
            plan.act_at(player, t + n * span / clause.repeat, A.BATTING)
        plan.cue(player, t, ball)
    plan.close(act, start, start + span + (1.2 if pitched else 0.0))


def _only_balls(targets: list[Target]) -> bool:
    """Whether all targets are balls."""
    return all(isinstance(t, Item) and t.kind in BALLS for t in targets)


def catch(plan: Plan, act: Act) -> None:
    """Catch the ball that was thrown, or mime a catch where none was."""
    verb = act.clause.verb
    start = plan.begin(act)
    ready = [p for p in act.who if p.actions and p.actions[-1][1] is A.CATCHING]
    if ready == act.who:
        return plan.close(act, plan.began, plan.ended)
    for player in act.who:
        role_place(plan, player)
    thrown = [p for p in plan.cast.players if p.actions and p.actions[-1][1] in THROWS]
    start = max(start, settle_place(plan, act, act.who))
    source = thrown[-1] if thrown and thrown[-1] not in act.who else None
    if source is not None:
        start = source.actions[-1][0] + 0.3
    ball = _ball(plan, act, verb) if verb.action is A.CATCHING or act.items() else None
    if ball is not None and ball.spot is None and ball.holder is None and source is None:
        ball.spot = ahead(act.who[0].spot, (1.0, 0.0), IN_REACH_M)
    for player in act.who:
        if source is not None and not player.legs:
            player.facing = bearing(player.spot, source.spot)
            if not any(cue.target for cue in source.cues):
                plan.cue(source, max(source.actions[-1][0], 0.0), player)
        t = max(start, player.t if source is None else 0.0)
        plan.act_at(player, t, verb.action)
    plan.close(act, start, start + plan.seconds(act, verb.action))


def saves(act: Act) -> bool:
    """Whether an act of a goalkeeper keeps a ball out of the goal."""
    said = act.clause.words[0].split()
    named = [word for word in act.clause.words for word in word.split()]
    if act.players() or act.at("from", "of"):
        return False
    kept = said[0] == "saves" or "save" in said
    return kept or (said[0] in ("stops", "blocks") and any(word in _SHOTS for word in named))


def dives_to_save(acts: list[Act]) -> list[Act]:
    """Acts with a dive and the save after it joined: "dives and saves the shot"."""
    done: list[Act] = []
    for act in acts:
        before = done[-1] if done else None
        dived = before is not None and before.clause.verb and before.clause.verb.action is A.DIVE
        keeps = dived and before.who == act.who and len(act.who) == 1 and act.clause.verb
        if keeps and act.who[0].key == "goalkeeper" and act.clause.words and saves(act):
            act.clause.direction = act.clause.direction or before.clause.direction
            act.clause.words = [*act.clause.words[:1], *before.clause.words, *act.clause.words[1:]]
            act.clause.manners.append("dive")
            act.link = before.link
            done[-1] = act
        else:
            done.append(act)
    return done


def save(plan: Plan, act: Act) -> None:
    """Dive or reach for the last shot; where there is none, a striker is made to shoot."""
    keeper, clause = act.who[0], act.clause
    shots = [(t, p) for p in plan.cast.players for t, a in p.actions if a is A.KICKING]
    if not shots:
        kick = goal_shot()
        striker = plan.cast.add("soccer player", Noun("role", "soccer player", "striker"))
        if plan.running:
            come_on(plan, [striker], keeper, THROWS[A.KICKING])
        balls = [item for item in plan.stage.items if item.kind in BALLS] if any_ball(plan) else []
        shot = Clause(verb=kick, words=["shoots at the goal"])
        send(plan, Act(shot, [striker], [*balls[-1:]], link=act.link))
        shots = [(t, striker) for t, a in striker.actions if a is A.KICKING]
    t, striker = max(shots, key=lambda pair: pair[0])
    if keeper.spot is None:
        plan.arrange([keeper], (1.0, 0.0), moving=False)
    start = t + contact_s(A.KICKING)
    far = hypot(keeper.spot[0] - striker.spot[0], keeper.spot[1] - striker.spot[1])
    meets = start + far / SHOT_MPS
    ball: Item = next(item for item in reversed(plan.stage.items) if item.kind in BALLS)
    plan.cue(keeper, t, ball)
    if "dive" in clause.manners:
        side = clause.direction or (1.0, 0.0)
        if not keeper.legs:
            keeper.put(keeper.spot[0] - ASIDE_M * side[0], keeper.spot[1] - ASIDE_M * side[1])
        dive = max(meets - DIVES_BEFORE_S, keeper.t)
        end = dive + verbs().seconds["dive"]
        plan.go_on(keeper, side, A.DIVE, dive)
        plan.settle(keeper, end)
        plan.act_at(keeper, end, A.IDLE)
    else:
        end = meets + verbs().seconds["catching"]
        plan.act_at(keeper, max(t, keeper.t), A.CATCHING)
    plan.close(act, t, end, [striker])
