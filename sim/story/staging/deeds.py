"""Every act has a frame, and every frame its way onto the timelines."""

from collections.abc import Callable
from dataclasses import replace

from entities.actions import ActionType
from entities.objects import ObjectType
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import Verb, third_person, verbs
from sim.story.staging.acts import Act
from sim.story.staging.alone import aim, seat, stay, stop, use
from sim.story.staging.balls import BALLS, any_ball, ball_of, bat, send
from sim.story.staging.cast import Player
from sim.story.staging.games import play
from sim.story.staging.keeper import save, saves
from sim.story.staging.others import chase, meet, pair, race, strike
from sim.story.staging.plan import Plan
from sim.story.staging.scenery import Item, Target, is_held
from sim.story.staging.setting import role_place
from sim.story.staging.things import haul, take
from sim.story.staging.travel import move

A, T = ActionType, ObjectType
BAND_M = 3.5
"""Metres from those who listen or dance to the band behind them (choice)."""
MUSIC = ("band", "orchestra", "quartet", "quintet", "sextet", "trio", "duo")
"""Groups who play instruments where nothing else is said of how they play."""


def do(plan: Plan, act: Act) -> None:
    """Put one act on everybody's timeline."""
    verb = act.clause.verb
    frame = verb.frame
    phone = [t for t in act.at("on", "into", "over", "with", "to") if _is_phone(t)]
    if phone and verb.action in (A.TALK, A.SHOUT, A.WHISPER, A.LAUGH):
        act.places = [(r, [t for t in f if t not in phone]) for r, f in act.places]
        act.places, act.objects = [(r, f) for r, f in act.places if f], phone
        verb = _verb_of(A.PHONE)
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    pitches = verb.action is A.THROWING and all(p.key == "pitcher" for p in act.who)
    if pitches and not act.players() and not act.at("to"):
        verb = _verb_of(A.PITCHING)
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    ball, said = ball_of(act), act.clause.words[:1]
    if ball is not None and (said == ["returns"] or ball.word.startswith("golf")):
        tennis = any(a is A.TENNIS_SWING for p in plan.cast.players for _, a in p.actions)
        swing = A.TENNIS_SWING if tennis else A.THROWING
        verb = _verb_of(A.GOLF_SWING if ball.word.startswith("golf") else swing)
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    if ball is not None and verb.action is A.ROLL:
        verb = _verb_of(A.BOWLING)  # "rolls the ball"
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    if verb.action is A.IDLE and said in (["stands around"], ["surrounds"]) and act.objects:
        act.places, act.objects = [*act.places, ("around", act.objects)], []
        act.clause = replace(act.clause, verb=_verb_of(A.STAND))
        verb = act.clause.verb
    if said == ["scores"] and plan.stage.theme.set in ("soccer", "basketball"):
        verb = _verb_of(A.SHOOTING)
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    rally = any(a is A.TENNIS_SWING for p in plan.cast.players for _, a in p.actions)
    hits = frame in ("bat", "send") or said == ["hits back"]
    if rally and hits and not act.players():
        verb = _verb_of(A.TENNIS_SWING)  # "he hits it back"
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    if verb.action is A.SHOOTING and plan.stage.theme.set == "soccer":
        verb = next(v for v in verbs().verbs if v.action is A.KICKING and T.GOAL in v.needs)
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    missed = act.objects and not any(isinstance(t, Item) and is_held(t.kind) for t in act.objects)
    missed = missed or not (act.objects or act.places or any_ball(plan))
    if act.clause.words[:1] in (["passes"], ["passed"]) and missed and not act.at("to"):
        verb = next(v for v in verbs().verbs if v.relation == "past" and v.action is A.WALK)
        act.clause, frame = replace(act.clause, verb=verb), "move"
    musical = plan.stage.theme.set == "stage" or all(
        p.key == "musician" or p.noun.word.removesuffix("s") in MUSIC for p in act.who
    )
    if said == ["plays"] and verb.relation == "romp" and not act.objects and musical:
        verb = next(v for v in verbs().verbs if v.action is A.TYPING and v.frame == "stay")
        act.clause, frame = replace(act.clause, verb=verb), "stay"
        if len(act.who) < len(plan.cast.players):  # whoever dances to it is in front
            plan.arrange(act.who, (1.0, 0.0), moving=False, at=(0.0, BAND_M))
    if verb.action is A.HOP and ball_of(act):
        verb = _verb_of(A.DRIBBLING)  # "bounces the ball"
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    balls = [t for t in act.at("with") if isinstance(t, Item) and t.kind in BALLS]
    if verb.relation == "romp" and balls:  # "plays with a ball"
        act.places = [(r, f) for r, f in act.places if not any(t in balls for t in f)]
        several = len(act.who) > 1
        action, how = (A.THROWING, "game") if several else (A.DRIBBLING, "haul")
        verb = next(v for v in verbs().verbs if v.action is action and v.frame == how)
        act.objects = [*act.objects, *balls]
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    own = {p.role.action for p in act.who}
    if verb.action is A.BATTING and own <= {A.GOLF_SWING, A.TENNIS_SWING} and len(own) == 1:
        verb = _verb_of(own.pop())  # a golfer's swing
        act.clause, frame = replace(act.clause, verb=verb), verb.frame
    if verb.special == "stop":
        return stop(plan, act)
    if act.who[0].key == "goalkeeper" and len(act.who) == 1 and said[0:1] and saves(act):
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
    """What somebody does to whom the sentence gives nothing to do."""
    if player.spot is None:
        role_place(plan, player)
    runs = [p for p in plan.cast.players if p.legs and p is not player]
    if player.role.chases and runs:
        after = next(v for v in verbs().verbs if v.frame == "chase" and v.action is A.RUN)
        return do(plan, Act(Clause(verb=after, words=["chases"]), [player], [runs[0]]))
    action = player.role.action if named else None
    if action is None:
        plan.arrange([player], (1.0, 0.0), moving=False)
        plan.act_at(player, 0.0, A.IDLE)
        return
    for kind in player.role.needs:
        if not any(i.holder is player and i.kind is kind for i in plan.stage.items):
            plan.stage.make(kind)[0].holder = player
    verb = _verb_of(action)
    do(plan, Act(Clause(verb=verb, words=[third_person(verb.words[0])]), [player]))


def _is_phone(target: Target) -> bool:
    return isinstance(target, Item) and target.kind is T.PHONE


def _verb_of(action: ActionType) -> Verb:
    """The plainest verb for an action."""
    known = [verb for verb in verbs().verbs if verb.action is action]
    return next((verb for verb in known if verb.relation is None), known[0])


_FRAMES: dict[str, Callable[[Plan, Act], None]] = {
    "move": move, "stay": stay, "aim": aim, "pair": pair, "send": send, "bat": bat,
    "take": take, "use": use, "seat": seat, "haul": haul, "chase": chase, "race": race,
    "meet": meet, "game": play,
}  # fmt: skip
