#!/bin/sh
# Tests for the customer's bug: yen have no hundredths. It runs the live version with the live configuration.
cd "$1/$CD_ENVIRONMENT/live" || exit 1
price=$(/bin/sh ./price.sh 1980)
if [ "$price" != "1980 JPY" ]; then
	echo "1980 yen are shown as \"$price\"" >&2
	exit 1
fi
echo "1980 yen are shown as \"$price\""
