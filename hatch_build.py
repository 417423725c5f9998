"""What an index shows of the project: where it lives, and a README that stands alone.

Everything follows from `repository` in pyproject.toml. With an address the README's pictures and its links to files
lead there; without one, links become their words and pictures their descriptions, so that none is dead: an index shows
no picture but from an address.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# A link or a picture whose target is a file of the repository. The endings keep it apart from code such as f(x)[0](y).
_INTERNAL = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:)([^)\s]+\.(?:png|svg|gif|md|py|cff)(?:#[^)\s]*)?)\)")


class Metadata(MetadataHookInterface):
    """The fields of the metadata that `repository` decides."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Give the metadata the addresses of the project and its README."""
        repository = self.config["repository"]
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": standing_alone(text, repository)}
        metadata["urls"] = urls(repository)


def urls(repository: str) -> dict[str, str]:
    """The addresses that an index lists beside the project: none without a repository."""
    places = {"Source": "", "Documentation": "/blob/main/docs/index.md", "Issues": "/issues"}
    return {name: f"{repository}{place}" for name, place in places.items()} if repository else {}


def standing_alone(text: str, repository: str) -> str:
    """A page without links to files beside it."""

    def replaced(found: re.Match[str]) -> str:
        picture, words, path = found.groups()
        if not repository:
            return f"*{words}.*" if picture else words
        return f"{picture}[{words}]({repository}/{'raw' if picture else 'blob'}/main/{path})"

    return _INTERNAL.sub(replaced, text)
