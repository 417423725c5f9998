"""Training: the loop, metrics, checkpoints and runs."""

from minicnn.train.config import Config
from minicnn.train.evaluation import Trained
from minicnn.train.interruption import Interrupted
from minicnn.train.loop import Moment, accuracy, fit, predictor, total_steps
from minicnn.train.recipes import config_of
from minicnn.train.runs import Record, Run
from minicnn.train.sharding import join, mesh_of, shard_rows

__all__ = [
    "Config",
    "Interrupted",
    "Moment",
    "Record",
    "Run",
    "Trained",
    "accuracy",
    "config_of",
    "fit",
    "join",
    "mesh_of",
    "predictor",
    "shard_rows",
    "total_steps",
]
