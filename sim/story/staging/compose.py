"""Timelines to the Scene: actors with paths or headings, captions, objects and camera."""

from itertools import pairwise
from math import hypot, pi

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.objects import ObjectType
from entities.scene import (
    MAX_PATH_ACCELERATION,
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
from sim.story.language.lexicon import Theme, spoken, verb_for
from sim.story.staging.cast import Player
from sim.story.staging.plan import BACKWARDS, CROWD, Plan
from sim.story.staging.scenery import FACES_VIEWER, Item, bearing, make_handy
from sim.story.staging.starts import HEAP
from sim.story.staging.timing import Knot, Spot, timed_path

LEAST_S, MOST_S, TAIL_S = 6.0, 3_600.0, 1.5
"""Shortest scene, longest scene, and the time after the last action."""
RUN_OUT_S = 20.0
"""How far an open-ended path goes on past the end of the scene, for a live window."""
HALT_S = 0.3
"""Shorter waits on the way are left out (choice)."""
FOLLOW_FROM_M = 9.0
"""The camera follows an actor that travels further than this; otherwise it fits all in."""
DEEP_M, ASIDE_M = 8.0, 1.8
"""Where actors stand one behind the other deeper than DEEP_M, the camera pans ASIDE_M."""
BESIDE_M, LOOK_AHEAD_S, WIDE = 2.0, 1.0, 0.6
"""A goal is beside the picture at more than twice BESIDE_M. The camera starts to widen LOOK_AHEAD_S
before the shot, to the zoom WIDE (choice)."""
SEEN_S, BRISK_MPS = 1.0, 4.0
"""An actor that leaves later than SEEN_S is first shown with the others; actors that part slower
than BRISK_MPS are all kept in sight (choice)."""
MOMENT_S = 0.02
"""Shorter pauses are left out."""
MOST_STEPS = 80_000
"""Actions and way points of all actors together: 1,000 with 80 each (choice)."""
APART_S = 0.02
"""Least time between two knots of a path."""
MOST_MPSS = 0.9 * MAX_PATH_ACCELERATION
"""m/s² from rest at which a leg may be joined under way."""
WAIT_S = 0.25
"""A way that starts earlier than this sets the actor's first heading."""


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
    """The Scene of a plan.

    notes: what was not understood. duration: s, where the prompt asks for it.
    """
    players, stage = plan.cast.players, plan.stage
    unplaced = [p for p in players if p.start is None and not p.legs]
    for player in unplaced if len(unplaced) > HEAP else ():
        player.put(0.0, 0.0)
    last = max((p.t for p in players), default=0.0)
    opens = any(leg.open for p in players for leg in p.legs)
    length = duration or min(max(last + TAIL_S, 8.0 if opens else LEAST_S), MOST_S)
    stage.put_rest(_middle(players))
    shift = (0.0, 0.0) if stage.fixed_used else _shift(players)
    _check_ways(players)
    crowd = len(players) > CROWD
    actors = [_actor(player, shift, length, crowd=crowd) for player in players]
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
        objects=[object_of(item, shift) for item in stage.items],
        camera=_camera(plan, players),
    )


def _check_ways(players: list[Player]) -> None:
    """Raises ValueError where a crowd does more, one thing after another, than can be planned."""
    steps = sum(len(p.actions) + sum(len(leg.knots) for leg in p.legs) for p in players)
    if steps > MOST_STEPS:
        raise ValueError(
            f"{len(players):,} actors with {steps:,} actions and way points in all: "
            f"at most {MOST_STEPS:,} fit"
        )


def _middle(players: list[Player]) -> Spot:
    """Mean x of the starts and their furthest y; objects without a place go behind it."""
    starts = [p.start for p in players if p.start is not None]
    if not starts:
        return (0.0, 0.0)
    return (
        sum(s[0] for s in starts) / len(starts),
        max(s[1] for s in starts),
    )


def _shift(players: list[Player]) -> Spot:
    """The shift that centres all ways in x, with the starts in sight, and lifts y to 0."""
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


def _knots(path: list[Knot], shift: Spot, *, crowd: bool) -> list[tuple[float, Point]]:
    """A path moved by ``shift`` m, and rounded; of a crowd so that equal shapes stay equal."""
    if not crowd:
        return [(round(t, 3), _point((x, y), shift, z)) for t, x, y, z in path]
    x0, y0 = path[0][1:3]
    at = _point((x0, y0), shift)
    steps = [(t, round(x - x0, 3), round(y - y0, 3), z) for t, x, y, z in path]
    return [
        (round(t, 3), Point(x=round(at.x + dx, 6), y=round(at.y + dy, 6), z=z))
        for t, dx, dy, z in steps
    ]


def _actor(player: Player, shift: Spot, length: float, *, crowd: bool) -> Actor:
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
        if not needs_no_path(player):
            path = path_of(player, length)
    actions = tidy(player.actions)
    caption = ", then ".join(clause for clause in player.clauses if clause)
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
        movement_path=_knots(path, shift, crowd=crowd) if path else None,
    )


def _without_halts(path: list[Knot]) -> list[Knot]:
    """A path without short waits, as where one action is cut off by the next."""
    kept = path[:1]
    for k, knot in enumerate(path[1:], 1):
        halts = knot[1:3] == kept[-1][1:3] and knot[0] - kept[-1][0] < HALT_S
        if not halts or k + 1 == len(path):
            kept.append(knot)
    return kept


def _does(actions: list[tuple[float, ActionType]]) -> str:
    """The caption of an actor of whom the sentence says nothing: "falls", "waits"."""
    busy = [action for _, action in actions if action is not ActionType.IDLE]
    action = busy[0] if busy else ActionType.IDLE
    return spoken(verb_for(action).words[0])


def needs_no_path(player: Player, begin: float = 0.0) -> bool:
    """Whether heading and actions suffice: one open way, at the actions' own speeds.

    begin: s, when the story begins.
    """
    ways = {(round(leg.points[1][0], 3), round(leg.points[1][1], 3)) for leg in player.legs}
    single = all(leg.open and leg.factor == 1.0 for leg in player.legs) and len(ways) == 1
    waits = player.legs[0].start - begin >= WAIT_S
    if player.layered or (player.facing is not None and waits):
        return False  # the player first faces somebody, then leaves
    moves = {leg.action for leg in player.legs}
    turned = {BACKWARDS.get(action, 0.0) for action in moves}
    idle_moves = all(ACTION_VELOCITIES[action] > 0.0 for action in moves)
    return single and len(turned) == 1 and idle_moves


def path_of(player: Player, length: float, begin: float = 0.0) -> list[Knot]:
    """All legs of a player as one path with pauses; open legs get their length.

    length: s, when the scene ends. begin: s, when the story begins.
    """
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
    if player.legs[0].knots and player.legs[0].start > begin + 1e-3:
        knots.append((begin, *start, None))
    for leg in player.legs:
        late = _late(knots[-1], leg.knots) if knots else 0.0
        for t, x, y, z in leg.knots:
            if not knots or t + late > knots[-1][0] + APART_S:
                knots.append((t + late, x, y, z))
    return _without_halts(knots)


def _late(last: Knot, knots: list[Knot]) -> float:
    """By how many seconds a leg has to wait for the one before, which ends with the knot ``last``.

    One that has begun by then is joined under way, if that can be run from rest.
    """
    ahead = [knot for knot in knots if knot[0] > last[0] + APART_S]
    if not ahead or ahead[0] is knots[0]:
        return 0.0
    t, x, y, _ = ahead[0]
    far = hypot(x - last[1], y - last[2])
    return last[0] - knots[0][0] if 2.0 * far > MOST_MPSS * (t - last[0]) ** 2 else 0.0


def tidy(
    planned: list[tuple[float, ActionType]], begin: float = 0.0
) -> list[tuple[float, ActionType]]:
    """Actions in order of time, without repeated or short pauses; the first is at ``begin`` s."""
    actions: list[tuple[float, ActionType]] = []
    for t, action in sorted(planned, key=lambda a: a[0]):
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
    if not actions or actions[0][0] > begin:
        actions.insert(0, (begin, ActionType.IDLE))
    return actions


def object_of(item: Item, shift: Spot = (0.0, 0.0)) -> SceneObject:
    """The SceneObject of a thing, moved by ``shift`` m."""
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
    """Follow the player that travels furthest, or fit all in."""
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
    """Whether players leave slowly in opposite directions, so that the camera follows none."""
    legs = [p.legs[0] for p in players if p.legs and p.legs[0].open]
    ways = [leg.points[1] for leg in legs if leg.speed < BRISK_MPS]
    return any(a[0] * b[0] + a[1] * b[1] < -0.5 for a in ways for b in ways[:1])


def _shows(who: Player, items: list[Item], far: bool) -> list[CameraKeyframe]:
    """Keyframes that widen the picture where the followed player shoots at a goal beside it."""
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
    """Metres of all legs; 100 where one is open."""
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
    """An angle in [-pi, pi)."""
    return (angle + pi) % (2.0 * pi) - pi
