"""Games: where the players stand, who has the ball, and a few moves of play."""

from dataclasses import replace
from math import atan2

from entities.actions import ActionType
from entities.objects import ObjectType
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import Verb, verb_for
from sim.story.staging.acts import Act
from sim.story.staging.balls import bat, contact_s, send
from sim.story.staging.cast import KITS, Player
from sim.story.staging.object_acts import haul
from sim.story.staging.partners import chase
from sim.story.staging.plan import Plan
from sim.story.staging.scenery import Item, Target, bearing
from sim.story.staging.setting import role_place
from sim.story.staging.timing import Spot
from sim.story.staging.travel import move
from sim.story.staging.waypoints import ahead

A, T = ActionType, ObjectType
PASS_M, RALLY_M, PITCH_M = 6.5, 9.0, 9.0
"""Metres between players that pass, rally, or pitch where there is no mound (choice)."""
PASSES = 3
"""Number of passes up to the game's last move (choice)."""
TEAM = 3
"""Players a side where the sentence gives no number (choice)."""
BASE_SPOTS = ("batter", "mound", "catcher", "first_baseman", "second_baseman", "third_baseman",
              "shortstop", "left_field", "center_field", "right_field")  # fmt: skip


def play(plan: Plan, act: Act) -> None:
    """Play the verb's game with all players of an act; one alone does the game's action."""
    others = [*act.players(), *act.at("with", "against")]
    act.who = [*act.who, *(p for p in others if isinstance(p, Player) and p not in act.who)]
    act.objects = [t for t in act.objects if isinstance(t, Item)]
    act.places = [(r, f) for r, f in act.places if not any(isinstance(t, Player) for t in f)]
    action = act.clause.verb.action
    if action is A.RUN:
        return _tag(plan, act)
    if len(act.who) < 2:
        return {A.BATTING: bat, A.DRIBBLING: haul, A.TENNIS_SWING: _rally}.get(action, send)(
            plan, act
        )
    game = {A.KICKING: _soccer, A.DRIBBLING: _basketball, A.BATTING: _baseball,
            A.TENNIS_SWING: _rally}.get(action, _catch)  # fmt: skip
    game(plan, act)


def _step(verb: Verb, said: str, who: Player, *objects: Target) -> Act:
    """One move of play, after the one before; ``said`` is its caption."""
    return Act(Clause(verb=verb, words=[said]), [who], list(objects), link="then")


def _teams(who: list[Player]) -> tuple[list[Player], list[Player]]:
    """Split players into two sides; each gets a colour unless the sentence gave one."""
    sides = [[p for p in who if p.noun.team == team] for team in {p.noun.team: 0 for p in who}]
    if len(sides) != 2 or not all(sides):
        sides = [who[: (len(who) + 1) // 2], who[(len(who) + 1) // 2 :]]
    for side, kit in zip(sides, KITS, strict=False):
        for player in side:
            if player.noun.color is None:
                player.color = kit
            player.noun = replace(player.noun, team=player.noun.team or kit)
    return sides[0], sides[1]


def _line_up(plan: Plan, sides: tuple[list[Player], list[Player]], middle: Spot) -> None:
    """Spread each side over its half, mixed towards the middle, all facing the ball."""
    for sign, side in zip((-1.0, 1.0), sides, strict=True):
        for k, player in enumerate(side):
            row, lane = divmod(k, 3)
            spot = (
                middle[0] + sign * (1.8 + 2.6 * row) + 0.5 * lane,
                middle[1] + (0.0, 3.2, -3.2)[lane] + (1.2 if sign > 0 else 0.0),
            )
            if player.spot is None:
                player.put(*spot)
            player.facing = bearing(player.spot, middle)
    plan.groups += 1


def _ball(plan: Plan, act: Act, kind: ObjectType) -> Item:
    """The game's ball: the one named or on stage, else a new one."""
    known = [i for i in [*act.items(), *plan.stage.items] if i.kind in (kind, T.BALL)]
    return known[0] if known else plan.stage.make(kind)[0]


def _soccer(plan: Plan, act: Act) -> None:
    """Passes among one side, then a shot; the others run along."""
    start, ball = plan.begin(act), _ball(plan, act, T.SOCCER_BALL)
    if len(act.who) < 4:
        return _round(plan, act, ball, A.KICKING)
    sides = _teams(act.who)
    _line_up(plan, sides, (0.0, 2.0))
    attack = sides[0][:3]
    for k in range(PASSES - 1):
        giver, taker = attack[k % len(attack)], attack[(k + 1) % len(attack)]
        send(plan, _step(verb_for(A.KICKING, "send"), "passes the ball", giver, ball, taker))
    goal = next((i for i in plan.stage.items if i.kind is T.GOAL), None)
    goal = goal or plan.stage.make(T.GOAL)[0]
    shooter = attack[(PASSES - 1) % len(attack)]
    if goal.spot is None:
        plan.stage.put(goal, *ahead(shooter.spot, (1.0, 0.0), 15.0), atan2(0.0, -1.0))
    send(plan, _step(verb_for(A.KICKING, "send"), "shoots at the goal", shooter, ball, goal))
    _run_along(plan, [p for p in act.who if p not in attack], start, plan.ended)
    plan.close(act, start, plan.ended)


def _basketball(plan: Plan, act: Act) -> None:
    """A dribble up the court, a pass, and a shot at the hoop."""
    start, ball = plan.begin(act), _ball(plan, act, T.BASKETBALL)
    sides = _teams(act.who)
    _line_up(plan, sides, (0.0, 2.0))
    hoop = next((i for i in plan.stage.items if i.kind is T.HOOP), None)
    hoop = hoop or plan.stage.make(T.HOOP)[0]
    leader, mate = sides[0][0], sides[0][1] if len(sides[0]) > 1 else sides[0][0]
    if hoop.spot is None:
        plan.stage.put(hoop, mate.spot[0] + 6.5, mate.spot[1], atan2(0.0, -1.0))
    dribble = _step(verb_for(A.DRIBBLING, "haul"), "dribbles the ball", leader, ball)
    dribble.clause.metres, dribble.clause.direction = 3.0, (1.0, 0.0)
    haul(plan, dribble)
    if mate is not leader:
        send(plan, _step(verb_for(A.THROWING, "send"), "passes the ball", leader, ball, mate))
    ball.spot, ball.holder = None, leader
    send(plan, _step(verb_for(A.SHOOTING, "send"), "shoots at the hoop", mate, ball, hoop))
    _run_along(plan, [p for p in act.who if p not in (leader, mate)], start, plan.ended)
    plan.close(act, start, plan.ended)


def _baseball(plan: Plan, act: Act) -> None:
    """One player bats, one pitches, one catches, the rest field."""
    start, spots = plan.begin(act), plan.stage.spots
    ball, club = _ball(plan, act, T.BASEBALL), plan.stage.make(T.BAT)[0]
    batter, pitcher, *rest = act.who
    on_field = "mound" in spots and "batter" in spots
    fallback = [(0.0, 0.0), (0.0, PITCH_M), (0.0, -1.6)]
    fallback += [(4.0 * k - 10.0, PITCH_M + 4.0) for k in range(len(act.who))]
    for k, player in enumerate(act.who):
        if player.spot is None:
            named = BASE_SPOTS[k] if k < len(BASE_SPOTS) else ""
            spot = spots.get(named, fallback[k]) if on_field else fallback[k]
            player.put(*(spot if named or not on_field else plan.free(spot)))
        plan.stage.fixed_used = plan.stage.fixed_used or on_field
    for player in act.who:
        target = pitcher if player is not pitcher else batter
        player.facing = bearing(player.spot, target.spot)
    club.holder, ball.holder = batter, pitcher
    aim = rest[0] if rest else batter
    plan.act_at(pitcher, start, A.PITCHING)
    plan.cue(pitcher, start, aim)
    plan.act_at(batter, start + 0.5, A.BATTING)
    plan.cue(batter, start + 0.5, ball)
    hit = start + contact_s(A.PITCHING)
    if rest:
        plan.act_at(rest[0], hit - 0.5, A.CATCHING)
    for player in rest[1:]:
        plan.act_at(player, start, A.FIELDING)
    end = hit + 2.5
    plan.go(batter, [ahead(batter.spot, (0.7, 0.7), 14.0)], A.RUN, end)
    plan.close(act, start, batter.legs[-1].end)


def _rally(plan: Plan, act: Act) -> None:
    """Strokes in turn across a net that is not shown."""
    start, end = plan.begin(act), 0.0
    span = plan.seconds(act, A.TENNIS_SWING)
    for k, player in enumerate(act.who):
        side = -1.0 if k % 2 == 0 else 1.0
        if player.spot is None and len(act.who) > 1:
            player.put(0.5 * RALLY_M * side, 2.5 * (k // 2))
        if not player.legs:
            player.facing = 0.0 if side < 0 else atan2(0.0, -1.0)
        plan.arrange([player], (1.0, 0.0), moving=False)
        for turn in range(3 if len(act.who) > 1 else max(act.clause.repeat, 1)):
            t = start + turn * 2.0 * span + (k % 2) * span
            plan.act_at(player, t, A.TENNIS_SWING)
            end = max(end, t + span)
    plan.close(act, start, end)


def _catch(plan: Plan, act: Act) -> None:
    """A ball is thrown from one player to the next and back."""
    ball = next((i for i in act.items()), None) or _ball(plan, act, T.BALL)
    _round(plan, act, ball, A.THROWING)


def _round(plan: Plan, act: Act, ball: Item, action: ActionType) -> None:
    """A ball is passed from each player to the next."""
    start, who = plan.begin(act), act.who
    radius = 0.5 * PASS_M if len(who) == 2 else 0.32 * PASS_M * len(who) ** 0.5 + 1.0
    for k, player in enumerate(who):
        if player.spot is None:
            x = (-radius, radius)[k] if len(who) == 2 else radius * (-1.0, 1.0)[k % 2]
            player.put(x, 0.0 if len(who) == 2 else 2.4 * (k // 2))
    said = "kicks the ball" if action is A.KICKING else "throws the ball"
    verb = verb_for(action, "send")
    for k in range(PASSES if len(who) > 2 else 3):
        send(plan, _step(verb, said, who[k % len(who)], ball, who[(k + 1) % len(who)]))
    plan.close(act, start, plan.ended)


def _tag(plan: Plan, act: Act) -> None:
    """The first player chases the others."""
    if len(act.who) < 2:
        return move(plan, act)
    chaser, *prey = act.who
    after = verb_for(A.RUN, "chase")
    clause = replace(act.clause, verb=after)
    chase(plan, Act(clause, [chaser], list(prey), act.places, link=act.link))


def _run_along(plan: Plan, who: list[Player], start: float, end: float) -> None:
    """Let the players without the ball jog about their places until the play is over."""
    for k, player in enumerate(who):
        home, t, turn = player.spot, max(start + 0.25 * (k % 5), player.t), 0
        while t < end - 2.0 and turn < 6:
            away = 1.6 if turn % 2 == 0 else 0.0
            goal = (home[0] + away, home[1] + (0.8 if k % 2 else -0.8) * (turn % 2 == 0))
            t = plan.go(player, [goal], A.JOG, t) + 0.5
            turn += 1
        player.t = max(player.t, t)
        player.clauses.append("plays along")


def match(plan: Plan, kind: str) -> None:
    """Plan a game that the prompt only names: "a soccer match with 22 players"."""
    action = {"soccer": A.KICKING, "basketball": A.DRIBBLING}[kind]
    verb = verb_for(action, "game")
    idle = [p for p in plan.cast.players if not p.actions]
    if not idle:
        idle = [plan.cast.add(f"{kind} player", many=True) for _ in range(TEAM * 2)]
    for player in idle:
        role_place(plan, player)
    if len(idle) > 1:
        play(plan, Act(Clause(verb=verb, words=[f"plays {kind}"]), idle))
