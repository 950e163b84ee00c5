"""The trial of a motion model that a user brings: is it one, and are its chunks those of people?

Whatever a file makes onnxruntime do (hang, fill the memory, crash), it does in a child process that
is stopped in time: ``refusal`` starts it and ``main`` is what it runs. The child imports numpy and
onnxruntime only, so that it is ready in a moment.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnxruntime

LIMIT_S = 6.0
"""Everything a trial does, a Python that starts included: usually half a second."""
CPU_LIMIT_S = 3
"""Of one core; what a machine does beside it does not count."""
MEMORY_BYTES, MEMORY_PER_BYTE = 2 << 30, 8
"""Memory a child may map, and more of it for each byte of the model."""
SLOWEST_S = 0.25
"""Of one core, for a chunk: with slower ones nothing plays live. The one that is shipped takes
0.003 s."""
FARTHEST_M, LONGEST_STEP_M = 5.0, 1.0
"""Farthest that a joint may be from the ground under the pelvis, and a root's step within a frame
(30 m/s), both canonical."""
ASKED = ((0.0, 0.0, 0.0), (1.4, 0.0, 0.0), (5.0, 0.0, 0.3), (0.0, 0.7, 0.0))
"""What the trial asks for, one after the other: m/s forward and left, rad."""
BATCH = 3
"""Bodies of the last chunk: the number of a batch is not to be fixed."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a model file says of itself, as far as a trial depends on it."""

    history: int
    chunk: int
    text: int
    standing: tuple[float, ...]  # (F,) a frame of somebody who stands

    def inputs(self) -> dict[str, tuple[int, ...]]:
        """The shape of each input beside the batch."""
        n = len(self.standing)
        return {
            "history": (self.history, n),
            "text": (self.text,),
            "style": (self.text,),
            "asked": (self.chunk, 3),
            "given": (1,),
            "noise": (self.chunk, n),
        }

    def outputs(self) -> dict[str, tuple[int, ...]]:
        """The shape of each output beside the batch."""
        return {"chunk": (self.chunk, len(self.standing)), "contact": (self.chunk, 2)}


@lru_cache(maxsize=4)
def refusal(content: bytes, claims: Claims) -> str:
    """Why a file is not to be used, in a few words; "" if it passes its trial."""
    order = [sys.executable, "-P", "-c", TRIAL_PROGRAM, *sys.path]
    request = json.dumps(asdict(claims)).encode() + b"\n" + content
    # It is to have nothing of ours: neither the terminal nor a thread per core.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            order, input=request, capture_output=True, timeout=LIMIT_S, env=environment
        )
    except subprocess.TimeoutExpired:
        return f"its trial takes more than {LIMIT_S:g} s; expected {SLOWEST_S:g} s a chunk"
    if done.returncode == -getattr(signal, "SIGXCPU", 0) < 0:
        return f"its trial takes more than {CPU_LIMIT_S} s; expected {SLOWEST_S:g} s a chunk"
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return f"its trial ended with {_ending(done.returncode)}; expected a chunk of motion"
    return json.loads(lines[-1])


def _ending(code: int) -> str:
    """How a process ended, for people."""
    return signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"


TRIAL_PROGRAM = """
import sys
sys.path[:] = sys.argv[1:]
from ml.motion.trial import main
main()
"""


def main() -> None:
    """The child: a model on stdin, after a line with its Claims; the refusal goes to stdout."""
    request = json.loads(sys.stdin.buffer.readline())
    claims = Claims(**{**request, "standing": tuple(request["standing"])})
    content = sys.stdin.buffer.read()
    _limit_resources(len(content))
    try:
        session = open_session(content)
        answer = _misfit(session, claims) or _try_out(session, claims)
    except MemoryError:
        answer = "its trial needs too much memory"
    except Exception as error:  # onnxruntime's own classes share no other base
        answer = f"not a model file ({reason(error)})"
    print(json.dumps(answer))


def open_session(content: bytes) -> "onnxruntime.InferenceSession":
    """A session of one thread. Raises whatever onnxruntime does, for what is no model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])


def reason(error: Exception) -> str:
    """The first line of an error, shortened, without what onnxruntime puts before it."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", line)
    return " ".join(line.split())[:120]


def misshapen(chunk: np.ndarray, contact: np.ndarray, claims: Claims, batch: int) -> str:
    """What is wrong with the shapes of a chunk; "" if nothing is."""
    for (name, shape), found in zip(claims.outputs().items(), (chunk, contact), strict=True):
        if found.shape != (batch, *shape):
            return f"{name} comes as {found.shape}; expected {(batch, *shape)}"
    return ""


def _limit_resources(model_bytes: int) -> None:
    """Bound processor time and memory, where the system can."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows: there is the time limit of the parent
        return
    most = MEMORY_BYTES + MEMORY_PER_BYTE * model_bytes
    for kind, limit in (
        (resource.RLIMIT_CPU, CPU_LIMIT_S),
        (resource.RLIMIT_AS, most),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(kind, (limit, hard))


def _misfit(session: "onnxruntime.InferenceSession", claims: Claims) -> str:
    """The first input or output that is not as the runtime feeds or reads it; "" for none."""
    for kind, wanted, found in (
        ("input", claims.inputs(), session.get_inputs()),
        ("output", claims.outputs(), session.get_outputs()),
    ):
        there = {one.name: one for one in found}
        for name, shape in wanted.items():
            if name not in there:
                names = ", ".join(one.name for one in found)
                return f"no {kind} {name}; has {names[:80] or 'none'}"
            one = there.pop(name)
            if one.type != "tensor(float)":
                return f"{kind} {name} is {one.type}; expected tensor(float)"
            batch, *rest = one.shape or [None]
            if tuple(rest) != shape or isinstance(batch, int):
                expected = ", ".join(["any", *map(str, shape)])
                return f"{kind} {name} has the shape {_listed(one.shape)}; expected [{expected}]"
        if there:
            return f"{kind} {next(iter(there))[:40]} is unknown; expected {', '.join(wanted)}"
    return ""


def _listed(shape: list[int | str | None]) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"


def _try_out(session: "onnxruntime.InferenceSession", claims: Claims) -> str:
    """What is wrong with chunks that the model makes; "" if they could be a person's."""
    rng = np.random.default_rng(0)
    answers = []
    # The first is asked for twice: the same has to come.
    for k, asked in enumerate((ASKED[0], *ASKED, ASKED[1])):
        n = BATCH if k > len(ASKED) else 1
        feed = _feed(claims, n, asked, np.random.default_rng(0) if k == 0 else rng)
        started = time.process_time()
        chunk, contact = session.run(list(claims.outputs()), feed)
        took = time.process_time() - started
        if found := misshapen(chunk, contact, claims, n):
            return found
        if took > SLOWEST_S * n:
            return f"a chunk takes {took:.1f} s; expected {SLOWEST_S:g} at most"
        pose, step = chunk[..., :-2], chunk[..., -2:]
        for name, part, most in (
            ("a pose", pose, FARTHEST_M),
            ("a root's step", step, LONGEST_STEP_M),
        ):
            if not np.isfinite(part).all():
                return f"makes {name} of numbers that are not finite"
            if np.abs(part).max() > most:
                return f"makes {name} of {np.abs(part).max():.3g} m; expected {most:g} at most"
        if not (np.isfinite(contact).all() and contact.min() >= 0.0 and contact.max() <= 1.0):
            return "makes contacts that are not from 0 to 1"
        answers.append(chunk)
    if not np.array_equal(answers[0], answers[1]):
        return "makes another chunk of the same inputs; expected the same"
    return ""


def _feed(
    claims: Claims, n: int, asked: tuple[float, float, float], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Inputs for ``n`` bodies who stand and are to go on as asked."""
    feed = {name: np.zeros((n, *shape), np.float32) for name, shape in claims.inputs().items()}
    feed["history"][:] = np.array(claims.standing, np.float32)
    text = rng.standard_normal((n, claims.text))
    feed["text"][:] = text / np.linalg.norm(text, axis=1, keepdims=True)
    feed["asked"][:], feed["given"][:] = asked, 1.0
    feed["noise"][:] = rng.standard_normal(feed["noise"].shape)
    return feed
