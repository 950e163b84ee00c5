"""Acts to everybody's timelines, one after the other."""

from math import atan2

from entities.actions import ActionType
from sim.story.language.phrases import Noun
from sim.story.staging.acts import Act, runs_into
from sim.story.staging.balls import thrown_to
from sim.story.staging.deeds import do
from sim.story.staging.keeper import dives_to_save
from sim.story.staging.others import answered
from sim.story.staging.plan import Plan
from sim.story.staging.scenery import is_held
from sim.story.staging.things import drive, hit

A = ActionType
UPPER_BODY = frozenset(
    {A.WAVE, A.POINT, A.CLAP, A.NOD, A.CRY, A.LAUGH, A.TALK, A.SHOUT, A.WHISPER, A.SING, A.THINK,
     A.LOOKING_AROUND, A.EATING, A.DRINKING, A.READING, A.PHONE}
)  # fmt: skip
"""What is done with hands and head alone, so that one can walk meanwhile."""
_ON_THE_WAY = frozenset({A.TALK, A.SING, A.PHONE})
"""What "walks and ..." means at the same time."""
LAYERED_S = 0.9
"""Seconds after setting off that such a gesture begins (choice)."""


def perform(plan: Plan, acts: list[Act]) -> list[str]:
    """Put every act on the timelines; returns the verbs that were not understood."""
    strange = []
    for act in answered(dives_to_save(thrown_to(acts))):
        clause = act.clause
        if clause.strange is not None:
            strange.append(clause.strange)
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
        vain = clause.negated and clause.words[:1] == ["finds"]  # who finds nothing has looked
        if double or vain:
            clause.cease = clause.negated = False
        for player in act.who:
            own = None if player.noun.style else clause.verb.style
            player.said_style = clause.style or player.said_style or own
        if clause.negated or (clause.cease and _under_way(act)):
            _refrain(plan, act)
        elif not layer(plan, act):
            do(plan, act)
            if clause.cease:  # what had not begun is seen first, then it ends
                for player in act.who:
                    plan.settle(player, player.t)
                    plan.act_at(player, player.t, ActionType.IDLE)
    return strange


def _under_way(act: Act) -> bool:
    """Whether what is to end has begun, or was never meant to: else it is seen first."""
    begun = any(act.clause.verb.action == a for p in act.who for _, a in p.actions)
    return begun or act.clause.refuses


def layer(plan: Plan, act: Act) -> bool:
    """A gesture made on the way: it joins the way, since arms and legs act at once."""
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
        player.deeds.append(" ".join(clause.words))
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
    """ "does not run": nothing happens; "stops running": what they did ends."""
    start = plan.begin(act)
    for player in act.who:
        if player.spot is None:
            continue
        if act.clause.cease:
            plan.settle(player, start)
        if act.clause.cease or not player.actions:
            plan.act_at(player, start, ActionType.IDLE)


def field_team(plan: Plan) -> None:
    """Everybody a baseball game needs, as far as they are not there yet."""
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
