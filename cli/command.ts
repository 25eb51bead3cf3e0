import { Command } from 'commander'
import type { Context } from './context.ts'

/** How every command is made: a function of its context, so that a test hands in its own. */
export type Make = (context: Context) => Command

/** `-a/--app` of a command that acts on one app; `context.app(options.app)` says which. */
export type AppOption = { app?: string }
export type JsonOption = { json?: boolean }

export const command = (name: string, description: string): Command => new Command(name).description(description)

export const appCommand = (name: string, description: string): Command =>
  command(name, description).option('-a, --app <name>', 'app to act on')

/** /apps/shop/<rest> */
export const appPath = (app: string, ...rest: (string | number)[]): string =>
  ['/apps', app, ...rest].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join('/')
