"""Plays a recorded scene: actors as they were recorded, everything else simulated once more."""

from pathlib import Path

import numpy as np

from entities.scene import CameraPlan
from entities.units import TICKS_PER_MOTION_FRAME
from ml.episodes.layout import FPS
from ml.episodes.reader import Episode, EpisodeDataset, SceneRecord, open_dataset
from sim.frame import turn_bones
from sim.loop import Simulation
from sim.output.recorder import differences, motion_arguments
from sim.snapshots import Block, SnapshotBuffer


class Recording:
    """A recorded episode, and the scene it was part of."""

    def __init__(
        self, source: Path | EpisodeDataset, episode: int, model: Path | None = None
    ) -> None:
        """source: a dataset, or its folder. model: that which moved it, if not the package's own.

        Raises ValueError if there is no such dataset or episode, or it is damaged.
        """
        self._model = model
        self._dataset = source if isinstance(source, EpisodeDataset) else open_dataset(source)
        track = self._dataset.episode(episode)
        self.number = track.scene
        self._record, self._tracks = self._dataset.recording(track.scene)
        scene = self._record.scene
        plan = scene.camera.model_copy(update={"follow": scene.camera.follow or track.actor_id})
        seconds = len(track) / FPS
        self.scene = scene.model_copy(update={"duration": seconds, "camera": plan})

    def run(self, camera: CameraPlan) -> "Replay":
        """A replay of the scene, seen by another camera."""
        return Replay(self._record, self._tracks, camera, self._model)

    def differences(self) -> list[str]:
        """See ``recorder.differences``."""
        return differences(self._dataset, self.number, self._model)


class Replay(Simulation):
    """A run of a scene that shows recorded actors at the places and in the poses of the recording.

    Where the run is the same again to the last bit, this changes nothing but rounding; where it is
    not (another machine, a captured motion), the recording is what is shown.
    """

    def __init__(
        self,
        record: SceneRecord,
        tracks: list[Episode],
        camera: CameraPlan,
        model: Path | None = None,
    ) -> None:
        """tracks: episodes of the scene's recorded actors. camera: instead of the scene's own.

        model: the model that moved it, where that is not the package's own.
        """
        scene = record.scene.model_copy(update={"camera": camera})
        super().__init__(scene, **motion_arguments(record, model))
        self._tracks = tracks
        self._first = record.first_tick
        for _ in range(record.first_tick):
            self.step()

    def add_event(self, text: str, actor: str | None = None) -> None:
        """Raises ValueError: a recording takes no later sentences."""
        raise ValueError("this is a recording: type a new scene to direct somebody")

    def _evaluate(self, buffer: SnapshotBuffer) -> Block:
        block = super()._evaluate(buffer)
        at = (block.tick - self._first) / TICKS_PER_MOTION_FRAME
        for track in self._tracks:
            # Whom a later sentence brings is not there before; with other versions, perhaps never.
            if block.cast.actor_ids[track.actor_index :][:1] == [track.actor_id]:
                _show(block, track, at - track.first_frame)
        return block


def _show(block: Block, track: Episode, at: np.ndarray) -> None:
    """Replace an actor's columns of a block by a track. at: (K,) frames into the track."""
    row, last = track.actor_index, len(track) - 1
    at = np.clip(at, 0.0, last)
    low = at.astype(int)
    high, part = np.minimum(low + 1, last), at - low

    def mix(values: np.ndarray) -> np.ndarray:
        share = part.reshape(-1, *[1] * (values.ndim - 1))
        first = values[low].astype(np.float64)
        return first + share * (values[high] - first)

    block.root[:, row], block.heading[:, row] = mix(track.root), mix(track.heading)
    block.velocity[:, row], block.action[:, row] = mix(track.velocity), track.action_id[low]
    first, second = track.pose[low].astype(np.float64), track.pose[high].astype(np.float64)
    pose = block.pose
    for k, share in enumerate(part):
        pose.joints[k, row] = turn_bones(first[k], second[k], share) if share else first[k]
    pose.lateral[:, row], pose.roll[:, row] = mix(track.lateral), mix(track.roll)
    pose.gaze[:, row], pose.mouth[:, row] = mix(track.gaze), mix(track.mouth)
    pose.face[:, row], pose.contact[:, row] = track.face[low], track.contact[low]
