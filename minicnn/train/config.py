"""What a training run is made of."""

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Config:
    """Everything that decides the numbers of a run: the same config gives the same parameters.

    Attributes:
        model: name of a network in `minicnn.zoo`.
        data: name of a data set in `minicnn.data`.
        epochs: passes over the training images.
        batch: images per step.
        seed: of the initial parameters, the order of the images and their shifts.
        learning_rate: peak of the schedule.
        weight_decay: of AdamW.
        reach: training images are shifted by up to this many pixels.
        optimizer: name of an entry in `minicnn.train.optimizers`.
        schedule: name of an entry in `minicnn.train.schedules`.
        momentum: of stochastic gradient descent.
        augment: name of an entry in `minicnn.train.augmentations`.
    """

    model: str = "lenet5"
    data: str = "digits"
    epochs: int = 30
    batch: int = 64
    seed: int = 0
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    reach: int = 2
    optimizer: str = "adamw"
    schedule: str = "cosine"
    momentum: float = 0.9
    augment: str = "shift"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}`={getattr(self, name)} must be at least 1")
        if self.reach < 0:
            raise ValueError(f"`reach`={self.reach} must be at least 0")
        if not self.learning_rate > 0:
            raise ValueError(f"`learning_rate`={self.learning_rate} must be greater than 0")

    def to_json(self) -> dict[str, Any]:
        """The fields as a dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """The config of a dictionary that `to_json` made."""
        return cls(**fields)
