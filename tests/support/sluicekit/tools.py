"""Programs that tests need, and what happens when one is not installed."""

import atexit
import os
import pathlib
import shutil
import sys
import tempfile

SKIPPED = 77  # the exit code that CTest counts as "skipped"


def find(name):
    """The path of a program, also where only root's PATH looks; None when it is not installed."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin")


def skip(reason):
    """Ends the test program as skipped, with the reason. Never silently."""
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def need(*names):
    """Skips the test program unless all these programs are installed."""
    missing = [name for name in names if find(name) is None]
    if missing:
        skip(f"not installed: {', '.join(missing)} (./run setup)")


def folder(purpose, parent=None):
    """A fresh temporary folder. Who asked removes it; what an interrupted run leaves is removed when it ends."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"sluicekit-{purpose}-", dir=parent))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path
