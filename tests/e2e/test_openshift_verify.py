"""What has to hold after the rollout: the HTTP check and the watch time, against the sandbox and a real HTTP server."""

import http.server
import json
import threading
import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox_case import core
from sluicekit.sluice import binary

binary()


class Page(http.server.ThreadingHTTPServer):
    """Answers every GET with `status` and keeps what was asked."""

    daemon_threads = True

    def __init__(self):
        page = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page.asked.append((self.path, dict(self.headers)))
                self.send_response(page.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.asked = 200, []
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Verify(OneCluster):
    def setUp(self):
        super().setUp()
        self.page = Page()
        self.addCleanup(self.page.close)

    def allow_local(self):
        """What only administrators may say: checks may ask this machine."""
        path = self.sluice.home / ".config/sluice/clusters.yaml"
        path.write_text(json.dumps({**json.loads(path.read_text()), "allow-local-checks": True}))

    def check(self, path="/{project}/healthz", **more):
        self.write(environment={"verify": {"rollout": "20s", "http": self.page.url + path}, **more})

    def test_a_page_that_answers_lets_the_promotion_succeed(self):
        self.allow_local()
        _, new = self.running()
        self.check()
        self.all_well(new, self.promote(self.sluice))
        self.assertEqual([path for path, _ in self.page.asked], [f"/{self.prod.name}/healthz"])
        told = {name.lower() for name in self.page.asked[0][1]}
        self.assertFalse(told & {"authorization", "cookie"}, f"no credentials go to a page: {told}")

    def test_a_page_that_does_not_answer_well_brings_back_what_ran(self):
        self.allow_local()
        old, _ = self.running()
        self.page.status = 503
        self.check(**{"on-failure": "rollback"})
        outcome = self.promote(self.sluice, code=5, state="rolled-back")
        self.says(outcome, "HTTP check", "503")
        self.prod.stands({"web": old})
        self.prod.runs({"web": old})

    def test_without_a_word_of_the_administrators_this_machine_is_not_asked(self):
        self.running()
        self.check()
        refused = self.sluice.run("promote", "--to", "prod", "--yes")
        self.assertEqual(refused.code, 2, refused)
        self.assertIn("allow-local-checks", refused.err, refused)
        self.assertEqual(self.page.asked, [])

    def test_pods_that_stay_through_the_watch_time_are_a_success(self):
        _, new = self.running("Deployment", replicas=2)
        self.write(environment={"verify": {"rollout": "20s", "watch": "2s"}})
        self.all_well(new, self.promote(self.sluice), replicas=2)

    def test_a_pod_that_crashes_in_the_watch_time_brings_back_what_ran(self):
        old, new = self.running("Deployment")
        self.write(environment={"verify": {"rollout": "20s", "watch": "1h"}, "on-failure": "rollback"})
        crash = threading.Thread(target=self.crash, args=(new,))
        crash.start()
        try:
            outcome = self.promote(self.sluice, code=5, state="rolled-back")
        finally:
            crash.join()
        self.says(outcome, "web", "restart")
        self.prod.stands({"web": old})
        self.prod.runs({"web": old})

    def crash(self, digest):
        """Once a pod runs the image and is ready, its container crashes."""
        api = self.box.api()

        def ready(frame):
            status = frame["object"].get("status", {})
            return any(one.get("ready") and digest in one.get("imageID", "")
                       for one in status.get("containerStatuses", []))
        with api.stream(f"{core(self.prod.name, 'pods')}?watch=true") as watch:
            pod = watch.until(ready)[-1]["object"]
        self.box.settle()
        status = pod["status"]
        for one in status["containerStatuses"]:
            one.update(ready=False, restartCount=3, state={"waiting": {"reason": "CrashLoopBackOff"}},
                       lastState={"terminated": {"exitCode": 1, "reason": "Error"}})
        name = f"{core(self.prod.name, 'pods')}/{pod['metadata']['name']}"
        fresh = api.get(name).json
        fresh["status"] = status
        reply = api.put(f"{name}/status", fresh)
        self.assertEqual(reply.status, 200, str(reply))


class Verify4(Verify):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
