#!/bin/bash
set -euo pipefail

SRC_REGISTRY="registry.dev.example.com"
DEST_REGISTRY=registry.prod.example.com:5000
PROJECT='shop'
APP=web
TAG=${1:-stable}
REGISTRY_PASSWORD=hunter2-never-shown

SRC="$SRC_REGISTRY/$PROJECT/$APP:$TAG"
DEST="${DEST_REGISTRY}/${PROJECT}/${APP}:${TAG}"

docker login -u robot -p "$REGISTRY_PASSWORD" "$SRC_REGISTRY"
echo "s3cr3t-of-prod" | docker login --username robot --password-stdin ${DEST_REGISTRY}

docker pull "$SRC"
docker tag "$SRC" "$DEST"
docker push "$DEST"

docker rmi -f "$SRC" "$DEST" || true
docker logout "$SRC_REGISTRY"
