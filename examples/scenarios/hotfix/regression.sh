#!/bin/sh
# The customer's bug, as a test: there is no hundredth of a yen. It runs what is live, with the configuration that is live.
cd "$1/$CD_ENVIRONMENT/live" || exit 1
price=$(/bin/sh ./price.sh 1980)
if [ "$price" != "1980 JPY" ]; then
	echo "1980 yen are shown as \"$price\"" >&2
	exit 1
fi
echo "1980 yen are shown as \"$price\""
