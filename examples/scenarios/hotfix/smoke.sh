#!/bin/sh
# Checks a deployment: the live version is the deployed version.
live=$(cat "$1/$CD_ENVIRONMENT/live/VERSION")
if [ "$live" != "$CD_VERSION" ]; then
	echo "$CD_ENVIRONMENT shows version $live, not $CD_VERSION" >&2
	exit 1
fi
echo "$CD_ENVIRONMENT shows version $live"
