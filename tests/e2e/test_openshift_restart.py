"""The API server restarts in the middle of each phase: connections are cut, then everybody gets 403 until the server
knows its roles. The end is the same as without."""

import pathlib
import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.sluice import binary

binary()

AWAY = {"refused-seconds": 1, "denied-seconds": 2}
# Which request meets the restart. `done`: it is carried out, and only its answer is lost.
ROWS = {
    "while planning": {"method": "GET", "path": "*/imagestreams/web", "after": 1},
    "content": {"method": "PUT", "path": "*/imagestreamtags/web:sluice-*"},
    "content, done": {"method": "PUT", "path": "*/imagestreamtags/web:sluice-*", "done": True},
    "the lease": {"method": "PUT", "path": "*/imagestreams/web", "done": True},
    "switch": {"method": "PUT", "path": "*/imagestreamtags/web:latest"},
    "switch, done": {"method": "PUT", "path": "*/imagestreamtags/web:latest", "done": True},
    "rollout, its first list": {"method": "GET", "path": "*/replicationcontrollers"},
    "rollout, its watch": {"method": "GET", "path": "*/replicationcontrollers", "after": 1},
    "the watch time": {"method": "GET", "path": "*/pods", "after": 3},
}


class Restarts(OneCluster):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.box.knob, "clear-faults")

    def restart(self, **where):
        self.box.knob("restart-api", **where, **AWAY)

    def was_met(self):
        """The restart was met; gives how many requests were refused afterwards, which depends on when they came."""
        state = self.box.state()
        self.assertGreater(state["requests_cut"], self.cut, "no request met the restart")
        return state["requests_denied"] - self.denied

    def note(self):
        state = self.box.state()
        self.cut, self.denied = state["requests_cut"], state["requests_denied"]

    def test_in_each_phase_the_promotion_comes_to_its_end(self):
        denied = 0
        for name, where in ROWS.items():
            with self.subTest(self.begin(name)):
                _, new = self.running()
                self.write(environment={"verify": {"rollout": "2m", "watch": "4s"}})
                self.note()
                self.restart(**where)
                self.all_well(new, self.promote(self.sluice))
                denied += self.was_met()
                self.assertEqual(self.prod.rollouts(), 2)
        self.assertGreater(denied, 0, "nobody was refused while the server started")

    def test_while_the_tag_is_put_back_what_ran_runs_again(self):
        for done in (False, True):
            with self.subTest(self.begin(f"done: {done}")):
                old, new = self.running()
                self.box.knob("outcome", digest=new, result="fail")
                self.write(environment={"verify": {"rollout": "2m"}, "on-failure": "rollback"})
                self.note()
                self.restart(method="PUT", path="*/imagestreamtags/web:latest", after=1, done=done)
                self.promote(self.sluice, code=5, state="rolled-back")
                self.was_met()
                self.prod.stands({"web": old})
                self.prod.runs({"web": old})
                self.assertEqual(self.prod.rollouts(), 3)

    def test_a_pause_whose_answer_was_lost_is_ours_and_is_lifted(self):
        for done in (False, True):
            with self.subTest(self.begin(f"done: {done}")):
                for image in ("web", "api"):
                    self.fresh(self.prod, image)
                self.make(self.manifest("DeploymentConfig", containers={"web": "web:latest", "api": "api:latest"}))
                new = {image: self.fresh(self.dev, image) for image in ("web", "api")}
                self.write(images=("web", "api"))
                self.note()
                self.restart(method="PATCH", path="*/deploymentconfigs/web", done=done)
                self.promote(self.sluice)
                self.was_met()
                self.assertEqual(self.prod.paused(), [])
                self.prod.runs(new)
                self.assertEqual(self.prod.rollouts(), 2)

    def test_a_right_that_is_taken_away_is_told_at_once_while_others_stand(self):
        self.running()
        self.box.scenario({"users": [{"name": "eve", "password": "eve's"}]})
        self.right("user:eve", "view", self.dev)
        self.right("user:eve", "view", self.prod)
        home = self.home({"box": (self.box, "eve")})
        home.write("sluice.yaml", pathlib.Path(self.sluice.home, "sluice.yaml").read_text(encoding="utf-8"))
        before = self.box.state()["requests"]
        outcome = home.run("promote", "--to", "prod", "--yes", "-o", "json")
        self.assertIn(outcome.code, (3, 6), outcome)
        self.assertLess(self.box.state()["requests"] - before, 200, "it asked again and again")


class Restarts4(Restarts):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
