#!/bin/sh
# Checks a deployment: the page that is switched in names the version that was to be deployed.
# The pipeline says in the environment what was deployed where; the first argument is where the sites are.
page="$1/$CD_ENVIRONMENT/$CD_PIPELINE/current/index.html"
if ! grep -q "version $CD_VERSION<" "$page"; then
	echo "$page is not version $CD_VERSION" >&2
	exit 1
fi
echo "$CD_ENVIRONMENT shows version $CD_VERSION"
