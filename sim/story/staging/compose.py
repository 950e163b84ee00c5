"""Timelines to the Scene: paths or headings, captions, camera and what was not understood."""

from itertools import pairwise
from math import hypot, pi

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.objects import ObjectType
from entities.scene import (
    Actor,
    CameraKeyframe,
    CameraMode,
    CameraPlan,
    Point,
    Scene,
    SceneObject,
    TimeOfDay,
    Weather,
)
from sim.story.language.lexicon import Theme, third_person, verbs
from sim.story.staging.cast import Player
from sim.story.staging.plan import BACKWARDS, Plan
from sim.story.staging.scenery import FACES_VIEWER, Item, bearing, make_handy
from sim.story.staging.timing import Knot, Spot, timed_path

LEAST_S, MOST_S, TAIL_S = 6.0, 3_600.0, 1.5
"""Shortest scene, longest scene, and what follows the last deed."""
RUN_OUT_S = 20.0
"""How much longer than the scene an open-ended path goes on, for a live window."""
HALT_S = 0.3
"""A shorter wait on the way is none (choice)."""
FOLLOW_FROM_M = 9.0
"""Somebody who travels further than this is followed rather than fitted."""
DEEP_M, ASIDE_M = 8.0, 1.8
"""Where people stand one behind the other over that depth, the camera looks past the nearest."""
BESIDE_M, LOOK_AHEAD_S, WIDE = 2.0, 1.0, 0.6
"""A goal more than twice that far off is beside the picture; when and how far it opens (choice)."""
SEEN_S, BRISK_MPS = 1.0, 4.0
"""Who leaves later is first seen with the others; who parts slower stays in sight (choice)."""
MOMENT_S = 0.02
"""A pause shorter than this is none."""
WAIT_S = 0.25
"""Openings shorter than this are not waited for."""


def compose(
    plan: Plan,
    prompt: str,
    seed: int,
    theme: Theme,
    weather: Weather,
    daytime: TimeOfDay,
    notes: list[str],
    duration: float | None,
) -> Scene:
    """The finished Scene."""
    players, stage = plan.cast.players, plan.stage
    last = max((p.t for p in players), default=0.0)
    opens = any(leg.open for p in players for leg in p.legs)
    length = duration or min(max(last + TAIL_S, 8.0 if opens else LEAST_S), MOST_S)
    stage.put_rest(_middle(players))
    shift = (0.0, 0.0) if stage.fixed_used else _shift(players)
    actors = [_actor(plan, player, shift, length) for player in players]
    return Scene(
        prompt=prompt,
        theme=theme.set,
        weather=weather,
        time_of_day=daytime,
        description=f"not understood: {', '.join(notes)}" if notes else "",
        duration=round(length, 2),
        seed=seed,
        gravity=theme.gravity,
        actors=actors,
        objects=[_object(item, shift) for item in stage.items],
        camera=_camera(plan, players),
    )


def _middle(players: list[Player]) -> Spot:
    starts = [p.start for p in players if p.start is not None]
    if not starts:
        return (0.0, 0.0)
    return (
        sum(s[0] for s in starts) / len(starts),
        max(s[1] for s in starts),
    )


def _shift(players: list[Player]) -> Spot:
    """What brings the action to the middle: the first way's middle, starts within reach."""
    xs, ys = [], []
    for player in players:
        if player.start is None:
            continue
        xs.append(player.start[0])
        ys.append(player.start[1])
        for leg in player.legs:
            points = leg.points[1:] if not leg.open else []
            if leg.open and player.legs[0] is leg:
                way = leg.points[1]
                reach = min(8.0, 2.0 * leg.speed)
                points = [(player.start[0] + way[0] * reach, player.start[1] + way[1] * reach)]
            xs += [p[0] for p in points]
            ys += [p[1] for p in points]
    if not xs:
        return (0.0, 0.0)
    dx = -0.5 * (min(xs) + max(xs))
    starts = [p.start[0] for p in players if p.start is not None]
    if min(starts) + dx < -15.0 and max(starts) - min(starts) < 28.0:
        dx = -14.0 - min(starts)
    if max(starts) + dx > 15.0 and max(starts) - min(starts) < 28.0:
        dx = 14.0 - max(starts)
    low = min(ys)
    dy = -low if low < 0.0 else 0.0
    return (round(dx, 3), round(min(dy, 12.0), 3))


def _actor(plan: Plan, player: Player, shift: Spot, length: float) -> Actor:
    start = player.start or (0.0, 0.0)
    heading = player.facing if player.facing is not None else FACES_VIEWER + 0.35
    path: list[Knot] | None = None
    if player.legs:
        first = player.legs[0]
        way = first.points[1] if first.open else _sub(first.points[1], first.points[0])
        still = hypot(way[0], way[1]) < 1e-6
        if not still and (player.facing is None or first.start < WAIT_S):
            heading = bearing((0.0, 0.0), way)
            if first.action in BACKWARDS:
                heading -= BACKWARDS[first.action]
        if not _plain(player):
            path = _without_halts(_path(player, length))
    actions = _tidy(player)
    caption = ", then ".join(deed for deed in player.deeds if deed)
    caption = f"{player.phrase} {caption or _does(actions)}"
    return Actor(
        id=player.id,
        initial_position=_point(start, shift),
        actor_type=player.role.type,
        color=player.color,
        heading=round(_wrapped(heading), 6),
        actions=actions,
        team=player.noun.team,
        role=player.key,
        scale=player.scale,
        style=player.said_style or player.style,
        caption=caption[:2000],
        cues=sorted(player.cues, key=lambda cue: cue.t),
        movement_path=[(round(k[0], 3), _point((k[1], k[2]), shift, k[3])) for k in path]
        if path
        else None,
    )


def _without_halts(path: list[Knot]) -> list[Knot]:
    """The way without waits too short to stop for, as where one deed is cut off by the next."""
    kept = path[:1]
    for k, knot in enumerate(path[1:], 1):
        halts = knot[1:3] == kept[-1][1:3] and knot[0] - kept[-1][0] < HALT_S
        if not halts or k + 1 == len(path):
            kept.append(knot)
    return kept


def _does(actions: list[tuple[float, ActionType]]) -> str:
    """What somebody does of whom the sentence says nothing: "falls", "waits"."""
    busy = [action for _, action in actions if action is not ActionType.IDLE]
    action = busy[0] if busy else ActionType.IDLE
    verb = next(verb for verb in verbs().verbs if verb.action is action)
    first, _, rest = verb.words[0].partition(" ")
    return f"{third_person(first)} {rest}".strip()


def _plain(player: Player) -> bool:
    """Whether heading and actions say it all: one open way, at the actions' own speeds."""
    ways = {(round(leg.points[1][0], 3), round(leg.points[1][1], 3)) for leg in player.legs}
    single = all(leg.open and leg.factor == 1.0 for leg in player.legs) and len(ways) == 1
    if player.layered or (player.facing is not None and player.legs[0].start >= WAIT_S):
        return False  # he first faces somebody, then leaves
    moves = {leg.action for leg in player.legs}
    turned = {BACKWARDS.get(action, 0.0) for action in moves}
    idle_moves = all(ACTION_VELOCITIES[action] > 0.0 for action in moves)
    return single and len(turned) == 1 and idle_moves


def _path(player: Player, length: float) -> list[Knot]:
    """All ways of a player as one path with pauses."""
    chain = [leg for leg in player.legs if leg.open]
    if chain:
        spot = chain[0].points[0]
        for k, leg in enumerate(chain):
            until = chain[k + 1].start if k + 1 < len(chain) else length + RUN_OUT_S
            way, span = leg.points[1], max(until - leg.start, 1.0)
            far = leg.speed * max(span - (1.0 if k == 0 else 0.0), 0.3)
            goal = (spot[0] + way[0] * far, spot[1] + way[1] * far)
            if k == 0:
                leg.knots = timed_path([spot, goal], leg.speed, leg.start, stop=False)
            else:
                leg.knots = [(leg.start, *spot, None), (leg.start + span, *goal, None)]
            leg.points, spot = [spot, goal], goal
    knots: list[Knot] = []
    start = player.start or (0.0, 0.0)
    if player.legs[0].knots and player.legs[0].start > 1e-3:
        knots.append((0.0, *start, None))
    for leg in player.legs:
        for knot in leg.knots:
            if knots and knot[0] <= knots[-1][0] + 0.02:
                continue
            knots.append(knot)
    return knots


def _tidy(player: Player) -> list[tuple[float, ActionType]]:
    """Actions in order, without repeated pauses; one at 0."""
    actions: list[tuple[float, ActionType]] = []
    for t, action in sorted(player.actions, key=lambda a: a[0]):
        pause = action in (ActionType.IDLE, ActionType.STAND)
        if pause and actions and actions[-1][1] == action:
            continue
        actions.append((round(t, 3), action))
    later = [t for t, _ in actions[1:]] + [float("inf")]
    actions = [
        (t, action)
        for (t, action), then in zip(actions, later, strict=True)
        if action is not ActionType.IDLE or then - t > MOMENT_S
    ]
    if not actions or actions[0][0] > 0.0:
        actions.insert(0, (0.0, ActionType.IDLE))
    return actions


def _object(item: Item, shift: Spot) -> SceneObject:
    spot = item.spot
    if item.holder is not None:
        make_handy(item)
        spot = item.holder.start or (0.0, 0.0)
    path = None
    if item.path:
        path = [(round(t, 3), _point((x, y), shift, *z)) for t, x, y, *z in item.path]
        spot = item.path[0][1:3]
    return SceneObject(
        id=item.id,
        object_type=item.kind,
        position=_point(spot or (0.0, 0.0), shift, item.z),
        heading=round(_wrapped(item.heading), 4),
        scale=item.scale,
        color=item.color,
        movement_path=path,
        held_by=item.holder.id if item.holder is not None else None,
    )


def _camera(plan: Plan, players: list[Player]) -> CameraPlan:
    if not players:
        return CameraPlan(mode=CameraMode.FIT)
    items = plan.stage.items
    who = max(players, key=lambda p: (min(_travelled(p), 100.0), -p.number))
    far = _travelled(who) > FOLLOW_FROM_M or len(players) == 1
    xs, ys = zip(*[p.start for p in players if p.start is not None] or [(0.0, 0.0)], strict=True)
    deep = max(ys) - min(ys)
    aside = not far and deep > DEEP_M and deep > 2.0 * (max(xs) - min(xs))
    leaves = who.legs[0].start if who.legs else 0.0
    if far and len(players) > 1 and (leaves > SEEN_S or _parts(players)):
        later = [CameraKeyframe(t=leaves, mode=CameraMode.FOLLOW)] if leaves > SEEN_S else []
        frames = [*later, *_shows(who, items, far)]
        return CameraPlan(mode=CameraMode.FIT, follow=who.id, keyframes=frames)
    return CameraPlan(
        mode=CameraMode.FOLLOW if far else CameraMode.FIT,
        follow=who.id,
        keyframes=[CameraKeyframe(t=0.0, pan=ASIDE_M)] if aside else _shows(who, items, far),
    )


def _parts(players: list[Player]) -> bool:
    """Whether some go at leisure one way and some another: then nobody is followed."""
    legs = [p.legs[0] for p in players if p.legs and p.legs[0].open]
    ways = [leg.points[1] for leg in legs if leg.speed < BRISK_MPS]
    return any(a[0] * b[0] + a[1] * b[1] < -0.5 for a in ways for b in ways[:1])


def _shows(who: Player, items: list[Item], far: bool) -> list[CameraKeyframe]:
    """Where who is followed shoots at a goal beside the picture, the camera takes it in."""
    shots = [t for t, action in who.actions if action in (ActionType.KICKING, ActionType.SHOOTING)]
    goals = [i for i in items if i.kind in (ObjectType.GOAL, ObjectType.HOOP) and i.spot]
    aims = [c.t for c in who.cues if any(c.target == goal.id for goal in goals)]
    times = [t for t in shots if any(abs(t - at) < HALT_S for at in aims)]
    if not far or not times or who.spot is None:
        return []
    aside = 0.5 * (goals[-1].spot[0] - who.spot[0])
    if abs(aside) < BESIDE_M:
        return []
    before = max(times[-1] - LOOK_AHEAD_S, 0.0)
    return [
        CameraKeyframe(t=before, pan=0.0, zoom=1.0),
        CameraKeyframe(t=max(times[-1], 0.1), pan=round(aside, 2), zoom=WIDE),
    ]


def _travelled(player: Player) -> float:
    total = 0.0
    for leg in player.legs:
        if leg.open:
            return 100.0
        for a, b in pairwise(leg.points):
            total += hypot(b[0] - a[0], b[1] - a[1])
    return total


def _point(spot: Spot, shift: Spot, z: float | None = None) -> Point:
    return Point(
        x=round(spot[0] + shift[0], 3), y=round(spot[1] + shift[1], 3), z=None if z is None else z
    )


def _sub(a: Spot, b: Spot) -> Spot:
    return a[0] - b[0], a[1] - b[1]


def _wrapped(angle: float) -> float:
    return (angle + pi) % (2.0 * pi) - pi
