"""Which joint of a skeleton is which: names of the common rigs, and a report of the match."""

import re
from dataclasses import dataclass
from itertools import pairwise

from ml.capture.bvh import Bvh

SIDES = ("left", "right")
# Base names, without side and rig prefix, best first. They cover CMU (cgspeed's three namings),
# Mixamo, LAFAN1, Bandai-Namco, Rokoko, Xsens, Biped, Unreal and Daz.
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
_TOES = (
    "toebase",
    "toe",
    "toes",
    "toe0",
    "ball",
)  # a joint; without one the foot's end site serves
_CHAINS = (("upper_leg", "lower_leg", "foot"), ("upper_arm", "forearm", "hand"))
_RIG_WORDS = re.compile(r"^(mixamorig\d*|bip(ed)?0*\d*|character\d*|jnt|joint|def|skeleton\d*)$")


@dataclass(frozen=True, slots=True)
class Rig:
    """Roles ("hips", "left_foot", …) and the index of the joint taken for each."""

    joints: dict[str, int]
    names: dict[str, str]  # role -> the file's name
    unused: tuple[str, ...]

    def report(self) -> str:
        """One line per role, then what was left over."""
        lines = [f"{role}: {name}" for role, name in self.names.items()]
        return "\n".join([*lines, f"unused: {', '.join(self.unused) or 'none'}"])


def match_joints(bvh: Bvh) -> Rig:
    """Find every role by name patterns and check each limb's order in the hierarchy.

    Raises ValueError naming the roles that no joint fits, or a limb whose joints do not follow
    one another.
    """
    by_name: dict[tuple[str, str], int] = {}
    for joint, name in enumerate(bvh.names):
        by_name.setdefault(_plain(name), joint)
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


def _plain(name: str) -> tuple[str, str]:
    """A joint's side ("left", "right" or "") and its base name, lower case without decoration."""
    name = re.split(r"[:|]", name)[-1]
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[\s_.\-]+", spaced.lower()) if word]
    words = [word for word in words if not _RIG_WORDS.match(word)] or words
    side = ""
    for mark, long in (("l", "left"), ("r", "right")):
        if mark in words or long in words:
            side = long
            words = [word for word in words if word not in (mark, long)]
        elif words and words[0].startswith(long):
            side = long
            words[0] = words[0].removeprefix(long)
    # LHipJoint: "L" runs into the next word's capital, so no space was set between them.
    run_on = re.match(r"^([LR])(?=[A-Z][a-z])", name)
    if not side and run_on:
        side = "left" if run_on.group(1) == "L" else "right"
        words[0] = words[0][1:]
    return side, "".join(words)


def _check_order(bvh: Bvh, found: dict[str, int], chain: list[str]) -> None:
    for upper, lower in pairwise(chain):
        joint = bvh.parents[found[lower]]
        while joint not in (-1, found[upper]):
            joint = bvh.parents[joint]
        if joint < 0:
            raise ValueError(
                f"skeleton: {bvh.names[found[lower]]!r}, taken for the {lower.replace('_', ' ')}, "
                f"does not hang from {bvh.names[found[upper]]!r}"
            )
