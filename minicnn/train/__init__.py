"""Training: the loop, metrics, checkpoints and runs."""

from minicnn.extras import require

require("train", "minicnn.train")

from minicnn.train.config import Config
from minicnn.train.devices import join, mesh_of
from minicnn.train.loop import Moment, fit
from minicnn.train.plan import total_steps
from minicnn.train.recipes import config_of
from minicnn.train.runs import Record, Run
from minicnn.train.signals import Interrupted
from minicnn.train.trained import Trained

__all__ = [
    "Config",
    "Interrupted",
    "Moment",
    "Record",
    "Run",
    "Trained",
    "config_of",
    "fit",
    "join",
    "mesh_of",
    "total_steps",
]
