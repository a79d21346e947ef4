#!/bin/sh
# In a real configuration, the provider of your platform does this: it switches the site, at the path in the first argument, to the
# artifact in ARTIFACT.
set -eu
rm -rf "$1.next"
mkdir -p "$1.next"
tar -xzf "$ARTIFACT" -C "$1.next"
rm -rf "$1"
mv "$1.next" "$1"
