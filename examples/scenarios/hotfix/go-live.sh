#!/bin/sh
# Runs after a deployment, and makes it live. The switch is atomic: it creates a new link and moves it over the old one.
set -e
cd "$1/$CD_ENVIRONMENT"
ln -sfn "$CD_PIPELINE/current" ".live-${CD_DEPLOYMENT_ID}"
mv -Tf ".live-${CD_DEPLOYMENT_ID}" live 2>/dev/null || { rm -f live && mv ".live-${CD_DEPLOYMENT_ID}" live; }
