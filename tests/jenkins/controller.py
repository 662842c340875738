"""A Jenkins controller for tests: it runs one Jenkinsfile after the other, in one JVM, and the test plays the people.

The engine `cps` is the one that Jenkins runs pipelines on; `unit` is jenkins-pipeline-unit. In both `sh` is a real shell.
"""

import json
import os
import pathlib
import subprocess

from sluicekit.process import Child
from sluicekit.sluice import binary
from sluicekit.tools import folder

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = HERE.parents[1] / "deploy" / "jenkins"
BUILT = pathlib.Path(os.environ.get("SLUICE_JENKINS_BUILD") or HERE.parents[1] / "build" / "jenkins")


class Controller:
    def __init__(self):
        self.log = folder("controller") / "log"
        classpath = f"{BUILT}/classes:{BUILT}/libraries/*"
        with self.log.open("wb") as log:
            # One compiler thread is enough, and starts quickly.
            self.child = Child(["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", classpath,
                                "controller.Main"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                               bufsize=1)

    def tell(self, **members):
        self.child.popen.stdin.write(json.dumps(members) + "\n")
        self.child.popen.stdin.flush()

    def hear(self):
        line = self.child.popen.stdout.readline()
        if not line:
            raise AssertionError(f"the controller is gone: {self.log.read_text(errors='replace')[-4000:]}")
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stop()


class Build:
    """One run. Iterating gives its events; `until` goes on to one of them, `end` to the end."""

    def __init__(self, controller, engine, jenkinsfile, repository, agents, params=None, credentials=None,
                 environment=None, library=LIBRARY):
        self.controller = controller
        self.events = []
        path = pathlib.Path(binary()).parent
        controller.tell(engine=engine, jenkinsfile=str(jenkinsfile), library=str(library), shim=str(HERE / "shim"),
                        repository=str(repository), agents=str(agents),
                        params={"ACTION": "promote", "RELEASE": "", **(params or {})}, credentials=credentials or {},
                        environment={"PATH": f"{path}:{os.environ['PATH']}", "NO_COLOR": "1", "BUILD_NUMBER": "7",
                                     "BUILD_URL": "https://jenkins.example.com/job/shop/7/", **(environment or {})})

    def next(self):
        event = self.controller.hear()
        self.events.append(event)
        return event

    def until(self, kind, word=""):
        while True:
            event = self.next()
            if event["event"] == kind and word in json.dumps(event):
                return event
            if event["event"] == "end":
                raise AssertionError(f"the build ended before {kind} {word}\n{self}")

    def asked(self):
        return self.until("input")

    def approve(self, who="ann"):
        self.controller.tell(approve=who)
        return self

    def abort(self):
        self.controller.tell(abort=True)
        return self

    def end(self):
        while not self.events or self.events[-1]["event"] != "end":
            if self.next()["event"] == "input":
                raise AssertionError(f"nobody expected a question\n{self}")
        return self

    # What there was.

    def all(self, kind, member):
        return [one[member] for one in self.events if one["event"] == kind]

    @property
    def console(self):
        return "\n".join(self.all("console", "line"))

    @property
    def raw(self):
        """The console before secrets were masked, and everything else that leaves the controller."""
        shown = [one for one in self.events if one["event"] in ("artifact", "input", "sh", "end", "declared")]
        return "\n".join(self.all("console", "raw")) + json.dumps(shown)

    @property
    def result(self):
        return self.events[-1]["result"]

    @property
    def description(self):
        return self.events[-1]["description"] or ""

    def artifact(self, name):
        found = [one["text"] for one in self.events if one["event"] == "artifact" and one["name"] == name]
        return json.loads(found[-1]) if found and found[-1].strip() else None

    def __str__(self):
        end = json.dumps(self.events[-1]) if self.events else "nothing"
        return f"{self.console}\n{end}\n{self.controller.log.read_text(errors='replace')[-600:]}"
