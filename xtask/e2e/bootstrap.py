"""Makes what the proof runs with: a virtual environment and a Chromium.

Uses only the standard library, because it runs before anything is installed.
Both steps look first and do nothing when there is nothing to do. Every step is
bounded in time and shows its progress.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "e2e"
CHROMIUM = Path("/usr/bin/chromium")
APT_INSTALL = ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]


class BootstrapError(Exception):
    """Something cannot be installed; the message says what a person can do."""


def _run(command: list[str], seconds: int) -> None:
    """Runs a command, shows its output, and ends it after `seconds`."""
    print("e2e:", " ".join(map(str, command)), flush=True)
    try:
        subprocess.run(command, check=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise BootstrapError(f"{command[0]} took longer than {seconds} s") from error
    except (subprocess.CalledProcessError, OSError) as error:
        raise BootstrapError(f"{' '.join(map(str, command))}: {error}") from error


@dataclass(frozen=True)
class Venv:
    """A virtual environment under `target/e2e`, and the file that says what is in it."""

    folder: Path
    requirements: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def ensure(self) -> None:
        """(Re)makes it when the requirements or this Python differ from those it was
        made with."""
        text = self.requirements.read_bytes() + sys.version.encode()
        made_with = hashlib.sha256(text).hexdigest()
        stamp = self.folder / "ebbtide-e2e.stamp"
        if self.python.exists() and stamp.exists() and stamp.read_text() == made_with:
            return
        print(f"e2e: making {self.folder} (one to three minutes)", flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(self.folder)], 120)
        _run(
            [str(self.python), "-m", "pip", "install", "--disable-pip-version-check"]
            + ["--progress-bar", "off", "--only-binary", ":all:", "-r", str(self.requirements)],
            900,
        )
        stamp.write_text(made_with)


# What the proof itself and most apps run with.
MAIN = Venv(OUT / "venv", HERE / "requirements.txt")
# The last Streamlit whose apps do not answer heartbeats; it wants older packages.
OLD = Venv(OUT / "venv-streamlit-1.54", HERE / "requirements-streamlit-1.54.txt")


def ensure_chromium() -> Path:
    """Returns Debian's Chromium; installs it when it is absent and we are root."""
    if CHROMIUM.exists():
        return CHROMIUM
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise BootstrapError(f"{CHROMIUM} is missing; as root: {' '.join(APT_INSTALL)}")
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    wait_for_others = ["-o", "DPkg::Lock::Timeout=300"]
    _run(["apt-get", "-q", *wait_for_others, "update"], 300)
    _run([*APT_INSTALL, *wait_for_others], 900)
    return CHROMIUM


def enter() -> None:
    """Makes the environments and goes on inside the main one: the caller is replaced by
    the same command under its Python."""
    if Path(sys.prefix) == MAIN.folder:
        return
    ensure_chromium()
    OLD.ensure()
    MAIN.ensure()
    sys.stdout.flush()
    os.execv(MAIN.python, [str(MAIN.python), *sys.argv])
