"""The motion transformer: shapes, what depends on what, and that it learns, resumes and exports."""

import csv
import json

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")
safetensors = pytest.importorskip("safetensors.torch")

from dataclasses import fields, replace  # noqa: E402

from entities.skeleton import (  # noqa: E402
    BONE_LENGTHS,
    JOINTS,
    L_HAND,
    PELVIS,
    R_HAND,
    SHANK,
    THIGH,
    ActorType,
    bone_lengths,
)
from ml.episodes.features import N_FEATURES, encode  # noqa: E402
from ml.measure.metrics import MOTION_FPS  # noqa: E402
from ml.motion.corpus import (  # noqa: E402
    Corpus,
    Track,
    augmented,
    cut_windows,
    mirrored,
    on_human_bones,
    time_scaled,
)
from ml.motion.model import (  # noqa: E402
    FRAME_NOISE,
    ROOT,
    SHARED_NOISE,
    MotionConfig,
    MotionTransformer,
    Sampler,
    n_parameters,
)
from ml.motion.objective import Augmentation, Batch, augment, energy_score, objective, to_batch  # noqa: E402
from ml.motion.weights import load_into, load_model, load_state, save_shards, save_weights  # noqa: E402
from ml.train import PRESETS, STATE, TrainConfig, learning_rate, train  # noqa: E402

SMALL = MotionConfig(width=32, layers=2, heads=2, text=8, history=8, chunk=16)


def pacing(n_episodes: int = 4, frames: int = 90, seed: int = 0) -> Corpus:
    """People with a step's rhythm in their joints who go along at a speed and turn."""
    rng = np.random.default_rng(seed)
    parts = []
    for k in range(n_episodes):
        t = np.arange(frames) / MOTION_FPS
        speed, turn, phase = rng.uniform(0.5, 6.0), rng.uniform(-1.0, 1.0), rng.uniform(0.0, 6.0)
        heading = turn * t
        step = speed / MOTION_FPS
        way = step * np.stack([np.cos(heading), np.sin(heading), 0.0 * t], axis=1)
        root = np.cumsum(way, axis=0) - way
        beat = np.sin(2.0 * np.pi * 1.5 * t + phase)
        pose = np.tile(np.linspace(0.0, 1.0, 20).reshape(10, 2), (frames, 1, 1))
        pose += 0.1 * beat[:, None, None]
        pose[:, 0, 0] = 0.0
        clause = np.where(t < t[-1] / 2, 1, 2)
        parts.append(
            Corpus(
                state=encode(root, heading, pose, 1.0).astype(np.float32),
                heading=heading.astype(np.float32),
                contact=np.stack([beat > 0.0, beat < 0.0], axis=1),
                action=np.zeros(frames, np.int32),
                clause=clause,
                caption=np.full(frames, 3),
                style=np.zeros(frames, np.int32),
                intensity=np.zeros(frames, np.float32),
                root_valid=np.full(frames, k != 0),
                first=np.zeros(frames, np.int64),
                end=np.full(frames, frames),
                texts=["", "walks", f"runs {k}", f"walks, then runs {k}"],
                vectors=rng.standard_normal((4, 8)).astype(np.float32),
            )
        )
    return Corpus.join(parts)


def a_batch(model, corpus, n=6, seed=0):
    rng = np.random.default_rng(seed)
    fits, _ = corpus.chunk_starts(model.config.chunk)
    windows = cut_windows(
        corpus, rng.choice(fits, n), 2 * model.config.history, model.config.chunk, rng
    )
    return to_batch(windows, model, torch.device("cpu"))


def small_model(corpus: Corpus, seed: int = 0) -> MotionTransformer:
    torch.manual_seed(seed)
    model = MotionTransformer(SMALL)
    mean, std = corpus.statistics()
    model.mean.copy_(torch.from_numpy(mean))
    model.std.copy_(torch.from_numpy(std))
    return model


def test_the_shipped_shape() -> None:
    assert 10.5e6 < n_parameters(MotionTransformer(MotionConfig())) < 11.5e6
    with pytest.raises(ValueError, match="history, chunk: 21, 40; expected multiples of 4"):
        MotionConfig(history=21)
    with pytest.raises(ValueError, match="width: 100"):
        MotionConfig(width=100, heads=8)


def test_windows_stay_in_their_episode_and_say_what_was_done() -> None:
    corpus = pacing()
    fits, changed = corpus.chunk_starts(16)
    assert all(corpus.first[fits] == corpus.first[fits + 15])
    assert set(changed) <= set(fits)
    assert len(changed) == 4 * (8 + 8)
    windows = cut_windows(corpus, np.array([0, 130]), 16, 16, np.random.default_rng(0))
    assert (windows.state[0, :16] == corpus.state[0]).all()  # before the first frame: it, repeated
    assert (windows.state[1] == corpus.state[114:146]).all()
    assert windows.valid[1].tolist() == [1.0] * 5 + [0.0] * 11  # the clause ends at 135
    assert (windows.text[1] == corpus.vectors[corpus.clause[130]]).all()
    speed = np.hypot(*windows.velocity[1, 16]) / MOTION_FPS
    assert speed == pytest.approx(np.hypot(*corpus.state[130, -2:]), rel=0.01)
    assert np.abs(windows.velocity[1, 16, 1]) < 0.15 * windows.velocity[1, 16, 0]  # ahead


def test_what_is_not_rooted_teaches_no_root() -> None:
    corpus = pacing()
    model = small_model(corpus).eval()
    batch = to_batch(
        cut_windows(corpus, np.array([20]), 16, 16, np.random.default_rng(0)), model, "cpu"
    )
    assert batch.given.item() == 0.0
    parts = objective(model, batch, torch.randn(2, *batch.chunk.shape))
    assert parts["root"] == parts["travel"] == parts["slide"] == 0.0
    assert parts["pose"] > 0.0


def test_other_bodies_are_brought_to_human_bones() -> None:
    own = np.array(BONE_LENGTHS[ActorType.CHILD])
    rng = np.random.default_rng(0)
    pose = np.zeros((5, 10, 2))
    pose[:, 0, 1] = 0.8
    from entities.skeleton import BONE_OF_JOINT, PARENTS

    for joint in range(1, 10):
        angle = rng.uniform(-3.0, 3.0, 5)
        way = own[BONE_OF_JOINT[joint]] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        pose[:, joint] = pose[:, PARENTS[joint]] + way
    state = np.concatenate([pose.reshape(5, 20), np.full((5, 2), 0.1)], axis=1)
    made = on_human_bones(state, ActorType.CHILD)
    human = np.array(BONE_LENGTHS[ActorType.HUMAN])
    lengths = bone_lengths(made[:, :20].reshape(5, 10, 2).astype(float))
    assert lengths == pytest.approx(np.tile(human[list(BONE_OF_JOINT[1:])], (5, 1)), rel=1e-5)
    legs = (own[THIGH] + own[SHANK]) / (human[THIGH] + human[SHANK])
    assert made[:, -1] == pytest.approx(0.1 / legs, rel=1e-5)


def test_what_depends_on_what() -> None:
    corpus = pacing()
    model = small_model(corpus).eval()
    sampler = Sampler(model)
    batch = a_batch(model, corpus, 3)
    history = batch.history * model.std + model.mean
    noise = torch.randn(batch.chunk.shape, generator=torch.Generator().manual_seed(1))
    given = torch.ones(3, 1)

    def make(**other):
        inputs = {
            "history": history, "text": batch.text, "style": batch.style,
            "asked": batch.asked, "given": given, "noise": noise,
        }  # fmt: skip
        with torch.no_grad():
            return sampler(**(inputs | other))

    chunk, contact = make()
    assert chunk.shape == (3, 16, N_FEATURES)
    assert contact.shape == (3, 16, 2)
    assert ((contact > 0.0) & (contact < 1.0)).all()
    for other in (
        {"history": history + 0.1},
        {"text": batch.text + 1.0},
        {"style": batch.style + 1.0},
        {"asked": batch.asked + 1.0},
        {"noise": noise + 1.0},
    ):
        assert (make(**other)[0] != chunk).any(), other.keys()
    free = {"given": torch.zeros(3, 1)}
    assert (make(**free)[0] == make(**free, asked=batch.asked + 1.0)[0]).all()
    assert torch.equal(make(noise=noise)[0], chunk)
    # What frames have in common chooses, and is given less room than what differs between them.
    common, differing = torch.ones_like(noise), torch.ones_like(noise)
    differing[:, ::2] = -1.0
    before = model.encode_context(batch.history, batch.text, batch.style)
    for kind, size in ((common, SHARED_NOISE), (differing, FRAME_NOISE)):
        with torch.no_grad():
            wanted, _ = model.generate(size * kind, batch.asked, given, before)
        assert torch.allclose(make(noise=kind)[0], wanted * model.std + model.mean, atol=1e-5)
    # One body does not depend on who else is served.
    alone = sampler(
        history[:1], batch.text[:1], batch.style[:1], batch.asked[:1], given[:1], noise[:1]
    )
    assert torch.allclose(alone[0][0], chunk[0], atol=1e-5)


def test_a_deaf_model_has_one_take_of_everything() -> None:
    corpus = pacing()
    model = small_model(corpus).eval()
    model.disable_noise()
    batch = a_batch(model, corpus, 3)
    with torch.no_grad():
        made, _ = model(torch.randn(2, *batch.chunk.shape), *batch.conditions)
    assert torch.equal(made[0], made[1])
    loss = objective(model, batch, torch.zeros(1, *batch.chunk.shape))["loss"]
    loss.backward()
    assert model.read_noise.weight.grad is None


def test_takes_of_one_past_are_as_if_made_alone() -> None:
    corpus = pacing()
    model = small_model(corpus).eval()
    batch = a_batch(model, corpus, 3)
    noise = torch.randn(4, *batch.chunk.shape)
    with torch.no_grad():
        made, contact = model(noise, *batch.conditions)
        for k in range(4):
            alone, stands = model(noise[k : k + 1], *batch.conditions)
            assert torch.allclose(made[k], alone[0], atol=1e-5)
            assert torch.allclose(contact[k], stands[0], atol=1e-5)


def test_the_score_is_best_for_takes_as_varied_as_what_happens() -> None:
    draw = torch.Generator().manual_seed(0)
    n, weight = 4000, torch.ones(4000, 3)
    side = torch.sign(torch.randn((n, 1, 1), generator=draw))
    true = side.expand(n, 3, 2)  # left or right, for all of a chunk

    def of(spread: float) -> float:
        takes = spread * torch.sign(torch.randn((2, n, 1, 1), generator=draw)).expand(2, n, 3, 2)
        return energy_score(takes, true, weight).item()

    assert of(1.0) == pytest.approx(0.5, abs=0.03)
    assert of(0.0) == pytest.approx(1.0, abs=0.01)  # the mean of both
    assert of(0.5) > of(1.0) + 0.1
    assert of(1.5) > of(1.0) + 0.1
    # Sides drawn anew in every frame are right one by one, and wrong together.
    torn = torch.sign(torch.randn((2, n, 3, 1), generator=draw)).expand(2, n, 3, 2)
    assert energy_score(torn, true, weight) > of(1.0) + 0.02
    assert energy_score(true[None], true, weight) == 0.0
    assert energy_score(0.5 * true[None], true, weight) == pytest.approx(0.25)  # the mean square


def test_rare_actions_are_drawn_more_often_than_they_are_seen() -> None:
    corpus = pacing()
    corpus.action[:] = np.arange(len(corpus)) < 36  # a tenth
    at, _ = corpus.chunk_starts(1)
    odds = corpus.sampling_cdf(at)
    share = np.diff(odds, prepend=0.0)[:36].sum()
    assert odds[-1] == 1.0
    assert share == pytest.approx(0.25, abs=1e-6)  # sqrt(36) to sqrt(324)


def track(text: str = "a person waves with the left hand") -> Track:
    rng = np.random.default_rng(4)
    contact = np.tile([True, False], (31, 1))
    heading = np.linspace(0.0, 1.0, 31).astype(np.float32)
    state = rng.standard_normal((31, 22)).astype(np.float32)
    return Track(state, heading, contact, np.full(31, 5), np.zeros(31, int), [text, text])


def test_a_mirror_swaps_sides_and_twice_is_as_it_was() -> None:
    one = track()
    other = mirrored(one)
    assert other.texts == ["a person waves with the right hand"] * 2
    pose, flipped = (each.state[:, :20].reshape(-1, 10, 2) for each in (one, other))
    assert (flipped[:, L_HAND] == pose[:, R_HAND]).all()
    assert (flipped[:, PELVIS] == pose[:, PELVIS]).all()
    assert (other.state[:, -2] == one.state[:, -2]).all()
    assert (other.state[:, -1] == -one.state[:, -1]).all()
    assert (other.heading == -one.heading).all()
    assert other.contact[0].tolist() == [False, True]
    back = mirrored(other)
    assert (back.state == one.state).all()
    assert back.texts == one.texts


def test_faster_motion_goes_as_far_in_less_time() -> None:
    one = track()
    one.state[:, -2:] = np.linspace(0.01, 0.05, 31)[:, None]
    for rate in (0.8, 1.25):
        other = time_scaled(one, rate)
        assert len(other.state) == pytest.approx(31 / rate, abs=1.0)
        assert len(other.heading) == len(other.contact) == len(other.clause) == len(other.state)
        assert other.state[:, -2].sum() == pytest.approx(one.state[:, -2].sum(), rel=0.04)
        assert other.heading[-1] == pytest.approx(1.0, abs=0.05)


def test_captured_motion_is_told_in_other_words() -> None:
    made = augmented(track())
    assert len(made) == 6
    assert len({one.texts[0] for one in made}) == 6
    assert all("waves with the" in one.texts[0] for one in made)


def teach(model: MotionTransformer, batch: Batch, steps: int) -> torch.Generator:
    """Learn a batch by heart; returns what the noise was drawn with, to go on with."""
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    draw = torch.Generator().manual_seed(0)
    for _ in range(steps):
        parts = objective(model, batch, torch.randn((2, *batch.chunk.shape), generator=draw))
        optimiser.zero_grad()
        parts["loss"].backward()
        optimiser.step()
    return draw


@pytest.mark.slow
def test_it_overfits_one_batch() -> None:
    corpus = pacing()
    model = small_model(corpus)
    model.train(False)
    batch = a_batch(model, corpus, 8)
    draw = teach(model, batch, 300)
    with torch.no_grad():
        noise = torch.randn(batch.chunk.shape, generator=draw)
        history = batch.history * model.std + model.mean
        made, _ = Sampler(model)(history, batch.text, batch.style, batch.asked, batch.given, noise)
    true = batch.chunk * model.std + model.mean
    apart = (made - true)[batch.valid.bool()]
    assert apart[:, : ROOT.start].abs().mean() < 0.03  # a mean pose is off by 0.064
    rooted = ((made - true)[..., ROOT] * batch.root_valid[..., None])[batch.valid.bool()]
    assert rooted.abs().mean() * MOTION_FPS < 0.2  # m/s


@pytest.mark.slow
def test_takes_choose_where_the_mean_would_fall_between() -> None:
    corpus = pacing()
    model = small_model(corpus)
    batch = a_batch(model, corpus, 16)
    one = [torch.cat([getattr(batch, field.name)[:1]] * 16) for field in fields(batch)]
    batch = type(batch)(*one)
    batch.valid[:] = 1.0
    side = torch.tensor([-1.0, 1.0]).repeat(8)[:, None]
    batch.chunk[..., 2 * L_HAND] += 1.5 * side
    draw = teach(model, batch, 800)
    model.eval()
    with torch.no_grad():
        made, _ = model(torch.randn((8, *batch.chunk.shape), generator=draw), *batch.conditions)
    middle = batch.chunk[:2, :, 2 * L_HAND].mean(dim=0)
    off = (made[..., 2 * L_HAND] - middle).mean(dim=2).flatten()  # (128,), a chunk each
    assert (off.abs() > 1.0).float().mean() > 0.6  # few in between
    assert 0.3 < (off > 0.0).float().mean() < 0.7


def test_disturbing_keeps_what_is_to_be_learned() -> None:
    corpus = pacing()
    model = small_model(corpus).eval()
    batch = a_batch(model, corpus, 8)
    draw = torch.Generator().manual_seed(0)
    nothing = Augmentation(1.0, 1.0, 1.0, noise=0.1, own_history=0.5)
    other = augment(model, batch, nothing, draw)
    assert torch.equal(other.chunk, batch.chunk)
    assert not other.text.any() and not other.style.any() and not other.given.any()  # noqa: PT018
    assert (other.history[:4] - batch.history[:4]).abs().max() > 0.3  # the model's own
    assert (other.history[4:] - batch.history[4:]).abs().max() < 2.0  # noised
    same = augment(model, batch, Augmentation(0.0, 0.0, 0.0, 0.0, 0.0), draw)
    assert torch.equal(same.history, batch.history)
    assert torch.equal(same.text, batch.text)


def test_learning_rate() -> None:
    config = replace(PRESETS["cpu-2h"], steps=1000, warm_up=100)
    assert learning_rate(config, 0) == pytest.approx(config.rate / 100)
    assert learning_rate(config, 100) == pytest.approx(config.rate)
    assert learning_rate(config, 999) == pytest.approx(config.last_rate, rel=0.01)
    mean = replace(config, regression=True)
    assert learning_rate(mean, 100) == pytest.approx(config.mean_rate)


BRIEF = TrainConfig(batch=8, steps=6, warm_up=2, check_every=3, check_windows=8)


@pytest.mark.slow
def test_a_resumed_run_is_the_same_run(tmp_path) -> None:
    corpus, held_out = pacing(), pacing(seed=1)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(corpus, held_out, whole, BRIEF, SMALL, quiet=True)
    train(corpus, held_out, parts, BRIEF, SMALL, max_minutes=0.0, quiet=True)  # stops after one
    assert load_state(parts / STATE)[1]["step"] == 1
    train(corpus, held_out, parts, BRIEF, SMALL, quiet=True)

    def losses(folder):
        with (folder / "curve.csv").open() as file:
            return [float(row["loss"]) for row in csv.DictReader(file)]

    assert len(losses(whole)) == 6
    assert losses(parts) == losses(whole)
    one, _ = load_model(whole / "last.safetensors")
    other, _ = load_model(parts / "last.safetensors")
    for mine, yours in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, yours)
    assert (whole / "curve.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="of another run"):
        train(corpus, held_out, parts, replace(BRIEF, seed=1), SMALL, quiet=True)


@pytest.mark.slow
def test_another_seed_is_another_run(tmp_path) -> None:
    corpus = pacing()
    for seed in (0, 1):
        config = replace(BRIEF, seed=seed, steps=1)
        train(corpus, corpus, tmp_path / str(seed), config, SMALL, quiet=True)
    one, other = (load_model(tmp_path / str(seed) / "last.safetensors")[0] for seed in (0, 1))
    assert (one.pose.weight != other.pose.weight).any()


def test_weights_come_back_and_refuse_strangers(tmp_path) -> None:
    corpus = pacing()
    model = small_model(corpus)
    path = tmp_path / "w.safetensors"
    save_weights(model, path, "data", 7)
    again, about = load_model(path)
    assert about["step"] == "7"
    assert about["joints"] == ",".join(JOINTS)
    assert again.config == SMALL
    for mine, yours in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(mine, yours)
    shards = save_shards(model, tmp_path / "half", "data", 7)
    assert sum(shard.stat().st_size for shard in shards) < 0.6 * path.stat().st_size
    other = small_model(corpus, seed=1)
    load_into(other, tmp_path / "half")
    for mine, yours in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(mine, yours, atol=2e-3)
    assert torch.equal(other.std, model.std)
    with pytest.raises(ValueError, match="of another shape"):
        load_into(MotionTransformer(replace(SMALL, width=64)), path)
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(ValueError, match="not a weights file"):
        load_model(tmp_path / "junk.safetensors")
    safetensors.save_file({"x": torch.zeros(1)}, path, {"format_version": "99"})
    with pytest.raises(ValueError, match="format_version is 99; expected 1"):
        load_model(path)


@pytest.mark.slow
def test_onnx_is_what_torch_is(tmp_path) -> None:
    from ml.export import INPUTS, PARITY, export, sample_inputs

    model = small_model(pacing())
    config = replace(SMALL, width=64, text=64)
    model = MotionTransformer(config)
    save_weights(model, tmp_path / "w.safetensors", "data", 7)
    found = export(tmp_path / "w.safetensors", tmp_path / "m.onnx")
    assert found["apart"] <= PARITY
    eight = export(tmp_path / "w.safetensors", tmp_path / "m8.onnx", int8=True)
    assert eight["MB"] < 0.6 * found["MB"]
    assert 0.0 < eight["apart"] < 0.3
    export(tmp_path / "w.safetensors", tmp_path / "again.onnx", int8=True)
    assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "m8.onnx").read_bytes()
    for name in ("m.onnx", "m8.onnx"):
        session = onnxruntime.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"])
        about = session.get_modelmeta().custom_metadata_map
        assert json.loads(about["config"])["width"] == 64
        assert about["encoder"] == "minilm"
        assert [each.name for each in session.get_inputs()] == list(INPUTS)
        chunk, contact = session.run(None, sample_inputs(config, 5, 0))
        assert chunk.shape == (5, 16, N_FEATURES)
        assert contact.shape == (5, 16, 2)
