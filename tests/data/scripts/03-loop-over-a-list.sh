#!/usr/bin/env bash
IMAGES="web api
        worker"
FROM=harbor.example.com/shop-test
TO=harbor.example.com/shop-live

for image in $IMAGES; do
  echo "docker push of $image follows"
  docker pull -q $FROM/$image:release && \
    docker tag $FROM/$image:release \
               $TO/$image:release && \
    docker push $TO/$image:release
done
