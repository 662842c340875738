#!/bin/bash
SRC=registry.example.com/game-stage
for region in eu us asia; do
  for image in lobby match; do
    skopeo copy --all docker://$SRC/$image:approved docker://registry.$region.example.com/game/$image:approved
  done
done
