#!/bin/sh
# What a provider for your platform does in a real configuration: brings the artifact named by ARTIFACT to where the site is served
# from, the first argument, in one switch.
set -eu
rm -rf "$1.next"
mkdir -p "$1.next"
tar -xzf "$ARTIFACT" -C "$1.next"
rm -rf "$1"
mv "$1.next" "$1"
