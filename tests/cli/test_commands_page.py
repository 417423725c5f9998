"""The page of commands tells the truth: each of them prints what the page shows, and every command is on it."""

import re
import shlex
from pathlib import Path

import pytest

from minicnn.cli.app import PANELS
from minicnn.draw.gallery import chosen

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
SHOWN = dict(re.findall(r"^```console\n\$ minicnn (.*?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_prints_what_the_page_shows(run, command):
    result = run(*shlex.split(command), width=80)
    assert result.exit_code == 0
    printed = [line.rstrip() for line in result.output.rstrip().splitlines()]
    assert printed == SHOWN[command].splitlines()


def test_every_command_is_on_the_page():
    assert {name for names in PANELS.values() for name in names} <= set(re.findall(r"`(\w+)`", PAGE))


def test_every_animation_on_the_page_is_one_of_the_gallery():
    assert len(chosen(re.findall(r"animations/(\w+)\.gif", PAGE))) == 3
