"""The plugin is installed with the package, and a session of pytest that certifies nothing does not load JAX."""

import subprocess
import sys
from importlib.metadata import entry_points


def test_it_is_installed():
    assert "minicnn.pytest_plugin" in {entry.value for entry in entry_points(group="pytest11")}


def test_a_session_without_certificates_does_not_load_jax(tmp_path):
    test = tmp_path / "test_nothing.py"
    test.write_text("import sys\n\ndef test_nothing():\n    assert 'minicnn.pytest_plugin' in sys.modules\n"
                    "    assert 'jax' not in sys.modules\n")  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", test]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
