"""The goalkeeper: he dives as the shot comes, and there is somebody who shoots."""

from math import hypot

from entities.actions import ActionType
from entities.objects import ObjectType
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import verbs
from sim.story.language.phrases import Noun
from sim.story.staging.acts import Act
from sim.story.staging.balls import BALLS, any_ball, contact_s, send
from sim.story.staging.plan import Plan
from sim.story.staging.scenery import Item

A, T = ActionType, ObjectType
SHOT_MPS = 21.0
"""About how fast a shot crosses the ground (choice)."""
DIVES_BEFORE_S = 0.6
"""From the beginning of a dive to where the body is stretched out."""
ASIDE_M = 0.55
"""He stands so far to the other side of where the shot comes (choice)."""
SHOT = ("shot", "penalty", "kick", "goal")
"""What is saved when no ball is named."""


def saves(act: Act) -> bool:
    """Whether a goalkeeper's act keeps a ball out of the goal."""
    said = act.clause.words[0].split()
    named = [word for word in act.clause.words for word in word.split()]
    if act.players() or act.at("from", "of"):
        return False
    kept = said[0] == "saves" or "save" in said
    return kept or (said[0] in ("stops", "blocks") and any(word in SHOT for word in named))


def dives_to_save(acts: list[Act]) -> list[Act]:
    """Acts in which "dives and saves the shot" is one save, made with a dive."""
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
    """Dive or reach for the shot; where nobody has shot, a striker does."""
    keeper, clause = act.who[0], act.clause
    shots = [(t, p) for p in plan.cast.players for t, a in p.actions if a is A.KICKING]
    if not shots:
        kick = next(v for v in verbs().verbs if v.action is A.KICKING and T.GOAL in v.needs)
        striker = plan.cast.add("soccer player", Noun("role", "soccer player", "striker"))
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
