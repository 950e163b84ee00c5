"""The cast: noun phrases become players, pronouns find them again."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from entities.actions import ActionType
from entities.colors import ACTOR_COLORS
from entities.scene import MAX_ACTORS, Cue
from entities.skeleton import ACTOR_SCALES, BODY_RADIUS
from sim.story.language.lexicon import Role, Theme, plural, roles
from sim.story.language.phrases import HALF, Noun, describe
from sim.story.staging.starts import Starts
from sim.story.staging.timing import Knot, Spot

_HUES = {
    "dog": ("#9a6b3f", "#5d4632", "#c19a6b"), "cat": ("#3d3d42", "#c77f3a", "#8d8d92"),
    "horse": ("#6e4528", "#3b2a20", "#9c7550"), "robot": ("#8f9aa6", "#6f8596", "#a3a9ad"),
    "alien": ("#4fae5b", "#58b59a", "#7fb347"),
}  # fmt: skip


KITS = ("red", "blue", "green", "orange", "purple", "teal")
"""Colours and names of teams where the sentence gives none."""


@dataclass(slots=True)
class Leg:
    """One way of a player: from ``start`` to ``end`` s along ``points``.

    An open leg has no end yet: its points are where it starts and its direction (unit vector).
    ``Plan.settle`` gives it a length.
    """

    start: float
    end: float
    action: ActionType
    speed: float  # m/s
    points: list[Spot]
    knots: list[Knot]
    open: bool = False
    factor: float = 1.0  # of the action's own speed


@dataclass(slots=True, eq=False)
class Player:
    """An actor of the story and all that is planned for it."""

    id: str
    key: str  # role
    role: Role
    phrase: str  # "a red robot"
    noun: Noun
    number: int  # in order of appearance
    color: str
    scale: float
    style: str | None
    spot: Spot | None = None  # m, after all that is planned so far; None without a place
    start: Spot | None = None  # m, at the start of the scene
    facing: float | None = None  # rad, before it goes anywhere
    t: float = 0.0  # s, when all that is planned so far has ended
    legs: list[Leg] = field(default_factory=list)
    actions: list[tuple[float, ActionType]] = field(default_factory=list)
    cues: list[Cue] = field(default_factory=list)
    clauses: list[str] = field(default_factory=list)  # of the caption
    sits: Spot | None = None  # m, where the player sits on a seat
    rises: Spot | None = None  # m, where the player stands up from it
    said_style: str | None = None  # of an act
    turned: bool = False  # an action already depends on ``facing``
    layered: bool = False  # gestures on the way, which therefore has to be a path
    starts: Starts | None = None  # where everybody starts, this one included
    # Of a player in a running scene:
    present: bool = False  # stands there already: nothing but a way changes its place
    comes: bool = False  # on stage with this sentence
    home: Spot | None = None  # m, where it began the scene
    station: Spot | None = None  # m, where one that comes on waits for its part
    doing: ActionType | None = None  # the action in force
    velocity: Spot = (0.0, 0.0)  # m/s, at which it goes on until something is planned for it
    height: float = 0.0  # m, of its ground: on a ladder, in the air
    seat: object = None  # the Item it sits or lies on

    @property
    def radius(self) -> float:
        """Radius of the body on the ground, in metres."""
        return BODY_RADIUS[self.role.type] * self.scale

    @property
    def gender(self) -> str | None:
        """m, f, n, or None for either."""
        return self.noun.gender or self.role.gender

    def put(self, x: float, y: float) -> None:
        """Give the player a place from the start of the scene; one who is there already stays."""
        if self.present:
            return
        spot = (x, y) if self.starts is None else self.starts.put(self, (x, y))
        self.spot = self.start = spot


def others_than(these: Iterable[Player], players: Iterable[Player]) -> list[Player]:
    """``players`` without ``these``."""
    without = set(these)
    return [p for p in players if p not in without]


class Cast:
    """All players, and how to find them by what a sentence calls them."""

    def __init__(self, theme: Theme, shift: int) -> None:
        self.players: list[Player] = []
        self.theme, self.shift = theme, shift
        self.last: list[Player] = []  # the last group that was mentioned
        self.subject: list[Player] = []  # of the last clause
        self.spared: list[Player] = []  # those that "except" left out
        self.background = False  # the crowd of the stage set was mentioned
        self.nobody = False
        self.taken: set[str] = set()  # ids that others than players have
        self.starts = Starts()
        self._ids: set[str] = set()  # of the first players, as many as there are ids
        self._numbers: dict[str, int] = {}  # by word, the first number that may be free for an id

    def find(self, noun: Noun, doing: list[Player] | None = None) -> list[Player]:
        """The players a noun phrase means, made if need be.

        doing: the subject of the clause. Raises ValueError for a negative or too large number.
        """
        if noun.kind == "pron":
            found = self._pronoun(noun, doing or [])
        else:
            found = self._named(noun, (doing or []) if noun.own else [], doing or [])
        if found:
            self.last = found
        part = (len(found) + 1) // 2 if noun.part == HALF else noun.part
        return found[:part] if part else found

    def _named(self, noun: Noun, owners: list[Player], doing: list[Player]) -> list[Player]:
        if noun.count == 0:
            self.nobody = True
            return []
        if noun.count < 0:
            raise ValueError(f"{noun.count} {noun.word or 'actors'}: a number below zero")
        if noun.kind == "crowd":
            if not noun.counted and (self.theme.crowd or self.players):
                self.background = True
                return []
            noun.count = noun.count if noun.counted else 12
            return self._known(noun, "person", doing) or self._make(noun, "person")
        if noun.kind == "group":
            known = [p for p in self.players if p.noun.kind == "group" and p.noun.key == noun.key]
            if known:
                return known
            members = roles().groups[str(noun.key)]
            self._make_room(noun.count * len(members))  # before a billion couples are listed
            return [self._make(noun, key, alone=True)[0] for key in members * noun.count]
        key = str(noun.key) if noun.kind == "role" else "person"
        but = {*owners, *doing}
        known = [p for p in self._known(noun, key, doing) if p not in but]
        return known or self._make(noun, key)

    def _known(self, noun: Noun, key: str, doing: list[Player]) -> list[Player]:
        """The players on stage that a definite noun means."""
        if not noun.definite or noun.other:
            if noun.other and noun.definite:
                fits = [p for p in self.players if self._fits(p, noun, key)]
                return others_than(self.subject, fits)[-1:]
            return []
        fits = self._by_word([p for p in self.players if self._fits(p, noun, key)], noun, key)
        alone = noun.many and len(self.players) < 2
        if not fits and not alone and noun.word in ("person", "player", "people", "players"):
            others = roles().not_players if noun.word.startswith("player") else ()
            fits = others_than(doing, self.players)
            fits = [p for p in fits if p.key not in others and p.noun.word not in others]
        if noun.many or (noun.counted and noun.count > 1):
            return fits[-noun.count :] if noun.counted else fits
        return fits[:1] if noun.color or noun.name else fits[-1:] if len(fits) == 1 else fits[:1]

    def _by_word(self, fits: list[Player], noun: Noun, key: str) -> list[Player]:
        """Those of ``fits`` called by the noun's word, where the role's words are no synonyms.

        The role's own name fits all of them.
        """
        role = roles().roles[key]
        if not role.distinct or noun.name is not None:
            return fits
        same = [p for p in fits if noun.word in (p.noun.word, plural(p.noun.word))]
        same = same or [p for p in fits if p.noun.word in (noun.word, plural(noun.word))]
        general = (role.words[0], plural(role.words[0]))
        if same or noun.word in general:
            return same or fits
        return [p for p in fits if p.noun.word in general]

    def _fits(self, player: Player, noun: Noun, key: str) -> bool:
        """Whether name, role, size and colour of a noun fit a player."""
        if noun.name is not None or player.noun.name is not None:
            return (noun.name or "").lower() == (player.noun.name or "").lower()
        same = player.key == key
        if not same and key in ("man", "woman", "boy", "girl", "child", "person"):
            own = roles().roles[key]
            same = own.gender == player.gender and own.type == player.role.type and key != "person"
        same = same and (noun.size == 1.0 or noun.size == player.noun.size)
        return same and (noun.color is None or noun.color == player.noun.color)

    def _make(self, noun: Noun, key: str, *, alone: bool = False) -> list[Player]:
        count = 1 if alone else noun.count
        self._make_room(count)
        made = [self.add(key, noun, many=count > 1) for _ in range(count)]
        for k, player in enumerate(made if noun.teams > 1 else []):
            team = KITS[k * noun.teams // count % len(KITS)]
            player.noun, player.color = replace(noun, team=team), team
        return made

    def _make_room(self, count: int) -> None:
        if len(self.players) + count > MAX_ACTORS:
            raise ValueError(
                f"{len(self.players) + count:,} actors: at most {MAX_ACTORS:,} fit on the stage"
            )

    def add(self, key: str, noun: Noun | None = None, *, many: bool = False) -> Player:
        """A new player of a role."""
        role = roles().roles[key]
        noun = noun or Noun("role", key, word=key)
        name = (noun.name or noun.word if noun.kind != "group" else key) or key
        said = describe(replace(noun, color=None, name=None)).split(" ", 1)[-1]
        base = name if noun.name or noun.kind not in ("role", "unknown") else said
        base = "".join(c if c.isalnum() else "_" for c in base.lower())[:48] or "person"
        ident = self._free_id(base, many=many)
        n = len(self.players)
        hues = _HUES.get(role.type.value, ACTOR_COLORS)
        scale = (role.scale or ACTOR_SCALES[role.type]) * min(max(noun.size, 0.4), 2.5)
        phrase = describe(noun) if noun.kind != "group" else describe(Noun("role", key, word=key))
        player = Player(
            id=ident,
            key=key,
            role=role,
            phrase=phrase,
            noun=noun,
            number=n,
            color=noun.color or role.color or hues[(n + self.shift) % len(hues)],
            scale=round(scale, 3),
            style=noun.style or role.style,
            starts=self.starts,
        )
        self.players.append(player)
        return player

    def _free_id(self, base: str, *, many: bool) -> str:
        """A new id: the word, or with ``many`` the word and 1, else the next number."""
        self._ids.update(p.id for p in self.players[len(self._ids) :])
        ident, k = (f"{base}_1", 1) if many else (base, 2)
        k = max(k, self._numbers.get(base, 0))
        while ident in self._ids or ident in self.taken:
            ident, k = f"{base}_{k}", k + 1
            self._numbers[base] = k - 1
        return ident

    def _pronoun(self, noun: Noun, doing: list[Player]) -> list[Player]:
        """The players a pronoun means; made where it needs somebody and nobody fits."""
        kind, rest = noun.key, others_than(doing, self.players)
        recent = self.players[::-1]
        if kind in ("m", "f", "n"):
            match = [p for p in self._by_mention(rest or recent) if p.gender in (kind, None)]
            match = [p for p in match if not (p.noun.other and p.noun.many)]
            if kind == "n":
                others = others_than(doing, self.last)
                match = [p for p in match if p.gender == "n"] or others[:1]
            if kind == "n":
                return match[:1]  # "it rains" is nobody
            key = {"m": "man", "f": "woman"}[kind]
            return match[:1] or self._make(Noun("role", key, key), key)
        if kind == "they" and not self.players:
            return self._make(Noun("role", "person", "people", 2, many=True), "person")
        if kind == "they":
            rest_last = others_than(doing, self.last)
            if len(self.last) > 1 and rest_last:
                return list(self.last)
            return list(self.players) if not doing or len(rest) != 1 else rest
        if kind == "all":
            count = 2 if noun.word == "we" else 5
            people = Noun("role", "person", "person", count)
            if len(self.players) == 1 and noun.word in ("everyone", "everybody") and not doing:
                people.count -= 1  # one player alone is not everybody
                return [*self.players, *self._make(people, "person")]
            return list(self.players) or self._make(people, "person")
        if kind == "each":
            acting = set(doing)
            return [p for p in self.players if p in acting] or list(self.players)
        if kind in ("other", "others", "friend"):
            others = others_than(doing or self.subject[:1], self.players)
            if kind == "friend" and not others:
                return self._make(Noun("role", "person", "friend"), "person")
            if not others and kind == "others":  # later pronouns do not mean them
                return self._make(
                    Noun("role", "person", "people", 2, many=True, other=True), "person"
                )
            if not others:
                return self._make(Noun("role", "person", "person"), "person")
            return others if kind == "others" else others[:1]
        if kind == "one" and noun.side and self.players:  # "the one on the right"
            there = [p for p in self.players if p.noun.side == noun.side]
            like = self.players[-1]
            other = Noun("role", like.key, like.noun.word, side=noun.side)
            return there[:1] or self._make(other, like.key)
        if kind == "one":
            used = {id(p) for p in self.subject} if noun.other else set()
            free = [p for p in self.players if id(p) not in used]
            return free[:1] or self._make(Noun("role", "person", "person"), "person")
        if kind in ("first", "second"):
            at = 0 if kind == "first" else 1
            return self.players[at : at + 1] or self.players[-1:]
        if kind == "third":
            like = self.players[-1].key if self.players else "person"
            return self.players[2:3] or self._make(Noun("role", like, like), like)
        if kind == "spared":
            return list(self.spared)
        if kind == "self":
            return []
        if kind == "none":
            self.nobody = True
            return []
        if kind == "me":
            return self.players[:1] or self._make(Noun("role", "person", "person"), "person")
        if kind == "count":
            pool = self.players[: noun.count] if len(self.players) >= noun.count else []
            return pool or self._make(Noun("role", "person", "person", noun.count), "person")
        return list(self.last)

    def _by_mention(self, players: list[Player]) -> list[Player]:
        """Sorted: the group mentioned last, then the last subject, then the newest first."""
        order = {id(p): k for k, p in enumerate(self.subject)}
        last = {id(p) for p in self.last}
        return sorted(
            players, key=lambda p: (id(p) not in last, id(p) not in order, -p.number)
        )  # fmt: skip
