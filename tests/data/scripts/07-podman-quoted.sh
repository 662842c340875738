#!/bin/bash
readonly SOURCE='registry.a.example.com/payments/gateway'
readonly TARGET='registry.b.example.com/payments/gateway'
podman login registry.a.example.com --authfile /run/containers/auth.json
podman pull --tls-verify=false "docker://${SOURCE}:2024"
podman push --authfile /run/containers/auth.json "${SOURCE}:2024" "docker://${TARGET}:2024"
podman rmi "${SOURCE}:2024"
