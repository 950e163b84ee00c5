"""The plan of a story: when each player starts what, along which way."""

from itertools import pairwise
from math import atan2, cos, hypot, pi, sin

import numpy as np

from entities.actions import ACTION_VELOCITIES, ActionType
from entities.scene import MAX_DURATION_S, Cue
from sim.story.language.lexicon import verbs, words
from sim.story.staging.acts import Act, follows, together
from sim.story.staging.cast import Cast, Leg, Player
from sim.story.staging.scenery import FACES_VIEWER, Item, Stage, Target, unit
from sim.story.staging.starts import LANE_M
from sim.story.staging.timing import Knot, Spot, braking, length_in, timed_path
from sim.story.staging.waypoints import ahead

A = ActionType
CROWD = 100
"""With more players than this, those who do the same go in step: their ways have one shape."""
MOST_POINTS, MOST_NEW_POINTS = 30_000, 4_000
"""Way points of all ways together, and of those of different shapes (choice)."""
MOST_DEEDS = 20_000
"""What all players do together: 1,000 who do 20 things each (choice)."""
OPEN_S = 3.5
"""Seconds of an open-ended way before the next act starts (choice)."""
ROW_M = 1.6
"""Metres between players one behind the other."""
TURN_STEP_M, FACES_COS = 0.35, 0.8
"""Length in metres of the step that turns a player, and cosine of the angle that needs none."""
FLANK_M = 2.2
"""Metres between separate groups."""
BACKWARDS = {A.WALK_BACKWARDS: pi, A.PULL: pi, A.STRAFE: -0.5 * pi}
"""rad from the direction an actor faces to that in which the action moves it."""
STANDS_BY = ("behind", "front", "next", "under", "on", "left_of", "right_of", "in", "at", "onto",
             "over", "past", "by")  # fmt: skip
"""Relations of a place where an act happens."""


DRIFTS_MPS, HASTE_MPS, SAME_WAY_COS = 0.3, 2.0, 0.3
"""m/s above which a player is under way, and above which it first brakes where it is to go another
way: one whose cosine to its own is lower (choice)."""
AT_ONCE_S = 0.05
"""What starts within this takes a player from what it does; later, it first comes to a halt."""
FASTEST_MPS = 10.5
"""Greatest speed of a way in a running scene; an actor's path allows 12 m/s at its peak."""
HURRY = 7.0
"""m/s², greatest acceleration of a short way there; an actor's path allows 10 m/s²."""
FOOT_M, PASSING_M = 0.8, 0.8
"""Metres from a climber to what it climbs, and past the side of that (choice)."""
FOOTING_S = 0.4
"""Time at the foot of a ladder, without which a way would round the corner (choice)."""
DESCENT_MPS = 1.5
"""Speed down from the air (choice); down a ladder it is that of the action."""


class Plan:
    """The timelines of a cast on a stage, and the operations that fill them.

    In a running scene (``stage.floor`` is there) players are where they are: they go, and are not
    put anywhere.
    """

    def __init__(
        self,
        cast: Cast,
        stage: Stage,
        rng: np.random.Generator,
        start: float = 0.0,
        middle: Spot = (0.0, 0.0),
    ) -> None:
        """start: s, before which nothing is planned. middle: m, round which things are placed."""
        self.cast, self.stage, self.rng = cast, stage, rng
        self.start, self.middle = start, middle
        self.notes: list[str] = []
        self.began, self.ended = start, start  # s, of the last act
        self.before: list[Player] = []  # players of the last act
        self.groups = 0  # of players that were given places
        self._deeds = 0  # planned, one for each player of an act
        self._points, self._new_points = 0, 0  # of all ways, and of those of different shapes
        self._shapes: dict[tuple[float, tuple[Spot, ...]], list[Knot]] = {}  # by speed and way
        self.way: dict[str, Spot] = {}  # by player id, unit vector of its last way

    @property
    def running(self) -> bool:
        """Whether the story goes on from a running scene."""
        return self.stage.floor is not None

    def at(self, x: float, y: float) -> Spot:
        """The spot at (x, y) m from the middle of what is going on."""
        return self.middle[0] + x, self.middle[1] + y

    def note(self, text: str) -> None:
        """Say what is done otherwise than a sentence in a running scene asks."""
        if self.running and text not in self.notes:
            self.notes.append(text)

    def begin(self, act: Act, *others: Player) -> float:
        """The time at which an act can start, in s."""
        who = [*act.who, *others]
        own = max((p.t for p in who), default=self.start)
        clause = act.clause
        start = own
        if follows(act.link):
            start = max(own, self.ended)
        elif together(act.link) and not any(p in self.before for p in act.who):
            start = max(own, self.began)
        if clause.at is not None:
            start = max(start, clause.at)
        return min(start + clause.delay, MAX_DURATION_S)

    def close(self, act: Act, start: float, end: float, others: list[Player] | None = None) -> None:
        """Note when a planned act was, and its caption for each of its players.

        others: further players that are busy until ``end``. Raises ValueError past MAX_DURATION_S.
        """
        self.began, self.ended, self.before = start, max(end, start), list(act.who)
        self.count(len(act.who))
        check_fits(self.ended)
        said = " ".join(act.clause.words)
        for player in act.who:
            if said:
                player.clauses.append(said)
        for player in [*act.who, *(others or [])]:
            player.t = max(player.t, end)

    def count(self, deeds: int) -> None:
        """Count what is planned. Raises ValueError where it is more than is worth planning."""
        self._deeds += deeds
        if self._deeds > MOST_DEEDS:
            raise ValueError(
                f"{len(self.cast.players):,} actors who do more than {MOST_DEEDS:,} things in all; "
                f"expected fewer actors or fewer verbs"
            )

    def direction(self, act: Act, player: Player) -> Spot:
        """The direction (unit vector) of an act without a target."""
        if act.clause.direction is not None:
            return act.clause.direction
        if act.viewer and act.clause.verb is not None and act.clause.verb.frame == "move":
            return (0.0, -1.0)
        last = self.way.get(player.id, (1.0, 0.0))
        if "backward" in act.clause.manners and player.legs:
            return (-last[0], -last[1])
        return last

    def arrange(
        self, who: list[Player], way: Spot, *, moving: bool, at: Spot | None = None
    ) -> None:
        """Give players without a place one, side by side and in rows.

        way: unit vector they look along. at: m, the first place; beside the others of ``who``, or
        of the groups so far, if not given.
        """
        fresh = [p for p in who if p.spot is None]
        if not fresh:
            return
        placed = [p for p in who if p.spot is not None]
        if at is None and placed:
            at = ahead(placed[0].spot, way, 0.0, -LANE_M)
        if at is None:
            lane = self.groups
            side = FLANK_M * ((lane + 1) // 2) * (1.0 if lane % 2 else -1.0)
            aside = 0.0 if moving or lane == 0 else 2.5
            at = (aside, side if lane else 0.0)
            at = self.free(at)
            self.groups += 1
        n = len(fresh)
        lanes = min(n, 4 if moving else 8) if n <= 40 else int(np.ceil(n**0.5))
        for k, player in enumerate(fresh):
            row, lane = divmod(k, lanes)
            in_row = min(lanes, n - row * lanes)
            if moving:
                back, aside = -ROW_M * row, -LANE_M * lane * (1.0 if way[0] >= 0 else -1.0)
                spot = ahead(at, way, back - 0.35 * lane, aside)
            else:
                spot = (at[0] + LANE_M * (lane - 0.5 * (in_row - 1)), at[1] + ROW_M * row)
            player.put(*spot)
            if player.facing is None and not moving:
                player.facing = FACES_VIEWER + float(self.rng.uniform(-0.45, 0.45))

    def free(self, at: Spot) -> Spot:
        """The spot, or the nearest one behind it where nobody starts."""
        if self.stage.floor is not None:
            return self.stage.floor.nearest(at, 0.5 * LANE_M)
        return self.cast.starts.behind(at)

    def act_at(self, player: Player, t: float, action: ActionType) -> None:
        """Start an action at ``t`` s; pauses at or after ``t`` are dropped, actions delay it."""
        while player.actions and player.actions[-1][0] >= t - 1e-6:
            if player.actions[-1][1] not in (A.IDLE, A.STAND) and player.actions[-1][1] != action:
                t = max(t, player.actions[-1][0] + 0.4)
                break
            player.actions.pop()
        player.actions.append((round(t, 3), action))

    def cue(self, player: Player, t: float, target: Target | None, say: str | None = None) -> None:
        """What a player attends to or says from ``t`` s on."""
        name = target.id if isinstance(target, Player | Item) else None
        if name is None and say is None:
            return
        check_fits(t)
        player.cues.append(Cue(t=round(t, 3), target=name, say=say))

    def go(
        self, player: Player, points: list[Spot], action: ActionType, t: float, factor: float = 1.0
    ) -> float:
        """Go through points and stop at the last; returns the time of arrival.

        factor: on the action's own speed.
        """
        self.settle(player, t)
        speed = max(ACTION_VELOCITIES[action], 0.5) * factor
        assert player.spot is not None
        if self.running:
            speed = min(speed, FASTEST_MPS)
            t = self._set_off(player, points[0] if points else player.spot, t, action)
        if player.rises is not None:
            points = [player.rises, *points]
        way = _clean([player.spot, *points])
        if len(way) < 2:
            return t
        knots = self._timed(way, speed, t)
        while self.running and _hasty(way, knots[-1][0] - t):
            speed *= 0.85
            knots = timed_path(way, speed, t)
        end = knots[-1][0]
        player.legs.append(Leg(t, end, action, speed, way, knots, factor=factor))
        self.act_at(player, t, action)
        self.act_at(player, end, A.IDLE)
        player.spot, player.sits, player.rises = way[-1], None, None
        self.way[player.id] = unit(way[-2], way[-1])
        return end

    def _timed(self, way: list[Spot], speed: float, t: float) -> list[Knot]:
        """``timed_path``; of a crowd, ways of one shape are timed once.

        Raises ValueError for more different ways, or longer ones, than are worth planning.
        """
        length = sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(way))
        check_fits(t + length / speed)
        if len(self.cast.players) <= CROWD:
            self._count_points(way, length, new=True)
            return timed_path(way, speed, t)
        x0, y0 = way[0]
        shape = tuple((round(x - x0, 6), round(y - y0, 6)) for x, y in way)
        knots = self._shapes.get((speed, shape))
        self._count_points(way, length, new=knots is None)
        if knots is None:
            knots = self._shapes[speed, shape] = timed_path(list(shape), speed, 0.0)
        return [(t + after, x0 + x, y0 + y, z) for after, x, y, z in knots]

    def _count_points(self, way: list[Spot], length: float, *, new: bool) -> None:
        """Count a way of ``length`` m, ``new`` if of another shape. Raises ValueError for too much.

        A long way with bends costs as one with more points.
        """
        self._points += len(way)
        self._new_points += len(way) + int(length / 50.0) * (len(way) > 2) if new else 0
        if self._points > MOST_POINTS or self._new_points > MOST_NEW_POINTS:
            raise ValueError(
                "ways of too many points in all; expected fewer actors, or fewer places to go to"
            )

    def turn_to(self, player: Player, spot: Spot, t: float) -> float:
        """Face a spot from ``t`` on, with a step towards it where needed; returns the end in s."""
        assert player.spot is not None
        way = unit(player.spot, spot)
        if not player.legs and not player.turned:
            player.facing = atan2(way[1], way[0])
            player.turned = any(a is not A.IDLE for _, a in player.actions)
            return t
        last = self.way.get(player.id, (cos(player.facing or 0.0), sin(player.facing or 0.0)))
        apart = hypot(spot[0] - player.spot[0], spot[1] - player.spot[1])
        open_way = bool(player.legs) and player.legs[-1].open
        if player.sits is not None or apart < 0.9 or open_way:
            return t
        if last[0] * way[0] + last[1] * way[1] > FACES_COS:
            return t
        return self.go(player, [ahead(player.spot, way, TURN_STEP_M)], A.WALK, t)

    def undo(self, player: Player) -> None:
        """Take back the last way, so that it can be planned anew."""
        leg = player.legs.pop()
        player.spot = leg.points[0]
        player.actions = [(t, a) for t, a in player.actions if t < leg.start - 1e-6]
        player.t = leg.start

    def go_on(
        self, player: Player, way: Spot, action: ActionType, t: float, factor: float = 1.0
    ) -> None:
        """Go in a direction (unit vector), open-ended."""
        speed = max(ACTION_VELOCITIES[action], 0.5) * factor
        last = player.legs[-1] if player.legs else None
        same = last is not None and last.open and self.way.get(player.id) == way
        if not same:
            self.settle(player, t)
        if self.running:
            speed = min(speed, FASTEST_MPS)
            t = self._set_off(player, None, t, action)
        assert player.spot is not None
        leg = Leg(t, t, action, speed, [player.spot, way], [], open=True, factor=factor)
        player.legs.append(leg)
        self.act_at(player, t, action)
        self.way[player.id], player.sits, player.rises = way, None, None

    def settle(self, player: Player, t: float) -> None:
        """End an open-ended way at ``t`` s, which gives its legs their lengths."""
        chain = []
        for leg in reversed(player.legs):
            if not leg.open:
                break
            chain.insert(0, leg)
        if not chain:
            return
        spot = chain[0].points[0]
        for k, leg in enumerate(chain):
            until = chain[k + 1].start if k + 1 < len(chain) else t
            span = max(until - leg.start, 0.6)
            way = leg.points[1]
            length = max(length_in(span, leg.speed, stop=k + 1 == len(chain)), 0.2)
            if self.running:
                length = min(length, 0.25 * HURRY * span * span)
            goal = ahead(spot, way, length)
            leg.points, leg.open, leg.end = [spot, goal], False, leg.start + span
            leg.knots = [(leg.start, *spot, None), (leg.end, *goal, None)]
            spot = goal
        player.spot = spot

    def halt(self, player: Player) -> None:
        """Have a player of a running scene that is under way brake and stand."""
        vx, vy = player.velocity
        speed, player.velocity = hypot(vx, vy), (0.0, 0.0)
        if speed < DRIFTS_MPS or player.legs:
            return
        x, y = player.spot
        span = max(speed / braking(speed), 0.3)
        knots = []
        for k in range(5):
            u = k / 4
            far = span * (u - 0.5 * u * u)
            knots.append((self.start + u * span, x + far * vx, y + far * vy, None))
        points = [knot[1:3] for knot in knots]
        doing = player.doing if ACTION_VELOCITIES.get(player.doing, 0.0) > 0.0 else A.WALK
        end = self.start + span
        player.legs.append(Leg(self.start, end, doing, speed, points, knots))
        self.act_at(player, self.start, doing)
        self.act_at(player, end, A.IDLE)
        player.spot, player.t = points[-1], max(player.t, end)
        self.way[player.id] = (vx / speed, vy / speed)

    def come_down(self, player: Player) -> None:
        """Have a player of a running scene that is on a ladder or in the air come to the ground."""
        high, player.height = player.height, 0.0
        if high <= 0.0:
            return
        action = player.doing if player.doing is A.FLY else A.CLIMB
        rate = DESCENT_MPS if action is A.FLY else ACTION_VELOCITIES[A.CLIMB]
        down = self.start + high / rate + 0.5
        end = down + FOOTING_S
        x, y = player.spot
        knots = [(self.start, x, y, high), (down, x, y, 0.0), (end, x, y, 0.0)]
        leg = Leg(self.start, end, action, rate, [player.spot, player.spot], knots)
        player.legs.append(leg)
        self.act_at(player, self.start, action)
        self.act_at(player, end, A.IDLE)
        player.velocity, player.t = (0.0, 0.0), max(player.t, end)
        player.rises = self._beside_ladder(player.spot)

    def _beside_ladder(self, spot: Spot) -> Spot | None:
        """Where one goes on from at the foot of what it has climbed down, past its side."""
        near = [
            (hypot(i.spot[0] - spot[0], i.spot[1] - spot[1]) - i.reach, k)
            for k, i in enumerate(self.stage.items)
            if i.spot is not None and i.holder is None
        ]
        if not near or min(near)[0] > FOOT_M:
            return None
        item = self.stage.items[min(near)[1]]
        away = unit(item.spot, spot)
        for side in (-1.0, 1.0):
            beside = ahead(spot, away, 0.3, side * (item.reach + PASSING_M))
            if self.stage.floor.clear(beside, 0.2):
                return beside
        return None

    def _set_off(self, player: Player, goal: Spot | None, t: float, action: ActionType) -> float:
        """The time, in s, at which a player of a running scene can set off, once it stands.

        It keeps its speed if it sets off at once, about the way it is going; ``goal`` None is any
        way.
        """
        if action not in (A.FLY, A.CLIMB):
            self.come_down(player)
        vx, vy = player.velocity
        speed = hypot(vx, vy)
        if speed > DRIFTS_MPS and not player.legs:
            turns = False
            if goal is not None and speed > HASTE_MPS:
                way = unit(player.spot, goal, (vx / speed, vy / speed))
                turns = vx * way[0] + vy * way[1] < SAME_WAY_COS * speed
            if turns or t > self.start + AT_ONCE_S:
                self.halt(player)
            player.velocity = (0.0, 0.0)
        return max([t, *(leg.end for leg in player.legs[-1:] if not leg.open)])

    def seconds(self, act: Act, action: ActionType) -> float:
        """Seconds of an act, repetitions included."""
        if act.clause.seconds is not None:
            return max(act.clause.seconds, 0.5)
        table = verbs().seconds
        return table.get(action.value, table["default"]) * min(act.clause.repeat, 20)

    def factor(self, act: Act, player: Player) -> float:
        """Factor on the action's own speed."""
        style = act.clause.style or player.style
        own = words().styles[style].speed if style in words().styles else 1.0
        return act.clause.speed * own


def check_fits(end: float) -> None:
    """Raises ValueError for a story of more than MAX_DURATION_S."""
    if end > MAX_DURATION_S:
        raise ValueError(f"the story takes {end:,.0f} s; at most {MAX_DURATION_S:,.0f} s fit")


def _hasty(way: list[Spot], span: float) -> bool:
    """Whether a way in ``span`` s, from rest to rest, takes more than HURRY m/s²."""
    length = sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(way))
    return 4.0 * length > HURRY * span * span


def _clean(points: list[Spot]) -> list[Spot]:
    """Points without those within 8 cm of the one before."""
    kept = points[:1]
    for point in points[1:]:
        if hypot(point[0] - kept[-1][0], point[1] - kept[-1][1]) > 0.08:
            kept.append(point)
    return kept
