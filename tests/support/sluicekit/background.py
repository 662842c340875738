"""sluice in the background, followed by its events, and killed at one of them."""

import json
import signal
import threading


class Run:
    """A sluice in the background; its events are read as they come."""

    def __init__(self, home, *words):
        self.lines, self._seen = [], threading.Condition()
        self.child = home.start(*words, "--events", "-", "--progress", "none", "-o", "json")
        # Read to its end by a thread of its own: a full pipe would stop it.
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.child.popen.stdout:
            with self._seen:
                self.lines.append(json.loads(line))
                self._seen.notify_all()

    def until(self, words, **members):
        """An event whose detail begins with the words, and that has these members."""
        def fits(one):
            return (str(one.get("detail", "")).startswith(words) and
                    all(one.get(name) == value for name, value in members.items()))
        found = lambda: next((one for one in self.lines if fits(one)), None)
        with self._seen:
            assert self._seen.wait_for(lambda: found() is not None, 60), self.lines
            return found()

    def ended(self):
        """The exit code, the last line, and what it said to people."""
        self._reader.join(120)
        err = self.child.popen.stderr.read()
        self.child.popen.wait(60)
        self.child.stop()
        return self.child.popen.returncode, self.lines[-1], err

    def killed(self):
        """Killed at once, as by a machine that loses its power."""
        self.child.popen.send_signal(signal.SIGKILL)
        self._reader.join(120)
        self.child.popen.stderr.read()
        self.child.popen.wait(60)
        self.child.stop()
        assert self.child.popen.returncode == -signal.SIGKILL, self.lines
