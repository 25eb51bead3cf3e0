import { type Entry, topic } from './entry.ts'

/** The commands about add-ons, pipelines, people and this machine, and those that programs call: the end of the help. */
export const ACCOUNT_ENTRIES: readonly Entry[] = [
  ...topic('Add-ons', [
    ['addons', "list an app's add-ons", () => import('./commands/addons/list.ts').then((m) => m.list)],
    ['addons:info', 'show an add-on', () => import('./commands/addons/list.ts').then((m) => m.info)],
    [
      'addons:create',
      'make an add-on and attach it to an app',
      () => import('./commands/addons/change.ts').then((m) => m.create),
      'addons:add',
    ],
    [
      'addons:destroy',
      'remove an add-on with its data, for good',
      () => import('./commands/addons/change.ts').then((m) => m.destroy),
      'addons:remove',
    ],
    ['addons:attach', 'attach an add-on to another app too', () => import('./commands/addons/attach.ts').then((m) => m.attach)],
    ['addons:detach', 'take an add-on from an app; it stays', () => import('./commands/addons/attach.ts').then((m) => m.detach)],
    [
      'addons:services',
      'list the services that dozen has',
      () => import('./commands/addons/services.ts').then((m) => m.services),
    ],
    ['addons:plans', "list a service's plans", () => import('./commands/addons/services.ts').then((m) => m.plans)],
  ]),
  ...topic('Pipelines', [
    ['pipelines', 'list your pipelines', () => import('./commands/pipelines/list.ts').then((m) => m.list)],
    [
      'pipelines:info',
      "show a pipeline's apps and their stages",
      () => import('./commands/pipelines/list.ts').then((m) => m.info),
    ],
    [
      'pipelines:create',
      'make a pipeline with an app in it',
      () => import('./commands/pipelines/change.ts').then((m) => m.create),
    ],
    ['pipelines:diff', 'show what a promotion would bring', () => import('./commands/pipelines/more.ts').then((m) => m.diff)],
    [
      'pipelines:transfer',
      'give a pipeline to someone else',
      () => import('./commands/pipelines/more.ts').then((m) => m.transfer),
    ],
    ['pipelines:add', 'put an app into a pipeline', () => import('./commands/pipelines/change.ts').then((m) => m.add)],
    ['pipelines:update', "change an app's stage", () => import('./commands/pipelines/change.ts').then((m) => m.update)],
    ['pipelines:remove', 'take an app out of its pipeline', () => import('./commands/pipelines/remove.ts').then((m) => m.remove)],
    ['pipelines:rename', 'give a pipeline another name', () => import('./commands/pipelines/remove.ts').then((m) => m.rename)],
    [
      'pipelines:destroy',
      'remove a pipeline; its apps stay',
      () => import('./commands/pipelines/remove.ts').then((m) => m.destroy),
    ],
    [
      'pipelines:promote',
      "release an app's code on the next stage",
      () => import('./commands/pipelines/promote.ts').then((m) => m.promote),
    ],
  ]),
  ...topic('Account', [
    ['token', 'print the token in use', () => import('./commands/account/token.ts').then((m) => m.token), 'auth:token'],
    ['authorizations', 'list your tokens', () => import('./commands/tokens/list.ts').then((m) => m.list), 'tokens'],
    ['authorizations:create', 'make a token', () => import('./commands/tokens/create.ts').then((m) => m.create), 'tokens:create'],
    ['authorizations:info', 'show a token', () => import('./commands/tokens/more.ts').then((m) => m.info)],
    ['authorizations:update', 'say anew what a token is for', () => import('./commands/tokens/more.ts').then((m) => m.update)],
    ['authorizations:rotate', 'give a token a new secret', () => import('./commands/tokens/more.ts').then((m) => m.rotate)],
    [
      'authorizations:revoke',
      'end a token',
      () => import('./commands/tokens/revoke.ts').then((m) => m.revoke),
      'tokens:revoke',
      'authorizations:destroy',
    ],
    ['users', 'list who has an account here', () => import('./commands/users/users.ts').then((m) => m.list)],
    ['users:create', 'give someone an account and a token', () => import('./commands/users/users.ts').then((m) => m.create)],
    [
      'users:disable',
      'refuse all tokens of an account; its apps go on',
      () => import('./commands/users/users.ts').then((m) => m.disable),
    ],
    ['users:enable', 'let a disabled account in again', () => import('./commands/users/users.ts').then((m) => m.enable)],
    ['users:remove', "end someone's account", () => import('./commands/users/users.ts').then((m) => m.remove)],
    ['keys', 'list your SSH keys', () => import('./commands/keys/list.ts').then((m) => m.list)],
    ['keys:add', 'add an SSH key', () => import('./commands/keys/add.ts').then((m) => m.add)],
    ['keys:remove', 'remove an SSH key', () => import('./commands/keys/remove.ts').then((m) => m.remove)],
    ['keys:clear', 'remove all your SSH keys', () => import('./commands/keys/remove.ts').then((m) => m.clear)],
  ]),
  ...topic('This machine', [
    ['disk', 'show what takes room, and what could go', () => import('./commands/platform/disk.ts').then((m) => m.disk)],
    ['secrets:rotate', 'encrypt secrets with a new key', () => import('./commands/secrets/rotate.ts').then((m) => m.rotate)],
    ['backup', 'write everything of this dozen to a file', () => import('./commands/backup/backup.ts').then((m) => m.backup)],
    [
      'restore',
      'bring a backup back into an empty DOZEN_HOME',
      () => import('./commands/backup/backup.ts').then((m) => m.restore),
    ],
    ['regions', 'list the regions: one, your own machine', () => import('./commands/platform/regions.ts').then((m) => m.regions)],
    ['heroku', "run Heroku's own client against this dozen", () => import('./commands/platform/heroku.ts').then((m) => m.heroku)],
    ['env', "print the environment for Heroku's own client", () => import('./commands/platform/env.ts').then((m) => m.env)],
    [
      'completion',
      'print a completion script for your shell',
      () => import('./commands/platform/completion.ts').then((m) => m.completion),
      'autocomplete',
    ],
  ]),
  ...topic('Hidden', [
    [
      'git:credentials',
      'tell git the token',
      () => import('./commands/general/git-credentials.ts').then((m) => m.gitCredentials),
    ],
    [
      'complete:options',
      'print the options of a command for shell completion',
      () => import('./commands/platform/complete-options.ts').then((m) => m.completeOptions),
    ],
    [
      'complete:apps',
      'print app names for shell completion',
      () => import('./commands/platform/complete-apps.ts').then((m) => m.completeApps),
    ],
  ]),
]
