#!/bin/sh
# A vendor's image comes in through the development project.
oc import-image proxy:stable --from=docker.io/acme/proxy:stable --confirm -n edge-dev
oc tag edge-dev/proxy:stable edge-prod/proxy:stable
oc -n edge-prod set image dc/proxy proxy=edge-prod/proxy:stable
