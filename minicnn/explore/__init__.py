"""The explorer: one self-contained page in which C, Cᵀ and the gradient move together.

The relation u·i = s·o + d·k − p is one line, so the page computes everything by itself, without a server or a network.
"""

from minicnn.extras import require

require("draw", "minicnn.explore")

from minicnn.explore.document import page, write_page
from minicnn.explore.notebook import Exploration
from minicnn.explore.setting import setting_of

__all__ = ["Exploration", "page", "setting_of", "write_page"]
