"""Round the bases: the way a base runner takes, with or without a home run before it."""

from math import hypot, pi

from entities.actions import ActionType
from entities.stages import places
from sim.story.language.lexicon import verbs
from sim.story.staging.acts import Act
from sim.story.staging.plan import Plan
from sim.story.staging.scenery import unit
from sim.story.staging.timing import Spot
from sim.story.staging.waypoints import ahead

A = ActionType


def round_bases(plan: Plan, act: Act) -> None:
    """Run from home past first, second and third and back."""
    start = plan.begin(act)
    lead = act.who[0]
    corners = [places("baseball")[name] for name in ("home", "first", "second", "third")]
    plan.stage.fixed_used = True
    verb = act.clause.verb
    if any(action is A.RUNNING_BASES for _, action in lead.actions):
        return plan.close(act, plan.began, plan.ended)  # "... and rounds the bases"
    end = start
    for k, player in enumerate(act.who):
        if player.spot is None or not player.legs:
            player.put(corners[0][0], corners[0][1] - 0.8 * k)
        t = max(start, player.t)
        if verb.relation == "homerun":
            bat = plan.stage.make(verb.needs[0])[0]
            bat.holder = player
            player.facing = 0.5 * pi  # where he hits it: to centre field
            plan.act_at(player, t, A.BATTING)
            ball = plan.stage.make(verb.needs[1])[0]
            ball.spot = ahead(player.spot, (0.0, 1.0), 0.7)
            plan.cue(player, t, ball)
            t += verbs().seconds["batting"] + 0.6
        end = max(end, plan.go(player, diamond(corners), A.RUNNING_BASES, t + 0.9 * k))
    plan.way[lead.id] = (1.0, 0.0)
    plan.close(act, start, end)


def diamond(corners: list[Spot], steps: int = 6) -> list[Spot]:
    """The rounded way round the bases from the first corner back to it.

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
        for j in range(1, steps + 1):
            u = j / steps
            h = (2 * u**3 - 3 * u**2 + 1, u**3 - 2 * u**2 + u, 3 * u**2 - 2 * u**3, u**3 - u**2)
            points.append(
                (
                    h[0] * a[0] + h[1] * out[0] + h[2] * b[0] + h[3] * into[0],
                    h[0] * a[1] + h[1] * out[1] + h[2] * b[1] + h[3] * into[1],
                )
            )
    return points


def _tangent(corner: Spot, middle: Spot, size: float) -> Spot:
    way = unit(middle, corner)
    return (-way[1] * size, way[0] * size)
