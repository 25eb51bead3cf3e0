import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { isAlive, isRunning } from './orphan.ts'

const SLEEPER = 'setTimeout(() => {}, 60_000)'
const env = { PATH: process.env['PATH'], DOZEN_HOME: '/h', DOZEN_HTTP_PORT: '0', DOZEN_DOMAIN: 'localhost' }

it.runIf(existsSync('/proc/self/environ'))(
  'a process is the same by its program and its settings, chosen ports aside, and as long as it lives',
  async () => {
    const child = spawn(process.execPath, ['-e', SLEEPER], { env: { ...env, DOZEN_HTTP_PORT: '8123' }, stdio: 'ignore' })
    await once(child, 'spawn')
    const pid = child.pid!
    expect(isRunning(pid, SLEEPER, env)).toBe(true)
    expect(isRunning(pid, SLEEPER, { ...env, DOZEN_HTTP_PORT: '8080' })).toBe(false)
    expect(isRunning(pid, SLEEPER, { ...env, DOZEN_DOMAIN: 'example.com' })).toBe(false)
    expect(isRunning(pid, SLEEPER, { ...env, DOZEN_HTTP_HOST: '::' })).toBe(false)
    expect(isRunning(pid, 'another.js', env)).toBe(false)
    expect(isAlive(pid)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect([isRunning(pid, SLEEPER, env), isAlive(pid)]).toEqual([false, false])
  },
)
