// How the buildpack speaks and runs programs: Heroku's marks, everything on standard output, no shell.
import { spawnSync } from 'node:child_process'
import { writeSync } from 'node:fs'

const say = (line) => writeSync(1, `${line}\n`)
export const step = (text) => say(`-----> ${text}`)
export const warn = (text) => say(` !     ${text}`)

export function fail(...lines) {
  for (const line of lines) warn(line)
  process.exit(1)
}

/** Runs a program with an argument list; its output goes to the log. True when it ended with status 0. */
export function run([file, ...args], env) {
  const { status, error } = spawnSync(file, args, { stdio: ['ignore', 1, 1], env })
  if (error) warn(`${file} could not be started: ${error.message}`)
  return status === 0
}

export const succeeds = (file, args) => spawnSync(file, args, { stdio: 'ignore' }).status === 0

/** The output of a program, undefined when it failed. */
export function outputOf(file, args, options) {
  const { status, stdout } = spawnSync(file, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'ignore'],
    ...options,
  })
  return status === 0 ? stdout : undefined
}

export function runScript(name, manager, env) {
  step(`Running ${name}`)
  if (!run([...manager.run, name], env))
    fail(`The script ${name} of package.json failed: the lines above say why. Repair it and push again.`)
}
