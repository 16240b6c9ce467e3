#!/usr/bin/env -S node --
// The program from its sources, without a build: needs the Node that the project is worked on with.
import { main } from '../src/cli/main.ts';

await main({ argv: process.argv.slice(2), commands: './src/cli/commands.ts' });
