#!/bin/bash
ENVIRONMENT=$1
if [ "$ENVIRONMENT" = "prod" ]; then
  TARGET=shop-prod
else
  TARGET=shop-test
fi
docker pull registry.example.com/shop-dev/web:1.0
docker tag registry.example.com/shop-dev/web:1.0 registry.example.com/$TARGET/web:1.0
docker push registry.example.com/$TARGET/web:1.0
skopeo copy docker://registry.example.com/shop-dev/api:1.0 docker://registry.example.com/shop-live/api:1.0
