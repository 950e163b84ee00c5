"""The measures of learned motion: known answers, and the command on a small model."""

from pathlib import Path

import av
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the judge needs the train extra")
pytest.importorskip("safetensors")

from safetensors.torch import save  # noqa: E402

from entities.errors import UserError  # noqa: E402
from ml.motion.corpus import cut_windows, single_clause_starts  # noqa: E402
from ml.motion.runtime import MotionModel  # noqa: E402
from sim.evaluate import held_out, judge, rollouts  # noqa: E402
from sim.evaluate.retrieval import Retrieval  # noqa: E402
from tests.ml.motion.test_model import pacing  # noqa: E402
from tools import contact_sheet, evaluate  # noqa: E402

MODEL = Path(__file__).parents[2] / "data" / "motion_small.onnx"


def test_frechet_of_known_sets() -> None:
    rng = np.random.default_rng(0)
    one = rng.standard_normal((4000, 5))
    assert judge.frechet(one, one) == pytest.approx(0.0, abs=1e-9)
    assert judge.frechet(one, one + np.arange(3.0)[[1, 2, 0, 0, 0]]) == pytest.approx(5.0)
    # N(0, I) and N(0, 4 I): 5 (1 + 4 - 2 sqrt 4)
    assert judge.frechet(one, 2.0 * one) == pytest.approx(5.0, rel=0.05)


class Echo:
    """A judge for whom a sentence is its own feature."""

    def encode_text(self, text):
        return text


def test_r_precision_of_perfect_and_of_blind_motion() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((60, 64)).astype(np.float32)
    clause = rng.integers(1, 60, 600)
    hits, distance = judge.r_precision(Echo(), vectors[clause].astype(float), clause, vectors)
    assert hits.tolist() == [1.0, 1.0, 1.0]
    assert distance == pytest.approx(0.0, abs=1e-6)
    blind, _ = judge.r_precision(Echo(), rng.standard_normal((600, 64)), clause, vectors)
    assert blind == pytest.approx(np.arange(1, 4) / 32, abs=0.04)
    with pytest.raises(ValueError, match="2 different captions; expected at least 32"):
        judge.r_precision(Echo(), vectors[:2].astype(float), np.array([1, 2]), vectors)


def test_windows_of_one_clause() -> None:
    corpus = pacing()
    at = judge.single_clause_starts(corpus, 16)
    rows = at[:, None] + np.arange(16)
    assert (corpus.clause[rows] == corpus.clause[at][:, None]).all()
    assert corpus.root_valid[at].all()
    assert len(at) == 3 * 2 * (45 - 16 + 1)


@pytest.mark.slow
def test_a_judge_learns_to_tell_motion_by_its_words() -> None:
    corpus = pacing(n_episodes=6, seed=3)
    known = judge.learn(corpus, 16, steps=200)
    at = judge.single_clause_starts(corpus, 16)
    at = at[corpus.clause[at] != 1]  # everybody "walks" like he runs: which runner is it?
    state = corpus.state[at[:, None] + np.arange(16)]
    seen = judge.features(known, state)
    assert np.linalg.norm(seen, axis=1) == pytest.approx(1.0, abs=1e-5)
    with torch.no_grad():
        heard = known.encode_text(torch.from_numpy(corpus.vectors)).numpy()
    score = seen @ heard.T
    score[:, [0, 1, *{int(row) for row in corpus.caption}]] = -np.inf
    assert (score.argmax(axis=1) == corpus.clause[at]).mean() > 0.6  # by chance: 1 in 6


def test_routes_and_speeds() -> None:
    for knots in rollouts.routes().values():
        times = [t for t, _ in knots]
        assert times == sorted(times)
        assert knots[0][1] == pytest.approx(knots[-1][1], abs=1e-9)
    assert [rollouts.gait_at(s)[0] for s in rollouts.SPEEDS] == [
        "walk", "jog", "run", "running_bases", "sprint",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_animator_keeps_to_the_routes() -> None:
    errors = rollouts.path_errors(None)
    assert errors["circle"][1] < 0.05
    assert errors["diamond"][1] < 0.08


@pytest.mark.slow
def test_a_change_is_settled_when_nothing_leaps_any_more() -> None:
    still = rollouts.response(None, "idle", "walk")
    assert still.settled == still.seconds <= still.latest
    assert 0.0 < still.jerk <= still.highest
    never = rollouts.response(None, "idle", "walk", leap=0.0)
    assert (never.seconds, never.jerk) == (still.seconds, still.jerk)
    assert never.settled == pytest.approx(1.0, abs=0.05)  # as long as it is looked at
    above = rollouts.response(None, "idle", "walk", leap=1.01 * still.highest)
    assert above.settled == still.settled
    below = rollouts.response(None, "idle", "walk", leap=0.5 * still.jerk)
    assert still.settled < below.settled < never.settled


class Perfect(MotionModel):
    """Does with its root exactly what it is asked."""

    def plan(self, history, text, style, asked, given, noise):
        chunk, contact = super().plan(history, text, style, asked, given, noise)
        cos, sin = np.cos(asked[..., 2]), np.sin(asked[..., 2])
        x, y = asked[..., 0], asked[..., 1]
        chunk[..., -2] = (x * cos + y * sin) / 30.0
        chunk[..., -1] = (y * cos - x * sin) / 30.0
        return chunk, contact


def test_a_perfect_root_has_no_error() -> None:
    corpus = pacing(n_episodes=8, frames=200)
    corpus.vectors = np.zeros((len(corpus.texts), 384), np.float32)
    found = rollouts.travel_error(Perfect(MODEL), corpus, n=12, frames=30)
    assert found.ade < 1e-3
    assert found.share == 1.0
    free = rollouts.free_streams(Perfect(MODEL), (1.3, 5.0), 3.0, np.zeros((2, 20, 22)))
    assert [run.speed for run in free] == pytest.approx([1.3, 5.0], rel=1e-6)


def test_retrieval_finds_what_it_knows() -> None:
    corpus = pacing(n_episodes=8, frames=200)
    corpus.vectors = np.zeros((len(corpus.texts), 384), np.float32)
    like = MotionModel(MODEL)
    known = Retrieval(corpus, like)
    assert (known.history, known.chunk, known.encoder) == (like.history, like.chunk, like.encoder)
    at = single_clause_starts(corpus, like.chunk)
    at = at[at - corpus.first[at] >= like.history][::40]
    truth = cut_windows(
        corpus, at, like.history, like.chunk, np.random.default_rng(0), smoothing_s=(0.0,)
    )
    made = held_out.generate(known, truth, like.history)
    joints, root, _, _ = held_out.figures(
        known.plan(
            truth.state[:, : like.history],
            truth.text,
            truth.style,
            truth.asked[:, like.history :],
            np.ones((len(at), 1)),
            np.zeros(0),
        )[0],
        truth.state[:, like.history :],
        truth.offset[:, like.history :],
    )
    assert made.shape == (len(at), like.chunk, 22)
    assert joints < 0.02
    assert root < 0.05


@pytest.mark.slow
def test_one_sentence_moved_by_two(tool, tmp_path) -> None:
    line = ("beside", "a man walks", "--by", "procedural", "--by", MODEL, "--width", 64)
    code, _, err = tool(contact_sheet.app, *line, tmp_path / "a.mp4", "--end", 0.5, "--headless")
    assert (code or 0, err) == (0, "")
    with av.open(tmp_path / "a.mp4") as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 15
    assert len({frame.shape for frame in frames}) == 1
    assert np.ptp(frames[-1]) > 100
    code, _, err = tool(contact_sheet.app, *line, tmp_path / "a.png", "--frames", 2)
    assert (code or 0, err) == (0, "")
    assert (tmp_path / "a.png").stat().st_size > 0
    code, _, err = tool(
        contact_sheet.app, "beside", "a man walks", tmp_path / "b.png", "--by", "no"
    )
    assert code == 2
    assert "no motion model" in err


@pytest.mark.slow
def test_the_command(tool, tmp_path) -> None:
    page = tmp_path / "rollout.md"
    brief = ("--minutes", 1.2, "--steady", 20.0)
    pages = ("--markdown", page, "--plots", tmp_path)
    code, out, _ = tool(evaluate.app, "rollout", MODEL, *brief, *pages)
    assert code in (0, None)
    with av.open(tmp_path / "rollout.png") as picture:
        assert np.ptp(next(picture.decode(video=0)).to_ndarray(format="gray")) > 200
    assert "Speeds kept for 20 s" in out
    assert "motion_small" in page.read_text()
    code, out, _ = tool(evaluate.app, "cost", MODEL)
    assert code in (0, None)
    assert "Cost on one core" in out
    code, _, err = tool(evaluate.app, "cost", tmp_path / "no.onnx")
    assert code == 2
    assert "no motion model" in err


@pytest.mark.slow
def test_a_model_that_cannot_be_used_costs_no_other(tool, tmp_path) -> None:
    (tmp_path / "bad.onnx").write_text("no model")
    code, out, err = tool(evaluate.app, "cost", MODEL, tmp_path / "bad.onnx")
    assert code == 1
    assert "motion_small" in out
    assert err == f"{tmp_path / 'bad.onnx'}: not a model file (no field has the type 6)\n"
    code, out, err = tool(evaluate.app, "cost", tmp_path / "bad.onnx", tmp_path / "absent.onnx")
    assert (code, out, err.count("\n")) == (2, "", 1)
    code, _, err = tool(evaluate.app, "rollout", MODEL, tmp_path / "bad.onnx", "--int8")
    assert (code, err.count("\n")) == (2, 1)


def test_a_file_that_is_no_judge_is_one_line(tmp_path) -> None:
    corpus = pacing()
    path = tmp_path / "judge.safetensors"
    path.write_bytes(b"no judge")
    with pytest.raises(UserError, match="not a weights file"):
        judge.opened(path, corpus, 16, 1)
    path.write_bytes(save({"read.0.weight": torch.zeros(3)}))
    with pytest.raises(UserError, match="not a judge of these texts"):
        judge.opened(path, corpus, 16, 1)
