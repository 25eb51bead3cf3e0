#!/usr/bin/env node
// git asks this program (GIT_ASKPASS) for a user name and a password, so that the token is on no command line and in no URL.
process.stdout.write(/^username/i.test(process.argv[2] ?? '') ? 'dozen\n' : `${process.env.DOZEN_TOKEN ?? ''}\n`)
