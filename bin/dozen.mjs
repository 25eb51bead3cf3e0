#!/usr/bin/env node
// `dozen up` is the supervisor; everything else is the client. Told apart here, so that neither loads the other.
await import(process.argv[2] === 'up' && process.argv.length === 3 ? '../dist/server/supervisor.js' : '../dist/cli/main.js')
