"""Child processes that end with us, whatever happens to us."""

import atexit
import concurrent.futures
import signal
import subprocess
import threading

from .tools import find

# The kernel's parent-death signal is sent when the *thread* that started the child ends. All children are therefore
# started from one thread that lives as long as this process.
_spawner = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_running = set()
_lock = threading.Lock()


class Child:
    """One child process. stdout and stderr go where `popen` arguments say."""

    def __init__(self, argv, **popen):
        setpriv = find("setpriv")
        prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
        self.popen = _spawner.submit(subprocess.Popen, [*prefix, *map(str, argv)], **popen).result()
        with _lock:
            _running.add(self)

    @property
    def pid(self):
        return self.popen.pid

    def stop(self, patience=5):
        """Asks it to end, then makes it end. Safe to repeat."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(patience)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if stream is not None:
                stream.close()
        with _lock:
            _running.discard(self)
        return self.popen.returncode


@atexit.register
def _stop_all():
    for child in list(_running):
        child.stop(patience=1)


def _interrupt(*_):
    raise KeyboardInterrupt("terminated")


# A terminated test run ends like an interrupted one: through its context managers. (SystemExit would not do: unittest
# takes it for one failed test and goes on.)
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, _interrupt)
