"""The fake registry as a program: what tests tell it, it does, and what it says is what happened."""

import hashlib
import http.client
import unittest

from sluicekit.fake_registry import FakeRegistry


def ask(registry, method, path, body=None, headers=None):
    host, _, port = registry.host.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    try:
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


class FakeRegistryKit(unittest.TestCase):
    def test_an_image_is_made_and_read(self):
        with FakeRegistry() as registry:
            layers = registry.make_image("dev/web", "1", [0, 1, 9 * 1024 * 1024])  # the last one goes to a file
            status, manifest, headers = ask(registry, "GET", "/v2/dev/web/manifests/1")
            self.assertEqual(status, 200)
            self.assertEqual("sha256:" + hashlib.sha256(manifest).hexdigest(), headers["Docker-Content-Digest"])
            for digest in layers:
                status, content, _ = ask(registry, "GET", f"/v2/dev/web/blobs/{digest}")
                self.assertEqual(status, 200)
                self.assertEqual("sha256:" + hashlib.sha256(content).hexdigest(), digest)
            status, content, headers = ask(registry, "GET", f"/v2/dev/web/blobs/{layers[2]}",
                                           headers={"Range": "bytes=9000000-9000009"})
            self.assertEqual((status, len(content)), (206, 10))
            self.assertEqual(headers["Content-Range"], f"bytes 9000000-9000009/{9 * 1024 * 1024}")
            self.assertEqual(registry.count("GET", "*/blobs/*"), 4)

    def test_an_upload_that_breaks_is_kept_undone_or_lost(self):
        content = b"0123456789" * 1000
        for partial, status, said in (("kept", 204, "0-3999"), ("undone", 204, "0-0"), ("lost", 404, None)):
            with self.subTest(partial=partial), FakeRegistry(partial=partial) as registry:
                _, _, headers = ask(registry, "POST", "/v2/prod/web/blobs/uploads/")
                location = headers["Location"]
                registry.rule(method="PATCH", at_byte=4000)
                with self.assertRaises((ConnectionError, http.client.HTTPException)):
                    ask(registry, "PATCH", location, content)
                seen, _, headers = ask(registry, "GET", location)
                self.assertEqual((seen, headers["Range"]), (status, said))
                self.assertEqual(registry.tell("open_uploads"), 1 if status == 204 else 0)

    def test_rules_knobs_and_mistakes(self):
        with FakeRegistry(missing=403) as registry:
            self.assertEqual(ask(registry, "GET", "/v2/x/manifests/1")[0], 403)
            registry.turn(missing=404)
            registry.rule(path="*/manifests/*", times=2, status=429, headers={"Retry-After": "7"})
            self.assertEqual([ask(registry, "GET", "/v2/x/manifests/1")[0] for _ in range(3)], [429, 429, 404])
            with self.assertRaisesRegex(ValueError, 'no "colour"'):
                registry.turn(colour="blue")
            with self.assertRaisesRegex(ValueError, "cannot be"):
                registry.turn(mount="yes")
            with self.assertRaisesRegex(ValueError, "no verb"):
                registry.tell("dance")


if __name__ == "__main__":
    unittest.main()
