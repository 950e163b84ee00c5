"""Clauses to acts: nouns become players and objects, and acts are put in the order they happen."""

from dataclasses import dataclass, field, replace

from entities.actions import ActionType
from entities.objects import ObjectType
from sim.story.language.clauses import Clause
from sim.story.language.ellipsis import completed, mounted
from sim.story.language.lexicon import Verb, third_person, verbs, vocabulary, words
from sim.story.language.phrases import Noun, describe
from sim.story.staging.cast import Cast, Player
from sim.story.staging.scenery import Item, Stage, Target, is_held

SIDE_M = 3.0
"""Metres from the middle to an actor "on the left" or "on the right" (choice)."""
_PARALLEL = ("while", "meanwhile")


@dataclass(slots=True)
class Act:
    """A clause with its nouns resolved to players and objects."""

    clause: Clause
    who: list[Player]
    objects: list[Target] = field(default_factory=list)
    places: list[tuple[str, list[Target]]] = field(default_factory=list)
    viewer: bool = False  # aimed at the viewer
    link: str = ""
    arrives: bool = False  # its players come on with it

    def players(self) -> list[Player]:
        """Players the act is done to."""
        return [target for target in self.objects if isinstance(target, Player)]

    def items(self) -> list[Item]:
        """Objects the act is done to."""
        return [target for target in self.objects if isinstance(target, Item)]

    def at(self, *relations: str) -> list[Target]:
        """Targets of the act's places with one of the relations."""
        return [t for relation, found in self.places if relation in relations for t in found]


def flies_up(clause: Clause) -> bool | None:
    """True where an object takes off, False where it lands, None where it does neither."""
    said = clause.words[0] if clause.words else ""
    return True if said in verbs().takes_off else False if said in verbs().lands else None


def runs_into(act: Act) -> list[Player]:
    """The players that the object of an act runs into: "a car knocks down a man"."""
    verb = act.clause.verb
    into = verb.action is ActionType.FALL or {"into", "over"} & set(act.clause.words)
    found = act.players() if verb.frame in ("strike", "bat") else []
    met = [t for t in act.at("on", "onto", "to", "over") if isinstance(t, Player)] if into else []
    return found or met


class Finder:
    """Resolves the nouns of clauses, adding players and objects to cast and stage as needed."""

    def __init__(self, cast: Cast, stage: Stage, addressed: list[Player] | None = None) -> None:
        """addressed: who acts where the first clause has no subject."""
        self.cast, self.stage, self.addressed = cast, stage, addressed or []
        self.settings: list[tuple[Target, str, list[Target]]] = []  # "a man on a bench"
        self.holds: list[tuple[Player, Item]] = []
        self.doing: list[tuple[Player, Verb]] = []  # "a screaming girl"
        self.unknown_nouns: list[str] = []  # with what is shown instead
        self.busy: list[Player] = []  # players that were the subject of a clause

    def acts(self, clauses: list[Clause]) -> list[Act]:
        """The acts of clauses in the order they happen, each linked to the one before."""
        found: list[Act] = []
        clauses = [mounted(self._active(clause)) for clause in completed(clauses)]
        for clause in clauses:
            act = self._act(clause, found[-1] if found else None)
            if act is not None:
                _except_from(act, found[-1] if found else None)
                found.append(act)
            for player, verb in self.doing:
                said = [third_person(verb.words[0])]
                found.append(Act(Clause(verb=verb, words=said), [player], link="while"))
            self.doing.clear()
        return _in_order(found)

    def _act(self, clause: Clause, before: Act | None) -> Act | None:
        """The act of a clause, ``before`` the last one; None where nobody acts."""
        who: list[Player] = []
        items: list[Item] = []
        for noun in clause.subject:
            if noun.kind == "viewer" or noun.key == "me":
                noun = Noun("role", "person", noun.word, definite=True, name=noun.word.title())
            found = self.target(noun, [], subject=True)
            who += [t for t in found if isinstance(t, Player) and t not in who]
            items += [t for t in found if isinstance(t, Item)]
        who = self._spared(clause, who)
        scenery = bool(clause.subject) and not who and (items or self.cast.background)
        if clause.subject and (self.cast.nobody and not who):
            return None
        if not clause.subject:
            who = before.who if before is not None else list(self.addressed)
        act = Act(clause, list(who), link=clause.link)
        for noun in clause.objects:
            noun = _myself(noun, clause.verb, None)
            if noun.kind == "viewer":
                act.viewer = True
                continue
            found = self.stage.find(noun) if _is_ball(noun, clause) else self.target(noun, who)
            act.objects += [t for t in found if t not in act.objects]
        for relation, noun in clause.places:
            noun = _myself(noun, clause.verb, relation)
            if noun.kind == "viewer":
                act.viewer = True
                continue
            found = self.target(noun, who, place=True)
            if found and act.places and relation == act.places[-1][0] == "between":
                act.places[-1][1].extend(found)
            elif found:
                act.places.append((relation, found))
        for player in who if clause.verb is None and not clause.negated else ():
            player.style = clause.style or player.style  # "they are happy"
        if clause.verb is None and clause.was and not clause.negated:
            for player in [p for p in who if p not in self.busy]:  # "the cat is on the sofa"
                self.settings += [(player, relation, found) for relation, found in act.places]
        self.busy += who
        if who:
            self.cast.subject = who
            if len(who) > 1 or len(self.cast.last) < 2:
                self.cast.last = who
        if scenery:
            for item in items:
                for relation, targets in act.places:
                    self.settings.append((item, relation, targets))
            if not items or clause.verb is None:
                return None
            moves = clause.verb.frame in ("move", "haul") or flies_up(clause) is not None
            hits = runs_into(act)
            if not moves and not hits and clause.verb.action is not ActionType.FALL:
                return None
            act.objects[:0] = items
            return act
        return act

    def _spared(self, clause: Clause, who: list[Player]) -> list[Player]:
        """The players who act without those excepted; if that leaves none, those excepted."""
        spared: list[Player] = []
        for noun in clause.excepted:
            alike = [p for p in who if noun.kind == "pron" or p.key == noun.key]
            if noun.count < len(who) and alike and not noun.definite:
                spared += alike[-noun.count :]
            else:
                spared += [t for t in self.target(noun, []) if isinstance(t, Player)]
        self.cast.spared = spared or self.cast.spared
        left = [p for p in who if p not in spared]
        return spared if spared and not left else left

    def target(
        self, noun: Noun, doing: list[Player], *, subject: bool = False, place: bool = False
    ) -> list[Target]:
        """The players, objects or fixed spots a noun phrase means.

        doing: the subject of the clause, which a pronoun does not mean. subject: the noun is the
        subject. place: the noun follows a preposition.
        """
        if noun.kind == "unknown" and noun.word:
            trade = noun.word.endswith(words().trade_endings)
            person = (subject or trade) and not _is_thing(noun.word)
            self.unknown_nouns.append(noun.word + (" (shown as a person)" if person else ""))
            if not person:
                return []
        if noun.kind in ("wear", "viewer"):
            return []
        spot = noun.kind in ("place", "theme") or (noun.kind == "thing" and (place or subject))
        spot = spot or (noun.kind == "thing" and not is_held(noun.key))
        fixed = self.stage.place_named(noun.word) if spot else None
        if noun.kind == "theme":
            return [fixed] if fixed is not None else []
        if noun.key is ObjectType.BASE and self.stage.theme.set == "baseball":
            fixed = self.stage.the_bases() if noun.many else self.stage.place_named("first base")
        if fixed is not None:
            return [fixed]
        if noun.kind == "place":
            return []
        found: list[Target]
        it = noun.kind == "pron" and noun.key == "n" and self._it_is_object(doing)
        if noun.kind == "thing" or it:
            found = list(self.stage.find(noun))
        else:
            found = list(self.cast.find(noun, doing))
        for relation, other in noun.where:
            targets = self.target(other, [])  # no subject: "to the woman behind him"
            if targets:
                for one in found:
                    self.settings.append((one, relation, targets))
        if noun.doing is not None:
            self.doing += [(one, noun.doing) for one in found if isinstance(one, Player)]
        for one in found:
            if isinstance(one, Player) and noun.kind == "role" and one.role.shown:
                self.unknown_nouns.append(f"{noun.word} (shown as {one.role.shown})")
            if isinstance(one, Player) and noun.side and one.spot is None:
                one.put(SIDE_M * noun.side, 0.0)
        for prop in noun.props:
            for one in found:
                if isinstance(one, Player):
                    made = self.stage.make(prop.key, prop)
                    self.holds += [(one, item) for item in made]
        return found

    def _it_is_object(self, doing: list[Player]) -> bool:
        """Whether "it" is an object: one was named, and no animal or robot outside ``doing``."""
        others = [p for p in self.cast.players if p not in doing]
        return bool(self.stage.last) and all(p.gender != "n" for p in others)

    def _active(self, clause: Clause) -> Clause:
        """A clause in the passive voice turned into the active."""
        verb = clause.verb
        if verb is None or not clause.was or clause.form not in ("ed", "en", "base"):
            return clause
        agents = [noun for relation, noun in clause.places if relation == "by" and noun.acts]
        if agents:
            rest = [(r, n) for r, n in clause.places if n not in agents]
            said = [clause.words[0], *(describe(noun) for noun in clause.subject)]
            done = clause.subject[-1].word if clause.subject else clause.topic
            phrase = vocabulary().get(f"{clause.words[0]} a {done}", ())
            whole = next((r.value for r in phrase if r.kind == "verb"), None)  # "score a goal"
            return replace(
                clause,
                subject=agents,
                objects=[] if whole else list(clause.subject),
                places=rest,
                words=said,
                verb=whole or verb,
            )
        transitive = verb.frame in ("send", "bat", "strike", "chase", "haul", "take", "pair", "use")
        hitters = [noun for relation, noun in clause.places if relation == "by"]
        if hitters and transitive:  # "is knocked down by a car"
            rest = [(r, n) for r, n in clause.places if n not in hitters]
            return replace(
                clause, subject=hitters[:1], objects=list(clause.subject), places=rest, was=False
            )
        if transitive and clause.form in ("ed", "en") and clause.subject:
            agent = Noun("role", "person", "person")
            return replace(clause, subject=[agent], objects=list(clause.subject))
        return clause


def _except_from(act: Act, before: Act | None) -> None:
    """Remove players from the act before if this act negates it for them.

    "three women dance but one of them does not": that one never dances.
    """
    if before is None or not act.clause.negated or before.clause.verb is not act.clause.verb:
        return
    if set(map(id, act.who)) < set(map(id, before.who)) and not before.clause.negated:
        before.who = [p for p in before.who if p not in act.who]


def _is_thing(word: str) -> bool:
    """Whether a word names an object that no object type shows, such as a mirror."""
    return word in words().unseen or word.removesuffix("s") in words().unseen


def _myself(noun: Noun, verb: Verb | None, relation: str | None) -> Noun:
    """The noun, with "me" and "us" as people on stage where the verb meets them.

    One waves to the viewer, but hugs or runs to somebody on stage.
    """
    meets = verb is not None and verb.frame not in ("aim", "stay")
    if noun.kind != "viewer" or noun.word not in ("me", "us") or not meets or relation == "toward":
        return noun
    count = 1 if noun.word == "me" else 2
    return Noun("role", "person", "person", count, count > 1, definite=True, name=noun.word.title())


def _is_ball(noun: Noun, clause: Clause) -> bool:
    """Whether "it" can only be the ball: "the pitcher throws and the batter hits it"."""
    plays = clause.verb is not None and clause.verb.frame in ("send", "bat")
    return plays and noun.kind == "pron" and noun.key == "n"


def _in_order(acts: list[Act]) -> list[Act]:
    """Acts of the order of the text, in the order they happen."""
    ordered: list[Act] = []
    k = 0
    while k < len(acts):
        act = acts[k]
        if act.link == "front_before" and k + 1 < len(acts):
            later = acts[k + 1]
            ordered += [replace(later, link="."), replace(act, link="then")]
            k += 2
            continue
        after = acts[k + 1] if k + 1 < len(acts) else None
        done = act.clause
        loose = done.form == "ing" and not (done.was or done.cease) and act.link in ("", ".")
        if loose and after is not None and _gestures_on_the_way(act, after):
            ordered += [replace(after, link=act.link), replace(act, link="while")]
            k += 2  # "laughing, they run to the house"
            continue
        if act.link in _PARALLEL and ordered and _done_seated(ordered[-1], act):
            before = ordered.pop()  # "reads sitting on a bench"
            ordered += [replace(act, link=before.link), replace(before, link="then")]
            k += 1
            continue
        if act.link == "while" and ordered and _sits_there(act, ordered[-1]):
            before = ordered.pop()  # "brings coffee to a couple sitting at a table"
            ordered += [replace(act, link=before.link), replace(before, link="while")]
            k += 1
            continue
        if act.link in _PARALLEL and ordered and _gestures_on_the_way(ordered[-1], act):
            going = replace(act, link=ordered[-1].link)
            ordered[-1:] = [going, replace(ordered[-1], link="while")]
            k += 1
            continue
        if act.link == "when" and ordered:
            going_on = ordered[-1].clause.form == "ing" and ordered[-1].clause.was
            act = replace(act, link="while" if going_on else "after")
        if act.link == "after" and ordered:
            main = ordered.pop()
            ordered += [replace(act, link=main.link), replace(main, link="then")]
        elif act.link.startswith("front_"):
            ordered.append(replace(act, link="."))
        else:
            ordered.append(act)
        k += 1
    return ordered


def _gestures_on_the_way(gesture: Act, going: Act) -> bool:
    """Whether a gesture belongs to a way, which then comes first: "sings while he walks"."""
    first, second = gesture.clause.verb, going.clause.verb
    return (
        bool(first and second)
        and first.frame != "move"
        and second.frame == "move"
        and gesture.who == going.who
    )


def _done_seated(act: Act, posture: Act) -> bool:
    """Whether an act is done on a seat, which is taken first: "reads while sitting"."""
    first, second = act.clause.verb, posture.clause.verb
    seated = bool(first and second) and first.frame in ("use", "aim") and second.frame == "seat"
    return seated and act.who == posture.who


def _sits_there(posture: Act, act: Act) -> bool:
    """Whether the players an act is done to sit all the while, rather than sit down."""
    verb, clause = posture.clause.verb, posture.clause
    met = [t for found in [act.objects, *(f for _, f in act.places)] for t in found]
    sits = verb is not None and verb.frame == "seat" and clause.form == "ing" and not clause.was
    return sits and bool(posture.who) and all(p in met for p in posture.who)


def follows(link: str) -> bool:
    """Whether a link means that the act starts when the one before has ended."""
    return link in ("then", "before", "until")


def together(link: str) -> bool:
    """Whether a link means that the act starts with the one before."""
    return link in _PARALLEL or link in ("and", ",")
