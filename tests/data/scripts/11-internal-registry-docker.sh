#!/bin/bash
# On the integration host of a 3.11 cluster.
REG=docker-registry-default.apps.example.com
oc login -u admin -p admin-password-1 https://master.example.com:8443
docker login -u "$(oc whoami)" -p "$(oc whoami -t)" $REG
for is in web api; do
  docker pull $REG/shop-dev/$is:latest
  docker tag $REG/shop-dev/$is:latest $REG/shop-prod/$is:stable
  docker push $REG/shop-prod/$is:stable
done
oc rollout latest dc/web -n shop-prod
