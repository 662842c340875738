#!/bin/bash
A=default-route-openshift-image-registry.apps.a.example.com
B=default-route-openshift-image-registry.apps.b.example.com
SRC_TOKEN=$(oc --context a whoami -t)
DST_TOKEN=eyJhbGciOiJSUzI1NiJ9.never.shown
for i in web api; do
  skopeo copy --src-creds "sa:${SRC_TOKEN}" --dest-creds "sa:${DST_TOKEN}" docker://$A/shop-dev/$i:latest docker://$B/shop/$i:latest
done
