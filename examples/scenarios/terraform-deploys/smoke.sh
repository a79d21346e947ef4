#!/bin/sh
# Checks what Terraform deployed: the page names the deployed version, which the pipeline passes in an environment variable. The first
# argument is the directory of the site.
if [ -e "$1/../broken" ]; then
	echo "the site does not answer" >&2
	exit 1
fi
if ! grep -q "version $CD_VERSION<" "$1/index.html"; then
	echo "$1/index.html is not version $CD_VERSION" >&2
	exit 1
fi
echo "$CD_ENVIRONMENT shows version $CD_VERSION"
