import { spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { run, startWorld, useWorld, type World } from '../support/world.ts'
import { failuresOf, flow, operations, readLedger, settled, SETTINGS, shopFiles } from './shop.ts'

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
const isRoot = process.getuid?.() === 0
const isTraceable = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0

/** FAULTS.md F10: the state folder is on a small disk of its own, which fills up. */
describe.runIf(isRoot)('a full disk', () => {
  const base = mkdtempSync(join(tmpdir(), 'dozen-disk-'))
  const mount = join(base, 'mnt')
  let world: World
  const app = 'shop'

  beforeAll(async () => {
    mkdirSync(mount)
    await run('truncate', ['-s', '96M', join(base, 'img')])
    await run('mkfs.ext4', ['-q', '-m', '0', join(base, 'img')])
    const { code, stderr } = await run('mount', ['-o', 'loop', join(base, 'img'), mount])
    if (code !== 0) throw new Error(`No loop device: ${stderr}`)
    const outside = process.env.TMPDIR
    process.env.TMPDIR = mount
    world = await startWorld({ env: SETTINGS })
    if (outside === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = outside
    await world.create(app)
    await world.push(app, shopFiles('body 1'))
  })
  afterAll(async () => {
    await world?.close()
    await run('umount', [mount])
    rmSync(base, { recursive: true, force: true })
  })

  it('is told by whoever wants to change something and by the doctor, serves on, and is forgotten when there is room again', async () => {
    const before = readLedger(world.home)
    const load = await flow(world, app)
    const tree = world.worktree(app)
    await tree.commit(shopFiles('body 2')) // on the same disk
    fill(join(mount, 'filler'))
    let said = ''
    const isRefused = async () => {
      const { code, stderr } = await world.cli('config:set', `A=${'x'.repeat(20_000)}`, '-a', app)
      said = stderr
      return code !== 0
    }
    await world.until(isRefused, 60_000, 'a change is refused')
    expect(said).toMatch(/The disk of dozen (is full|cannot be written)/)
    expect((await world.cli('doctor')).stdout).toMatch(/problem\s+disk\s+0\.0 GiB of/)
    expect((await tree.git('push', 'dozen', 'HEAD:main')).code).not.toBe(0)
    expect((await world.get(app)).body).toContain('body')
    rmSync(join(mount, 'filler'))
    await settled(world, before)
    await world.push(app, shopFiles('body 3'))
    await world.expectUp(app, 'body 3')
    expect(await failuresOf(load)).toEqual([])
  })

  /** FAULTS.md F11 */
  it('and a torn write-ahead log loses nothing that was said to be done; a damaged database is refused with a sentence', async () => {
    await world.cliOk('config:set', 'KEPT=yes', '--wait', '-a', app)
    const before = readLedger(world.home)
    const pids = [world.supervisorPid, ...world.controllerPids()]
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await world.down('SIGKILL')
    const file = join(world.home, 'dozen.db')
    if (existsSync(`${file}-wal`)) appendFileSync(`${file}-wal`, Buffer.alloc(2_000, 7)) // half a frame of nonsense
    await world.up()
    await settled(world, before)
    expect(await world.cliOk('config:get', 'KEPT', '-a', app)).toBe('yes\n')
    await world.down()
    const whole = readFileSync(file)
    const handle = openSync(file, 'r+')
    for (let at = 8192; at < statSync(file).size; at += 4096) writeSync(handle, Buffer.alloc(100, 0xff), 0, 100, at)
    closeSync(handle)
    const { code, stderr } = await world.upAgain()
    expect(code).toBe(1)
    expect(stderr).toMatch(/database .*dozen\.db is damaged.*Restore it from a backup/)
    writeFileSync(file, whole)
    await world.up()
    await world.expectUp(app, 'body')
  })
})

/** FAULTS.md F11: every write to the ledger fails with EIO, by strace; all else is written as ever. */
describe.runIf(isTraceable)('a disk with errors under the ledger', () => {
  const world = useWorld({ env: SETTINGS })
  const app = 'shop'
  beforeAll(async () => {
    await world.create(app)
    await world.push(app, shopFiles('body 1'))
  })

  let mend = async () => {}
  afterEach(() => mend())

  /** Until `mend`. */
  async function breakDisk(): Promise<void> {
    const calls = 'pwrite64,write,fsync,fdatasync'
    const files = ['', '-wal'].flatMap((end) => ['-P', join(world.home, `dozen.db${end}`)])
    const pid = String(world.controllerPids()[0])
    const tracer = spawn('strace', ['-f', '-qq', '-o', '/dev/null', '-p', pid, ...files, '-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO`]) // prettier-ignore
    const ended = new Promise<void>((resolve) => tracer.once('exit', () => resolve()))
    const isTraced = () => !/^TracerPid:\s+0$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    mend = async () => {
      tracer.kill('SIGTERM')
      await ended
    }
    await world.until(isTraced, 20_000, 'the controller is traced')
  }

  it('is told by whoever wants to change something, nothing has changed, and it works again afterwards', async () => {
    const before = readLedger(world.home)
    const load = await flow(world, app)
    await breakDisk()
    const wrong = /The disk of dozen cannot be written \(SQLITE_IOERR_WRITE\)/
    for (const change of [['config:set', 'A=1'], ['ps:scale', 'web=2'], ['ps:restart'], ['rollback', 'v2'], ['destroy', '--confirm', app]]) {
      const { code, stderr } = await world.cli(...change, '-a', app)
      expect([change[0], code, stderr]).toEqual([change[0], 1, expect.stringMatching(wrong)])
    } // prettier-ignore
    expect((await world.tryPush(app, shopFiles('body 2'))).code).not.toBe(0)
    expect((await world.get(app)).body).toBe('body 1')
    await mend()
    await settled(world, before)
    const after = readLedger(world.home)
    expect([after.states, after.wanted]).toEqual([before.states, before.wanted])
    await world.push(app, shopFiles('body 3'))
    await world.expectUp(app, 'body 3')
    expect(await failuresOf(load)).toEqual([])
  })

  it('in the middle of a deploy leaves old or new, whole, once it can be written again', async () => {
    const before = readLedger(world.home)
    const load = await flow(world, app)
    const deploy = operations(world).find(({ name }) => name === 'deploy')!
    const acting = deploy.act(app)
    const versions = async () => new Set((await world.containers(app)).map((one) => one.labels['dozen.release']))
    await world.until(async () => (await versions()).size > 1, 60_000, 'the new release starts')
    await breakDisk()
    const from = load.ok
    await world.until(() => load.ok > from + 200, 60_000, 'it serves on')
    await mend()
    const { ok, said } = await acting
    await settled(world, before)
    expect(await deploy.holds!(app), said).toBe(ok)
    expect(await failuresOf(load)).toEqual([])
  })
})

/** FAULTS.md F12: the controller's clock is moved, by libfaketime; the engine's is not. */
describe.runIf(existsSync(FAKETIME))('a clock that is moved', () => {
  const base = mkdtempSync(join(tmpdir(), 'dozen-clock-'))
  const stamp = join(base, 'offset')
  writeFileSync(stamp, '+0')
  const world = useWorld({
    env: { ...SETTINGS, LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: stamp, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
  }) // prettier-ignore
  const app = 'shop'
  beforeAll(async () => {
    await world.create(app)
    await world.push(app, shopFiles('body 0'))
    await world.cliOk('ps:scale', 'worker=1', '-a', app)
  })
  afterAll(() => rmSync(base, { recursive: true, force: true }))

  it.each(['+3600', '-3600'])('by %s seconds in the middle of a deploy, it goes through all the same', async (offset) => {
    const before = readLedger(world.home)
    await settled(world, before)
    const load = await flow(world, app)
    const deploy = operations(world).find(({ name }) => name === 'deploy')!
    const acting = deploy.act(app)
    const versions = async () => new Set((await world.containers(app)).map((one) => one.labels['dozen.release']))
    await world.until(async () => (await versions()).size > 1, 60_000, 'the new release starts')
    writeFileSync(stamp, offset)
    const { ok, said } = await acting
    expect(ok, said).toBe(true)
    await settled(world, before)
    expect((await world.cli('doctor')).stdout).toMatch(/problem\s+clock\s+was moved by [+-]\d+ s/)
    expect(await failuresOf(load)).toEqual([])
    await world.get(app, '/crash').catch(() => {})
    await settled(world, before)
  })
})

/** So that not one block is left. */
function fill(file: string) {
  const handle = openSync(file, 'w')
  try {
    for (;;) writeSync(handle, Buffer.alloc(4096))
  } catch {
    closeSync(handle)
  }
}
