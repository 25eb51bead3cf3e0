export type Topic = { summary: string; text: string }

/** What `dozen help <topic>` prints: the things that no single command explains. */
export const TOPICS: Readonly<Record<string, Topic>> = {
  start: {
    summary: 'from nothing to a running app',
    text: `From nothing to a running app

  dozen up                      the platform, in a terminal of its own
  cd my-app && git init         any folder with a Procfile or a Dockerfile
  dozen create shop             makes the app and the git remote dozen
  git push dozen main           builds, releases, and switches over
  dozen open                    its URL
  dozen logs --tail             what it says
  dozen config:set A=1          its settings; each change is a release
  dozen rollback                the release before`,
  },
  settings: {
    summary: 'where the client looks for its server, token and app',
    text: `Settings of the client

  server   DOZEN_URL; else the dozen of DOZEN_HOME, when that is set; else the last \`dozen login\`; else the dozen of ~/.dozen
  token    DOZEN_TOKEN; else what \`dozen login\` saved for that server; else the administrator's own on the same machine
  app      -a NAME; else DOZEN_APP; else the git remote dozen of the folder
  CA       DOZEN_CA, a PEM file, for an https server; else certs/ca.pem in DOZEN_HOME
  colours  only on terminals, and never with NO_COLOR`,
  },
  'exit-status': {
    summary: 'what the numbers mean',
    text: `Exit status

  0   done
  1   it failed; the first line on stderr says why, the second what to do
  2   the command line is wrong
  n   \`dozen run\` ends with the status of its command; 128 + n when signal n killed it

Data goes to stdout, everything about the progress to stderr.`,
  },
  scale: {
    summary: 'process types, dynos and how many of each',
    text: `Process types and dynos

A line of the Procfile is a process type: "web: node server.js". Each running copy is a dyno: web.1, web.2, worker.1.

  dozen ps:scale                shows how many
  dozen ps:scale web=3          sets
  dozen ps:scale worker+1       changes
  dozen ps:scale worker=0       stops

Only web gets requests; it must listen on $PORT within 60 seconds. The first deploy starts web=1 and nothing else.`,
  },
  releases: {
    summary: 'what a release is and what makes one',
    text: `Releases

A release is an image, its process types and all config vars, numbered and never changed. A deploy, a change of the config and a
rollback each make the next one. Its processes are started beside the old ones, proven, given the traffic, and only then do the old
ones stop: a release that cannot start never replaces one that runs.`,
  },
}
