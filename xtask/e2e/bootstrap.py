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
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "e2e"
VENV = OUT / "venv"
REQUIREMENTS = HERE / "requirements.txt"
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


def ensure_venv() -> Path:
    """Returns the environment's Python; (re)makes the environment when the
    requirements or this Python differ from those it was made with."""
    python = VENV / "bin" / "python"
    made_with = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    stamp = VENV / "ebbtide-e2e.stamp"
    if python.exists() and stamp.exists() and stamp.read_text() == made_with:
        return python
    print(f"e2e: making {VENV} (about two minutes)", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(VENV)], 120)
    _run(
        [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
        + ["--progress-bar", "off", "--only-binary", ":all:", "-r", str(REQUIREMENTS)],
        900,
    )
    stamp.write_text(made_with)
    return python


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
    """Makes the environment and goes on inside it: the caller is replaced by
    the same command under the environment's Python."""
    if Path(sys.prefix) == VENV:
        return
    ensure_chromium()
    python = ensure_venv()
    sys.stdout.flush()
    os.execv(python, [str(python), *sys.argv])
