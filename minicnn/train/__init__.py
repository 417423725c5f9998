"""Training: the loop, metrics and runs."""

from minicnn.train.config import Config
from minicnn.train.loop import Record, accuracy, fit, predictor, total_steps
from minicnn.train.recipes import config_of
from minicnn.train.runs import Run

__all__ = ["Config", "Record", "Run", "accuracy", "config_of", "fit", "predictor", "total_steps"]
