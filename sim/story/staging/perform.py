"""Acts onto the timelines of their players, one after the other, by the frames of their verbs."""

from collections.abc import Callable
from dataclasses import replace
from math import atan2

from entities.actions import ActionType
from entities.objects import ObjectType
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import Verb, roles, third_person, verb_for, verbs
from sim.story.language.phrases import Noun
from sim.story.staging.acts import Act, runs_into
from sim.story.staging.balls import (
    BALLS,
    any_ball,
    ball_of,
    bat,
    dives_to_save,
    goal_shot,
    save,
    saves,
    send,
    thrown_to,
)
from sim.story.staging.cast import Player
from sim.story.staging.games import play
from sim.story.staging.object_acts import drive, haul, hit, take
from sim.story.staging.partners import answered, chase, meet, pair, race, strike
from sim.story.staging.plan import Plan
from sim.story.staging.preparing import prepare
from sim.story.staging.scenery import Item, Target, is_held
from sim.story.staging.setting import role_place
from sim.story.staging.solo import aim, seat, stay, stop, use
from sim.story.staging.travel import move

A, T = ActionType, ObjectType
BAND_M = 3.5
"""Metres from the listeners or dancers to the band behind them (choice)."""
UPPER_BODY = frozenset(
    {A.WAVE, A.POINT, A.CLAP, A.NOD, A.CRY, A.LAUGH, A.TALK, A.SHOUT, A.WHISPER, A.SING, A.THINK,
     A.LOOKING_AROUND, A.EATING, A.DRINKING, A.READING, A.PHONE}
)  # fmt: skip
"""Gestures of hands and head alone, possible while walking."""
_ON_THE_WAY = frozenset({A.TALK, A.SING, A.PHONE})
"""Gestures that "walks and ..." means at the same time."""
LAYERED_S = 0.9
"""Seconds after setting off at which a gesture on the way begins (choice)."""


def perform(plan: Plan, acts: list[Act]) -> list[str]:
    """Put every act on the timelines; returns the unknown verbs."""
    unknown = []
    for act in answered(dives_to_save(thrown_to(acts))):
        clause = act.clause
        if clause.unknown_verb is not None:
            unknown.append(clause.unknown_verb)
        if clause.verb is None:
            _say(plan, act)
            continue
        if not act.who:
            if act.items() and runs_into(act):
                hit(plan, act)
            elif act.items() and clause.verb.frame in ("move", "haul", "stay"):
                drive(plan, act)
            elif not clause.subject and not plan.cast.background:
                act.who = plan.cast.players[:1] or [plan.cast.add("person")]
        if not act.who:
            continue
        double = clause.cease and clause.negated  # "won't stop dancing"
        vain = clause.negated and clause.words[:1] == ["finds"]  # finding nothing is looking
        if double or vain:
            clause.cease = clause.negated = False
        for player in act.who:
            own = None if player.noun.style else clause.verb.style
            player.said_style = clause.style or player.said_style or own
        if clause.negated or (clause.cease and _under_way(act)):
            _refrain(plan, act)
        elif not _layer(plan, act):
            under_way = prepare(plan, act) if plan.running else []
            do(plan, act)
            for player, spot in under_way:
                player.spot = spot if not player.legs else player.spot
            if clause.cease:  # an action that had not begun is seen first, then ends
                for player in act.who:
                    plan.settle(player, player.t)
                    plan.act_at(player, player.t, ActionType.IDLE)
    return unknown


def _under_way(act: Act) -> bool:
    """Whether an action that is to end has begun, or is refused from the start."""
    begun = any(act.clause.verb.action == a for p in act.who for _, a in p.actions)
    return begun or act.clause.refuses or any(p.present for p in act.who)


def _layer(plan: Plan, act: Act) -> bool:
    """Add a gesture to the way under way, if the act is one; returns whether it was."""
    verb, clause = act.clause.verb, act.clause
    talking = act.link == "and" and verb.action in _ON_THE_WAY
    if verb.action not in UPPER_BODY or not (talking or act.link in ("while", "meanwhile")):
        return False
    if act.who != plan.before or any(not p.legs or p.legs[-1].start < plan.began for p in act.who):
        return False
    if talking and any(not p.legs[-1].open for p in act.who):
        return False
    for player in act.who:
        leg = player.legs[-1]
        t = leg.start + min(LAYERED_S, 0.3 * (leg.end - leg.start) if not leg.open else LAYERED_S)
        at = next((k for k, (s, _) in enumerate(player.actions) if s > t), len(player.actions))
        player.actions.insert(at, (round(t, 3), verb.action))
        player.layered = True
        kinds = [i for i in act.items() if is_held(i.kind)]
        if verb.needs and not any(i.holder is player for i in plan.stage.items):
            (kinds or plan.stage.make(verb.needs[0]))[0].holder = player
        target = next((t for t in [*act.players(), *act.at("to", "at", "toward")]), None)
        plan.cue(player, t, target, clause.say)
        player.clauses.append(" ".join(clause.words))
    return True


def _say(plan: Plan, act: Act) -> None:
    """Words without a verb: "Anna: "hello!" "."""
    if not act.clause.say:
        return
    start = plan.begin(act)
    for player in act.who:
        plan.arrange([player], (1.0, 0.0), moving=False)
        plan.act_at(player, start, ActionType.TALK)
        plan.cue(player, start, None, act.clause.say)
    plan.close(act, start, start + plan.seconds(act, ActionType.TALK))


def _refrain(plan: Plan, act: Act) -> None:
    """A negated or ended act: "does not run" is nothing, "stops running" ends what went on."""
    start = plan.begin(act)
    for player in act.who:
        if player.spot is None:
            continue
        if act.clause.cease:
            plan.settle(player, start)
        denied = player.doing is act.clause.verb.action
        denied = denied or (act.clause.verb.frame == "move" and any(player.velocity))
        if act.clause.cease or not player.actions or denied:
            plan.act_at(player, start, ActionType.IDLE)


def field_team(plan: Plan) -> None:
    """Add the players of a baseball game that are not there yet."""
    cast = plan.cast
    for key in ("pitcher", "catcher", "batter"):
        if not any(p.key == key for p in cast.players):
            cast.add(key)
    spots = ("first_baseman", "second_baseman", "third_baseman", "shortstop", "left_field",
             "center_field", "right_field")  # fmt: skip
    fielders = [p for p in cast.players if p.key in ("fielder", "outfielder")]
    for name in spots[len(fielders) :]:
        spot = plan.stage.spots[name]
        player = cast.add("fielder", Noun("role", "fielder", "fielder"))
        player.put(*spot)
        player.facing = atan2(-spot[1], -spot[0])
        plan.stage.fixed_used = True


def _meant_verb(plan: Plan, act: Act) -> Verb:
    """The verb of an act, or another one where objects, theme or players give it that meaning.

    "rolls the ball" is bowling, "talks on the phone" is phoning. Its objects and places are
    rearranged to suit.
    """
    verb = act.clause.verb
    phone = [t for t in act.at("on", "into", "over", "with", "to") if _is_phone(t)]
    if phone and verb.action in (A.TALK, A.SHOUT, A.WHISPER, A.LAUGH):
        act.places = [(r, [t for t in f if t not in phone]) for r, f in act.places]
        act.places, act.objects = [(r, f) for r, f in act.places if f], phone
        verb = verb_for(A.PHONE)
    pitches = verb.action is A.THROWING and all(p.key == "pitcher" for p in act.who)
    if pitches and not act.players() and not act.at("to"):
        verb = verb_for(A.PITCHING)
    ball, said = ball_of(act), act.clause.words[:1]
    if ball is not None and (said == ["returns"] or ball.word.startswith("golf")):
        tennis = any(a is A.TENNIS_SWING for p in plan.cast.players for _, a in p.actions)
        swing = A.TENNIS_SWING if tennis else A.THROWING
        verb = verb_for(A.GOLF_SWING if ball.word.startswith("golf") else swing)
    if ball is not None and verb.action is A.ROLL:
        verb = verb_for(A.BOWLING)  # "rolls the ball"
    if verb.action is A.IDLE and said in (["stands around"], ["surrounds"]) and act.objects:
        act.places, act.objects = [*act.places, ("around", act.objects)], []
        verb = verb_for(A.STAND)
    if said == ["scores"] and plan.stage.theme.set in ("soccer", "basketball"):
        verb = verb_for(A.SHOOTING)
    rally = any(a is A.TENNIS_SWING for p in plan.cast.players for _, a in p.actions)
    hits = verb.frame in ("bat", "send") or said == ["hits back"]
    if rally and hits and not act.players():
        verb = verb_for(A.TENNIS_SWING)  # "he hits it back"
    if verb.action is A.SHOOTING and plan.stage.theme.set == "soccer":
        verb = goal_shot()
    missed = act.objects and not any(isinstance(t, Item) and is_held(t.kind) for t in act.objects)
    missed = missed or not (act.objects or act.places or any_ball(plan))
    if said in (["passes"], ["passed"]) and missed and not act.at("to"):
        verb = next(v for v in verbs().verbs if v.relation == "past" and v.action is A.WALK)
    musical = plan.stage.theme.set == "stage" or all(
        p.key == "musician" or p.noun.word.removesuffix("s") in roles().bands for p in act.who
    )
    if said == ["plays"] and verb.relation == "romp" and not act.objects and musical:
        verb = verb_for(A.TYPING, "stay")
        if len(act.who) < len(plan.cast.players):  # dancers are in front
            plan.arrange(act.who, (1.0, 0.0), moving=False, at=(0.0, BAND_M))
    if verb.action is A.HOP and ball_of(act):
        verb = verb_for(A.DRIBBLING)  # "bounces the ball"
    balls = [t for t in act.at("with") if isinstance(t, Item) and t.kind in BALLS]
    if verb.relation == "romp" and balls:  # "plays with a ball"
        act.places = [(r, f) for r, f in act.places if not any(t in balls for t in f)]
        several = len(act.who) > 1
        action, how = (A.THROWING, "game") if several else (A.DRIBBLING, "haul")
        verb = verb_for(action, how)
        act.objects = [*act.objects, *balls]
    own = {p.role.action for p in act.who}
    if verb.action is A.BATTING and own <= {A.GOLF_SWING, A.TENNIS_SWING} and len(own) == 1:
        verb = verb_for(own.pop())  # a golfer's swing
    return verb


def do(plan: Plan, act: Act) -> None:
    """Put one act on the timelines of its players, by the frame of its verb and special cases."""
    verb, said = _meant_verb(plan, act), act.clause.words[:1]
    act.clause, frame = replace(act.clause, verb=verb), verb.frame
    if verb.special == "stop":
        return stop(plan, act)
    if act.who[0].key == "goalkeeper" and len(act.who) == 1 and said and saves(act):
        return save(plan, act)
    blow = act.players() and not act.items() and verb.ball and frame in ("bat", "send")
    if blow and verb.action is A.KICKING:
        return strike(plan, act, A.KICK, A.BLOCK)
    mimed = verb.action is A.KICKING and not act.clause.objects
    mimed = mimed and not verb.words[0].startswith("play") and not any_ball(plan)
    if mimed and plan.stage.theme.set != "soccer":
        return strike(plan, act, A.KICK, A.BLOCK)
    if verb.action is A.THROWING and act.players() and not act.items() and not act.at("to", "at"):
        return strike(plan, act, A.TACKLE, A.FALL)  # "throws his opponent to the ground"
    if verb.action is A.EATING and act.players() and not act.items():
        return strike(plan, act, A.PUNCH, A.DODGE)  # "bites the boy"
    if frame == "bat" and (act.players() or (act.items() and not ball_of(act))):
        swung = any(item.kind is T.BAT for item in act.items())
        if not swung:
            return strike(plan, act, A.PUNCH, A.FALL)
    shoved = verb.action in (A.PUSH, A.PULL) and act.players()
    if frame == "strike" or shoved:
        answer = verb.answer or A.FALL
        return strike(plan, act, verb.action, answer)
    _FRAMES[frame](plan, act)


def default(plan: Plan, player: Player, *, named: bool) -> None:
    """Plan the act of a player without one: that of the role if ``named``, else standing."""
    if player.spot is None:
        role_place(plan, player)
    runs = [p for p in plan.cast.players if p.legs and p is not player]
    if player.role.chases and runs:
        after = verb_for(A.RUN, "chase")
        return do(plan, Act(Clause(verb=after, words=["chases"]), [player], [runs[0]]))
    action = player.role.action if named else None
    if action is None:
        plan.arrange([player], (1.0, 0.0), moving=False)
        plan.act_at(player, 0.0, A.IDLE)
        return
    for kind in player.role.needs:
        if not any(i.holder is player and i.kind is kind for i in plan.stage.items):
            plan.stage.make(kind)[0].holder = player
    verb = verb_for(action)
    do(plan, Act(Clause(verb=verb, words=[third_person(verb.words[0])]), [player]))


def _is_phone(target: Target) -> bool:
    return isinstance(target, Item) and target.kind is T.PHONE


_FRAMES: dict[str, Callable[[Plan, Act], None]] = {
    "move": move, "stay": stay, "aim": aim, "pair": pair, "send": send, "bat": bat,
    "take": take, "use": use, "seat": seat, "haul": haul, "chase": chase, "race": race,
    "meet": meet, "game": play,
}  # fmt: skip
