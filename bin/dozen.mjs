#!/usr/bin/env node
// `dozen up` is the supervisor, `backup` and `restore` work on the machine's own files; everything else is the client. Told apart here, so that none loads the other.
const [, , verb, ...rest] = process.argv
const asksForHelp = rest.some((word) => word === '-h' || word === '--help')
const isUp = verb === 'up' && rest.length === 0
const isBackup = (verb === 'backup' || verb === 'restore') && rest.length > 0 && !asksForHelp
await import(isUp ? '../dist/server/supervisor.js' : isBackup ? '../dist/server/backup/main.js' : '../dist/cli/main.js')
