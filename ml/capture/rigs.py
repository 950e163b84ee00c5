"""Identifies a skeleton's joints by the naming conventions of common rigs."""

import re
from dataclasses import dataclass
from itertools import pairwise

from ml.capture.bvh import Bvh

SIDES = ("left", "right")
# Joint names without side and rig prefix, preferred ones first. They cover CMU (cgspeed's three
# namings), Mixamo, LAFAN1, Bandai-Namco, Rokoko, Xsens, Biped, Unreal and Daz.
_MIDDLE = {
    "hips": ("hips", "pelvis", "hip"),
    "neck": ("neck", "neck1", "neck01", "necklower", "head"),
}
_SIDED = {
    "upper_leg": ("upleg", "upperleg", "thigh", "hip"),
    "lower_leg": ("leg", "lowerleg", "lowleg", "shin", "calf", "knee"),
    "foot": ("foot", "ankle"),
    "upper_arm": ("arm", "upperarm", "uparm", "shldr", "shoulder"),
    "forearm": ("forearm", "lowerarm", "lowarm", "elbow"),
    "hand": ("hand", "wrist"),
}
_TOES = ("toebase", "toe", "toes", "toe0", "ball")  # without such a joint, the foot's end site
_CHAINS = (("upper_leg", "lower_leg", "foot"), ("upper_arm", "forearm", "hand"))
_RIG_WORDS = re.compile(r"^(mixamorig\d*|bip(ed)?0*\d*|character\d*|jnt|joint|def|skeleton\d*)$")


@dataclass(frozen=True, slots=True)
class Rig:
    """The joint taken for each role, such as "hips" or "left_foot"."""

    joints: dict[str, int]  # role -> index of the joint
    names: dict[str, str]  # role -> the joint's name in the file
    unused: tuple[str, ...]  # names of the other joints

    def report(self) -> str:
        """One line per role, then one with the unused joints."""
        lines = [f"{role}: {name}" for role, name in self.names.items()]
        return "\n".join([*lines, f"unused: {', '.join(self.unused) or 'none'}"])


def match_joints(bvh: Bvh) -> Rig:
    """Find the joint of each role by its name and check each limb's order in the hierarchy.

    Raises ValueError naming the roles without a joint, or a limb whose joints do not descend from
    one another.
    """
    by_name: dict[tuple[str, str], int] = {}
    for joint, name in enumerate(bvh.names):
        by_name.setdefault(_side_and_base(name), joint)
    found: dict[str, int] = {}
    missing = []
    wanted = [("", role, bases) for role, bases in _MIDDLE.items()]
    wanted += [(side, role, bases) for side in SIDES for role, bases in _SIDED.items()]
    for side, role, bases in wanted:
        label = f"{side}_{role}" if side else role
        joint = next((by_name[side, base] for base in bases if (side, base) in by_name), None)
        if joint is None:
            missing.append(label.replace("_", " "))
        else:
            found[label] = joint
    for side in SIDES:
        toe = next((by_name[side, base] for base in _TOES if (side, base) in by_name), None)
        if toe is not None:
            found[f"{side}_toe"] = toe
        elif f"{side}_foot" in found and found[f"{side}_foot"] not in bvh.ends:
            missing.append(f"{side} toe")
    if missing:
        raise ValueError(f"skeleton: no joint for {', '.join(missing)}; has {', '.join(bvh.names)}")
    for side in SIDES:
        for chain in _CHAINS:
            _check_order(bvh, found, [f"{side}_{role}" for role in chain])
    taken = set(found.values())
    return Rig(
        joints=found,
        names={role: bvh.names[joint] for role, joint in found.items()},
        unused=tuple(name for joint, name in enumerate(bvh.names) if joint not in taken),
    )


def _side_and_base(name: str) -> tuple[str, str]:
    """A joint's side ("left", "right" or "") and its name without side and prefix, lower case."""
    name = re.split(r"[:|]", name)[-1]
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[\s_.\-]+", spaced.lower()) if word]
    words = [word for word in words if not _RIG_WORDS.match(word)] or words
    side = ""
    for letter, word in (("l", "left"), ("r", "right")):
        if letter in words or word in words:
            side = word
            words = [other for other in words if other not in (letter, word)]
        elif words and words[0].startswith(word):
            side = word
            words[0] = words[0].removeprefix(word)
    # In LHipJoint the "L" directly precedes another capital, so they were not separated above.
    joined = re.match(r"^([LR])(?=[A-Z][a-z])", name)
    if not side and joined:
        side = "left" if joined.group(1) == "L" else "right"
        words[0] = words[0][1:]
    return side, "".join(words)


def _check_order(bvh: Bvh, found: dict[str, int], chain: list[str]) -> None:
    """Raises ValueError unless each joint of a limb descends from the one before it."""
    for upper, lower in pairwise(chain):
        joint = bvh.parents[found[lower]]
        while joint not in (-1, found[upper]):
            joint = bvh.parents[joint]
        if joint < 0:
            raise ValueError(
                f"skeleton: {bvh.names[found[lower]]!r}, taken for the {lower.replace('_', ' ')}, "
                f"does not hang from {bvh.names[found[upper]]!r}"
            )
