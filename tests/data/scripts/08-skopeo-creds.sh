#!/bin/bash
set -e
skopeo copy \
  --src-creds "mover:pull-secret-1" \
  --dest-creds="mover:push-secret-2" \
  --src-tls-verify=false \
  docker://registry.example.com/erp-int/core:stable \
  docker://registry.example.com/erp-prod/core:stable   # the last step
skopeo copy --src-creds mover:pull-secret-1 --dest-creds mover:push-secret-2 \
  docker://registry.example.com/erp-int/ui:stable docker://registry.example.com/erp-prod/ui:stable
skopeo copy docker-archive:/tmp/old.tar docker://registry.example.com/erp-prod/old:stable
