#!/bin/sh
# Checks what Terraform deployed: the page that is served names the version that was to be deployed. The pipeline says in the
# environment which one that is; the first argument is where the site is served from.
if [ -e "$1/../broken" ]; then
	echo "the site does not answer" >&2
	exit 1
fi
if ! grep -q "version $CD_VERSION<" "$1/index.html"; then
	echo "$1/index.html is not version $CD_VERSION" >&2
	exit 1
fi
echo "$CD_ENVIRONMENT shows version $CD_VERSION"
