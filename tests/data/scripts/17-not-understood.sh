#!/bin/bash
source ./settings.sh
docker pull registry.example.com/maps-dev/tiles:latest
docker tag registry.example.com/maps-dev/tiles:latest registry.example.com/maps-prod/tiles:latest
docker push registry.example.com/maps-prod/tiles:latest

docker pull $UPSTREAM/maps-dev/search:latest
docker tag $UPSTREAM/maps-dev/search:latest registry.example.com/maps-prod/search:latest
docker push registry.example.com/maps-prod/search:latest

docker pull registry.example.com/maps-dev/router@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
docker save registry.example.com/maps-dev/tiles:latest | ssh deploy@host.example.com docker load
ssh deploy@host.example.com "docker pull registry.example.com/maps-prod/tiles:latest"
cat images.txt | xargs -n1 docker push
docker pull registry.example.com/maps-dev/geo-dev:latest
docker tag registry.example.com/maps-dev/geo-dev:latest registry.example.com/maps-prod/geo:latest
docker push registry.example.com/maps-prod/geo:latest
