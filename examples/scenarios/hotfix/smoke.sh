#!/bin/sh
# Checks a deployment: what is live is the version that was to be deployed.
live=$(cat "$1/$CD_ENVIRONMENT/live/VERSION")
if [ "$live" != "$CD_VERSION" ]; then
	echo "$CD_ENVIRONMENT shows version $live, not $CD_VERSION" >&2
	exit 1
fi
echo "$CD_ENVIRONMENT shows version $live"
