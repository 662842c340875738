#!/bin/sh
oc project shop
oc tag web:dev web:test
oc tag web:test web:prod
