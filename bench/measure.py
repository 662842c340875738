"""Runs one process and measures it: wall time, CPU time, peak memory."""

import dataclasses
import os
import select
import statistics
import subprocess
import tempfile
import time

# VmHWM only grows, so a few looks are enough; this many seconds lie between them. Short runs are looked at more often.
SAMPLE_EVERY = 0.01
SAMPLE_EVERY_AT_FIRST = 0.001
AT_FIRST = 0.1


@dataclasses.dataclass
class Sample:
    """One run. `peak_bytes` is VmHWM of the process itself: rusage of a child reports the parent's peak when the
    parent is the larger one."""

    wall: float
    cpu: float
    peak_bytes: int
    code: int
    output: str

    def plus(self, other):
        """Two runs one after the other, as one."""
        return Sample(self.wall + other.wall, self.cpu + other.cpu, max(self.peak_bytes, other.peak_bytes),
                      self.code or other.code, self.output or other.output)

    def times(self, factor):
        """Extrapolated from a part of the work."""
        return Sample(self.wall * factor, self.cpu * factor, self.peak_bytes, self.code, self.output)


def run(argv, environment, folder, timeout=1800):
    """Runs to the end. A run longer than `timeout` seconds is killed and has a code that is not 0."""
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        child = subprocess.Popen([str(word) for word in argv], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                 stdout=output, stderr=subprocess.STDOUT)
        descriptor = os.pidfd_open(child.pid)
        try:
            peak = _watch(child, descriptor, began + timeout)
        finally:
            os.close(descriptor)
        wall = time.monotonic() - began
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()[-2000:].decode(errors="replace")
    return Sample(wall, usage.ru_utime + usage.ru_stime, peak, child.returncode, text)


def idle_peak(argv, environment, folder, runs=7):
    """VmHWM of a run that does nothing (`--version`), in bytes: the most of several, as one may end between two looks."""
    return max(run(argv, environment, folder, timeout=60).peak_bytes for _ in range(runs))


def _watch(child, descriptor, until):
    """Waits for the end; gives the last high-water mark that was seen."""
    peak, began = 0, time.monotonic()
    with open(f"/proc/{child.pid}/status", "rb", buffering=0) as status:
        while True:
            peak = max(peak, _high_water(status))
            now = time.monotonic()
            pause = SAMPLE_EVERY_AT_FIRST if now - began < AT_FIRST else SAMPLE_EVERY
            if select.select([descriptor], [], [], pause)[0]:
                return peak
            if now > until:
                child.kill()


def _high_water(status):
    status.seek(0)
    try:
        for line in status.read().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    except ProcessLookupError:
        pass
    return 0


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None
