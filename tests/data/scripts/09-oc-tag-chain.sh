#!/bin/bash
oc login https://api.ocp.example.com:6443 --token=sha256~abcdefghijklmnop --insecure-skip-tls-verify
oc tag shop-dev/web:latest shop-test/web:latest
oc tag shop-test/web:latest shop-prod/web:latest
oc rollout status dc/web -n shop-prod
oc logout
