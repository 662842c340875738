#!/bin/bash
while IFS=: read -r name tag; do
  [ -z "$name" ] && continue
  docker pull "registry.example.com/lab-dev/$name:$tag"
  docker tag "registry.example.com/lab-dev/$name:$tag" "registry.example.com/lab-prod/$name:$tag"
  docker push "registry.example.com/lab-prod/$name:$tag"
done <<LIST
sampler:weekly
plotter:weekly
LIST
