#!/bin/sh
oc image mirror -a /etc/pull-secret.json --insecure=true \
  registry.example.com/base-qa/java:17=registry.example.com/base-prod/java:17 \
  registry.example.com/base-qa/node:17=registry.example.com/base-prod/node:17
oc image mirror -f mapping.txt
