#!/bin/bash
DOCKER="sudo -E docker"
run() { echo "+ $*"; "$@"; }
retry() {
  local n=0
  until "$@"; do n=$((n+1)); [ $n -ge 5 ] && return 1; sleep 5; done
}
retry $DOCKER pull registry.example.com/news-dev/feed:latest
run sudo docker tag registry.example.com/news-dev/feed:latest registry.example.com/news-prod/feed:latest
if ! timeout 600 $DOCKER push registry.example.com/news-prod/feed:latest; then
  echo "push failed" >&2
fi
