import Docker from 'dockerode'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { sweep } from '../support/sweep.ts'
import { inspect, nodeApp, useWorld } from '../support/world.ts'

const docker = new Docker({ socketPath: process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock' })
const CANARY = `canary-${Math.random().toString(36).slice(2)}-value`
const failing = `/tmp/dozen-fail-${process.pid}`

/** What every process of the machine can read of the others', looked at again and again until `stop`. */
function watchCommandLines(words: readonly string[]) {
  const seen = new Set<string>()
  let isOver = false
  const look = () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      try {
        const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        if (Number(pid) !== process.pid && words.some((word) => text.includes(word)))
          seen.add(text.replaceAll('\0', ' ').slice(0, 300))
      } catch {
        // it has ended
      }
  }
  const watching = (async () => {
    while (!isOver) {
      look()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  return async () => {
    isOver = true
    await watching
    return [...seen]
  }
}

async function holds(stream: Readable, word: string): Promise<boolean> {
  let rest = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const text = rest + chunk.toString('latin1')
    if (text.includes(word)) return true
    rest = text.slice(-word.length)
  }
  return false
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : []
  })
}

describe('a platform under attack', () => {
  mkdirSync(failing, { recursive: true })
  const world = useWorld({ env: { DOZEN_PROOF_TIME: '1s', DOZEN_WATCH_WINDOW: '0', DOZEN_FAIL_AT: failing } })
  const configOf = async (app: string) => (await world.api<Record<string, string>>('GET', `/apps/${app}/config-vars`)).body

  it('tells a config var to nobody but the app: no command line, image, log, event, error or file (ABUSE 41, 42, 78, 79)', async () => {
    const app = await world.create('secretive')
    await world.api('PATCH', `/apps/${app}/config-vars`, { CANARY })
    const stop = watchCommandLines([CANARY, world.token])
    const { output } = await world.push(app, nodeApp('one'))
    await world.cliOk('run', '-a', app, '--', 'true')
    const lines = await stop()
    expect(lines).toEqual([])
    const [container] = await world.containers(app)
    expect((await inspect(container!.id)).Config.Env).toContain(`CANARY=${CANARY}`)
    const image = docker.getImage(container!.image)
    expect(JSON.stringify([await image.inspect(), await image.history()])).not.toContain(CANARY)
    const events = await world.api('GET', `/apps/${app}/events`)
    const errors = await Promise.all([
      world.api('PATCH', `/apps/${app}/config-vars`, { 'NO GOOD': CANARY }),
      world.api('GET', `/nowhere/${world.token}`),
    ])
    const told = JSON.stringify([output, await world.logs(app), events.body, errors[0].body, world.output])
    expect(told).not.toContain(CANARY)
    expect(told + JSON.stringify(errors[1].headers)).not.toContain(world.token)
    const leaking = filesBelow(world.home).filter((file) => readFileSync(file).includes(CANARY))
    expect(leaking).toEqual([])
    const open = filesBelow(world.home).filter((file) => /key|token|\.db/.test(file) && (statSync(file).mode & 0o077) !== 0)
    expect([open, statSync(world.home).mode & 0o777]).toEqual([[], 0o700])
  })

  it('holds its processes: plain user, no capabilities, seccomp, bounded in memory, processes, /tmp and /dev/shm (ABUSE 80, 82)', async () => {
    const app = 'secretive'
    const { stdout } = await world.cli('run', '-a', app, '--', `grep -E 'Cap(Eff|Bnd)|NoNewPrivs|Seccomp:' /proc/self/status; id -u; ls /var/run/docker.sock; df -k --output=size /tmp /dev/shm; ulimit -c; touch /proc/sys/kernel/x /sys/x; cat /proc/1/environ | tr '\\0' '\\n' | grep -c DOZEN_HOME`) // prettier-ignore
    expect(stdout).toMatch(/CapBnd:\s+0000000000000000/)
    expect(stdout).toMatch(/CapEff:\s+0000000000000000/)
    expect(stdout).toMatch(/NoNewPrivs:\s+1/)
    expect(stdout).toMatch(/Seccomp:\s+2/)
    expect(stdout).toMatch(/\s1048576\s+65536/)
    const [container] = await world.containers(app)
    const { HostConfig } = await inspect(container!.id)
    expect(HostConfig).toMatchObject({
      Privileged: false,
      PidsLimit: 4096,
      Memory: 2 * 1024 ** 3,
      MemorySwap: 2 * 1024 ** 3,
      Binds: null,
      CapDrop: ['ALL'],
    })
    expect([HostConfig.PidMode, HostConfig.NetworkMode === 'host', HostConfig.UsernsMode]).toEqual(['', false, ''])
  })

  it('lets its processes write to /app and /tmp alone, or to /tmp alone where the app asks for it, and open so many files (ABUSE 80)', async () => {
    const app = 'secretive'
    const write = `find / -xdev -writable -not -type l -not -path '/proc/*' -not -path '/app*' 2>/dev/null | head -20; touch /app/x && echo wrote app; touch /tmp/x && echo wrote tmp; echo files $(ulimit -Hn)`
    const before = await world.cli('run', '-a', app, '--', write)
    expect(before.stdout).toMatch(/wrote app\s+wrote tmp/)
    const scratch = ['/tmp', '/var/tmp', '/run/lock']
    expect(before.stdout.split(/\r?\n/).filter((line) => line.startsWith('/') && !scratch.includes(line))).toEqual([])
    expect(Number(/files (\d+)/.exec(before.stdout)![1])).toBeLessThanOrEqual(65_536)
    await world.cliOk('settings:set', 'read-only=on', '-a', app)
    const after = await world.cli('run', '-a', app, '--', write)
    expect(after.stdout).toContain('wrote tmp')
    expect(after.stdout).not.toContain('wrote app')
    await world.cliOk('settings:unset', 'read-only', '-a', app)
  })

  it('outlives bombs of processes, memory, files and disks inside one of them; its neighbour does not notice (ABUSE 39, 82)', async () => {
    const app = await world.create('bomber')
    await world.push(app, nodeApp('still here'))
    await world.cliOk('limits:set', 'run', '--memory', '64m', '--pids', '64', '-a', app)
    const load = await world.load('secretive')
    const bombs = [
      `timeout 3 bash -c 'b() { b | b & b; }; b' 2>&1 | grep -c -m1 'fork\\|Resource'`,
      `node -e 'const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))'; echo "memory $?"`,
      `node -e 'const fs = require("fs"); let n = 0; try { for (;;) { fs.openSync("/dev/null"); n++ } } catch (e) { console.log("files", e.code, n < 1100000) }'`,
      `dd if=/dev/zero of=/tmp/x bs=1M count=200 2>&1 | grep -o 'No space left'; dd if=/dev/zero of=/dev/shm/x bs=1M count=200 2>&1 | grep -o 'No space left\\|Killed'; echo filled`,
    ]
    const outputs = await Promise.all(bombs.map(async (bomb) => (await world.cli('run', '-a', app, '--', bomb)).stdout))
    const { failed } = await load.stop()
    expect(failed).toEqual([])
    expect(outputs[1]).toMatch(/memory 137|Killed/)
    expect(outputs[2]).toMatch(/files EMFILE true|files ENFILE|Killed/)
    expect(outputs[3]).toContain('No space left')
    await world.until(
      async () => (await world.containers(app)).every(({ labels }) => labels['dozen.role'] === 'dyno'),
      30_000,
      'their containers are gone',
    )
    await world.expectUp(app, 'still here')
  })

  it.each(['rotate.keyed', 'rotate.committed'])(
    'changes its key all or not at all, also when it is killed at %s',
    async (point) => {
      writeFileSync(join(failing, point), '')
      await world.api('POST', '/secrets/actions/rotate', {}).catch(() => {})
      await world.until(async () => (await world.cli('apps')).code === 0, 30_000, 'the controller is back')
      rmSync(join(failing, point), { force: true })
      expect(await configOf('secretive')).toEqual({ CANARY })
      const before = readFileSync(join(world.home, 'secret.key'), 'utf8')
      expect(await world.cliOk('secrets:rotate').then(() => readFileSync(join(world.home, 'secret.key'), 'utf8'))).not.toBe(
        before,
      )
      expect(await configOf('secretive')).toEqual({ CANARY })
    },
  )

  it('comes back on a clean machine from a backup that was taken under load, apps, config and rollbacks (ABUSE 95)', async () => {
    await world.push('secretive', nodeApp('two'))
    const file = join(world.base, 'backup.tar')
    const load = await world.load('secretive')
    const made = await world.onMachine('backup', file)
    expect(made.code, made.stderr).toBe(0)
    expect((await load.stop()).failed).toEqual([])
    expect(await holds((await import('node:fs')).createReadStream(file), CANARY)).toBe(false)
    await world.down()
    await sweep(world.instance)
    rmSync(world.home, { recursive: true })
    const restored = await world.onMachine('restore', file)
    expect(restored.code, restored.stderr).toBe(0)
    await world.up()
    await world.expectUp('secretive', 'two')
    expect(await configOf('secretive')).toEqual({ CANARY })
    await world.cliOk('rollback', 'v3', '-a', 'secretive')
    await world.expectUp('secretive', 'one')
    rmSync(failing, { recursive: true, force: true })
  })
})
