#!/bin/bash
if [ $# -ne 1 ]; then
  echo "usage: $0 VERSION"
  exit 1
fi
VERSION="$1"
REG=nexus.example.com:8083

for name in frontend backend; do
  docker pull ${REG}/billing-staging/${name}:v${VERSION}
  docker tag ${REG}/billing-staging/${name}:v${VERSION} ${REG}/billing-production/${name}:v${VERSION}
  docker tag ${REG}/billing-staging/${name}:v${VERSION} ${REG}/billing-production/${name}:current
  docker push ${REG}/billing-production/${name}:v${VERSION}
  docker push ${REG}/billing-production/${name}:current
done
