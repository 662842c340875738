#!/bin/bash
IMAGES=(
  registry.example.com/music-dev/player:beta   # plays
  registry.example.com/music-dev/mixer:beta    # mixes
)
TARGET=registry.example.com/music-prod
for full in "${IMAGES[@]}"; do
  short=${full##*/}
  name=${short%%:*}
  tag="${short#*:}"
  docker pull "$full"
  docker tag "$full" "$TARGET/$(basename "$full")"
  docker tag "$full" "${full/music-dev/music-prod}"
  docker push "$TARGET/$name:$tag"
done
