#!/bin/sh
# Packages that bring a service do not start it: a container runs its tool and nothing else.
exit 101
