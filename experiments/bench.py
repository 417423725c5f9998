"""How fast are products with Toeplitz matrices beside XLA's and PyTorch's convolutions?

`minicnn bench` with all rivals that are installed, peak memory included; writes bench.json and bench.png into the
working folder. Words in the names of cases choose among them:

    python experiments/bench.py LeNet depthwise
"""

import sys

from minicnn.cli import app

app(["bench", *sys.argv[1:], "--memory", "--json", "bench.json", "--picture", "bench.png"])
