"""The config of a training run: every choice that decides its numbers."""

from dataclasses import asdict
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field

from minicnn.train.schema import Count, Natural, Real, Whole, Word, checked

# A larger number is infinite in the 32 bits that a step computes in.
_GREATEST = float(np.finfo(np.float32).max)


@checked
class Config:
    """Everything that decides the numbers of a run: the same config gives the same parameters.

    Attributes:
        model: name of an entry in `minicnn.zoo.registry`.
        data: name of an entry in `minicnn.data.registry`.
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

    model: Word = "lenet5"
    data: Word = "digits"
    epochs: Count = 30
    batch: Count = 64
    seed: Annotated[Whole, Field(ge=-(2**63), lt=2**63)] = 0
    learning_rate: Annotated[Real, Field(gt=0, le=_GREATEST)] = 3e-3
    weight_decay: Annotated[Real, Field(ge=0, le=_GREATEST)] = 1e-2
    reach: Natural = 2
    optimizer: Word = "adamw"
    schedule: Word = "cosine"
    momentum: Annotated[Real, Field(ge=0, lt=1)] = 0.9
    augment: Word = "shift"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Make a config of a dictionary that `to_json` made."""
        return cls(**fields)
