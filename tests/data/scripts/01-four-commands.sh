#!/bin/sh
# Brings the web image of today to production.
docker pull registry.example.com:5000/shop-dev/web:latest
docker tag registry.example.com:5000/shop-dev/web:latest registry.example.com:5000/shop-prod/web:latest
docker push registry.example.com:5000/shop-prod/web:latest
docker rmi registry.example.com:5000/shop-dev/web:latest registry.example.com:5000/shop-prod/web:latest
