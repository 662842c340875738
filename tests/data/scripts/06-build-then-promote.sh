#!/bin/sh
REGISTRY=registry.example.com
docker build -t $REGISTRY/blog-dev/site:latest --build-arg NPM_TOKEN=npm_0123456789 .
docker push $REGISTRY/blog-dev/site:latest

./smoke-test.sh || exit 1

docker tag $REGISTRY/blog-dev/site:latest $REGISTRY/blog-prod/site:latest
docker push $REGISTRY/blog-prod/site:latest
