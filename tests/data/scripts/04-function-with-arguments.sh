#!/bin/bash
# promote IMAGE FROM TO TAG
promote() {
  local image=$1 from="$2" to="$3"
  local tag="${4:-latest}"
  sudo docker pull "quay.example.com/${from}/${image}:${tag}"
  sudo docker tag "quay.example.com/${from}/${image}:${tag}" "quay.example.com/${to}/${image}:${tag}"
  sudo docker push "quay.example.com/${to}/${image}:${tag}"
}

promote web crm-dev crm-qa
promote api crm-dev crm-qa
promote web crm-qa crm-prod
promote api crm-qa crm-prod
