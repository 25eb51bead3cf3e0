// Running other programs without a shell: their output as lines, their end as a value.
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

/** The checkout, without a trailing slash. */
export const ROOT = new URL('../..', import.meta.url).pathname.replace(/\/$/, '')

const children = new Set()

/** Asks every program that `run` still waits for to end. */
export function endAll() {
  for (const child of children) child.kill('SIGTERM')
}

/**
 * Runs a program to its end, with nothing on its stdin. `onLine` sees each line of both streams as it comes.
 * Resolves with the exit status (127 = there is no such program) and the last 200 lines.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void }} [options]
 * @returns {Promise<{ code: number, lines: string[] }>}
 */
export function run(program, args, { cwd = ROOT, env = process.env, onLine = () => {} } = {}) {
  return new Promise((resolve) => {
    const lines = []
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    children.add(child)
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        if (lines.length > 200) lines.shift()
        onLine(line)
      })
    child.on('error', (error) => resolve({ code: 127, lines: [error.message] }))
    child.on('close', (code) => {
      children.delete(child)
      resolve({ code: code ?? 1, lines })
    })
  })
}

/** Absolute path of a program on the PATH or where daemons live; undefined when it is not installed. */
export function which(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...(process.getuid?.() === 0 ? ['/usr/sbin', '/sbin'] : [])]
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
