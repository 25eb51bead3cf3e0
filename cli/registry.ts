import type { Make } from './command.ts'

/** What is known of a command before its module is loaded. */
export type Entry = {
  name: string
  topic: string
  summary: string
  /** Further names, Heroku's among them. */
  aliases: readonly string[]
  isHidden: boolean
  load: () => Promise<Make>
}

type Row = [name: string, summary: string, load: () => Promise<Make>, ...aliases: string[]]

const topic = (name: string, rows: readonly Row[]): Entry[] =>
  rows.map(([command, summary, load, ...aliases]) => ({
    topic: name,
    name: command,
    summary,
    load,
    aliases,
    isHidden: name === 'Hidden',
  }))

/** Every command, by topic, in the order of the help. The modules load when their command is called, so that starting costs little. */
export const ENTRIES: readonly Entry[] = [
  ...topic('Start', [
    ['up', 'start the platform in the foreground', () => import('./commands/general/up.ts').then((m) => m.up)],
    ['login', 'save a token for a dozen', () => import('./commands/account/login.ts').then((m) => m.login), 'auth:login'],
    ['help', 'list the commands, or explain one', () => import('./commands/general/help.ts').then((m) => m.help)],
    ['version', 'print the version', () => import('./commands/general/version.ts').then((m) => m.version)],
  ]),
  ...topic('Apps', [
    ['create', 'make a new app', () => import('./commands/apps/create.ts').then((m) => m.create), 'apps:create'],
    ['apps', 'list your apps', () => import('./commands/apps/list.ts').then((m) => m.list), 'list', 'apps:list'],
    ['info', 'show an app', () => import('./commands/apps/info.ts').then((m) => m.info), 'apps:info'],
    [
      'open',
      'open an app in the browser and print its URL',
      () => import('./commands/apps/open.ts').then((m) => m.open),
      'apps:open',
    ],
    [
      'destroy',
      'remove an app for good',
      () => import('./commands/apps/destroy.ts').then((m) => m.destroy),
      'apps:destroy',
      'apps:delete',
    ],
    ['domains', "list an app's host names", () => import('./commands/domains/list.ts').then((m) => m.list)],
    ['domains:add', 'answer for a host name of your own', () => import('./commands/domains/add.ts').then((m) => m.add)],
    ['domains:remove', 'stop answering for a host name', () => import('./commands/domains/remove.ts').then((m) => m.remove)],
  ]),
  ...topic('Config', [
    ['config', "show an app's config vars", () => import('./commands/config/list.ts').then((m) => m.list)],
    ['config:get', 'print the value of a config var', () => import('./commands/config/get.ts').then((m) => m.get)],
    [
      'config:set',
      'set config vars, which makes a release',
      () => import('./commands/config/set.ts').then((m) => m.set),
      'config:add',
    ],
    [
      'config:unset',
      'remove config vars, which makes a release',
      () => import('./commands/config/unset.ts').then((m) => m.unset),
      'config:remove',
    ],
  ]),
  ...topic('Releases', [
    ['releases', "list an app's releases, newest first", () => import('./commands/releases/list.ts').then((m) => m.list)],
    ['releases:info', 'show a release with its config vars', () => import('./commands/releases/info.ts').then((m) => m.info)],
    [
      'rollback',
      'go back to an older release',
      () => import('./commands/releases/rollback.ts').then((m) => m.rollback),
      'releases:rollback',
    ],
  ]),
  ...topic('Processes', [
    ['ps', "show an app's dynos and their states", () => import('./commands/ps/list.ts').then((m) => m.list)],
    [
      'ps:scale',
      'set how many dynos of each process type run',
      () => import('./commands/ps/scale.ts').then((m) => m.scale),
      'scale',
    ],
    [
      'ps:restart',
      'restart dynos, new before old',
      () => import('./commands/ps/restart.ts').then((m) => m.restart),
      'restart',
      'dyno:restart',
    ],
    ['run', 'run a command in a one-off dyno', () => import('./commands/runs/run.ts').then((m) => m.run)],
    ['run:detached', 'run a command and do not wait for it', () => import('./commands/runs/detached.ts').then((m) => m.detached)],
    ['logs', "show an app's log stream", () => import('./commands/logs/logs.ts').then((m) => m.logs)],
  ]),
  ...topic('Hidden', [
    [
      'git:credentials',
      'tell git the token',
      () => import('./commands/general/git-credentials.ts').then((m) => m.gitCredentials),
    ],
  ]),
]

export const find = (name: string): Entry | undefined =>
  ENTRIES.find((entry) => entry.name === name || entry.aliases.includes(name))

/** The command that `name` was probably meant to be: at most a third of its characters differ. */
export function suggest(name: string): string | undefined {
  const names = ENTRIES.filter(({ isHidden }) => !isHidden).flatMap((entry) => [entry.name, ...entry.aliases])
  const scored = names.map((other) => ({ other, distance: editDistance(name, other) })).sort((a, b) => a.distance - b.distance)
  const best = scored[0]
  return best && best.distance <= Math.max(1, Math.ceil(name.length / 3)) ? best.other : undefined
}

/** Damerau-Levenshtein (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      let best = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (isSame ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, rows[i - 2]![j - 2]! + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
