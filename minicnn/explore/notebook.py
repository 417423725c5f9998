"""The page in a notebook."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from minicnn.explore.document import page, write_page
from minicnn.explore.setting import Setting

_HEIGHT = 860  # pixels: the arrays and what plays them on the screen of a laptop


@dataclass(frozen=True)
class Exploration:
    """A setting of the explorer: a notebook shows the page, and `save` writes it to a file.

    Attributes:
        setting: by the names of the page's address.
    """

    setting: Setting

    def save(self, path: str | Path) -> Path:
        """Write the page to a file that needs nothing from elsewhere.

        Args:
            path: of the file.
        """
        return write_page(Path(path), self.setting)

    def _repr_html_(self) -> str:
        source = escape(page(self.setting, network=False))
        style = f"width:100%;height:{_HEIGHT}px;border:0"
        return (
            f'<iframe srcdoc="{source}" style="{style}" title="The explorer: C, its transpose and gradients"></iframe>'
        )
