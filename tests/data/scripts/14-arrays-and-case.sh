#!/bin/bash
declare -a SERVICES=(orders invoices "customers")
for stage in test prod; do
  case "$stage" in
    test) from=acme-dev;  to=acme-test ;;
    prod) from=acme-test; to=acme-prod ;;
    *)    echo "unknown stage"; exit 2 ;;
  esac
  for service in "${SERVICES[@]}"; do
    crane copy reg.example.com/$from/$service:main reg.example.com/$to/$service:main
  done
done
