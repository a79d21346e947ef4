#!/bin/sh
# Checks a deployment: the live page names the deployed version. Environment variables say what was deployed where. The first argument
# is the directory of the sites.
page="$1/$CD_ENVIRONMENT/$CD_PIPELINE/current/index.html"
if ! grep -q "version $CD_VERSION<" "$page"; then
	echo "$page is not version $CD_VERSION" >&2
	exit 1
fi
echo "$CD_ENVIRONMENT shows version $CD_VERSION"
