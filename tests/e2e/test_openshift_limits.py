"""Quotas and limits of images: told by plan with the command that mends them, before a byte moves."""

import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox_case import core
from sluicekit.sluice import binary

binary()

ROADS = ("tag", "mount", "stream", "import")


class Limits(OneCluster):
    def limit(self, kind, **most):
        """A LimitRange of prod."""
        self.created("limitranges", {"kind": "LimitRange", "apiVersion": "v1", "metadata": {"name": "images"},
                                     "spec": {"limits": [{"type": kind, "max": most}]}})

    def quota(self, **hard):
        self.created("resourcequotas", {"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "streams"},
                                        "spec": {"hard": hard}})

    def created(self, resource, made):
        reply = self.prod.api.post(core(self.prod.name, resource), made)
        self.assertEqual(reply.status, 201, str(reply))
        self.box.settle()

    def test_an_image_that_is_too_large_is_blocked_where_bytes_are_pushed(self):
        for road in ("mount", "stream"):
            with self.subTest(self.begin(road)):
                old, _ = self.running()
                self.limit("openshift.io/Image", storage="1Ki")
                self.write(environment={"via": road})
                self.blocked("image-too-large", "oc patch limitrange images")
                self.prod.stands({"web": old})
                self.prod.runs({"web": old})

    def test_the_size_of_an_image_does_not_stop_its_tag(self):
        _, new = self.running()
        self.limit("openshift.io/Image", storage="1Ki")
        self.all_well(new, self.promote(self.sluice), "tag")

    def test_the_number_of_images_of_a_stream(self):
        for road in ROADS:
            with self.subTest(self.begin(road)):
                old, _ = self.running()
                self.limit("openshift.io/ImageStream", **{"openshift.io/images": "1"})
                self.write(environment={"via": road})
                self.blocked("too-many-images", "oc patch limitrange images")
                self.prod.runs({"web": old})

    def test_the_number_of_tags_of_a_stream(self):
        for road in ROADS:
            with self.subTest(self.begin(road)):
                old, _ = self.running()
                self.limit("openshift.io/ImageStream", **{"openshift.io/image-tags": "1"})
                self.write(environment={"via": road})
                self.blocked("too-many-tags", "oc patch limitrange images")
                self.prod.stands({"web": old})
                self.prod.runs({"web": old})

    def test_a_quota_of_streams_stops_a_new_one(self):
        for road in ROADS:
            with self.subTest(self.begin(road)):
                self.fresh(self.dev)
                self.quota(**{"openshift.io/imagestreams": "0"})
                self.write(environment={"via": road})
                self.blocked("stream-quota-used-up", "oc patch resourcequota streams")
                self.assertIsNone(self.prod.tag())

    def test_a_quota_of_streams_does_not_stop_one_that_is_there(self):
        _, new = self.running()
        self.quota(**{"openshift.io/imagestreams": "1"})
        self.all_well(new, self.promote(self.sluice))

    def test_limits_that_leave_room_are_not_told(self):
        _, new = self.running()
        self.limit("openshift.io/ImageStream", **{"openshift.io/images": "9", "openshift.io/image-tags": "9"})
        self.quota(**{"openshift.io/imagestreams": "9"})
        plan = self.plan()
        for code in ("too-many-images", "too-many-tags", "stream-quota-used-up", "image-too-large"):
            self.assertEqual(self.findings(plan, code), [], plan)
        self.all_well(new, self.promote(self.sluice))

    def test_mending_as_told_lets_the_promotion_through(self):
        _, new = self.running()
        self.limit("openshift.io/ImageStream", **{"openshift.io/images": "1"})
        self.blocked("too-many-images")
        reply = self.prod.api.delete(core(self.prod.name, "limitranges", "images"))
        self.assertEqual(reply.status, 200, str(reply))
        self.all_well(new, self.promote(self.sluice))


class Limits4(Limits):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
