import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { stepLimits } from './step-limits.ts'

const STEP = 'p0f8g6sdu64twn535pdxspm3h'
let folder: string
let clock: ReturnType<typeof fakeClock>
let end: () => void
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-steps-'))
  clock = fakeClock()
})
afterEach(() => rmSync(folder, { recursive: true }))

const put = (path: string, text: string) => {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), text)
}
const got = (path: string) => readFileSync(join(folder, 'groups', path), 'utf8')
/** As /proc and the control groups show a step that runs. */
function step(cgroup: string, { pid = 100, comm = 'runc', id = STEP } = {}) {
  put(`proc/${pid}/comm`, `${comm}\n`)
  put(
    `proc/${pid}/cmdline`,
    ['runc', '--log', '/x', 'run', '--bundle', `/var/lib/docker/buildkit/executor/${id}`, id, ''].join('\0'),
  )
  put(`proc/${pid}/task/${pid}/children`, `${pid + 1} `)
  put(`proc/${pid + 1}/comm`, 'sh\n')
  put(`proc/${pid + 1}/cgroup`, cgroup)
}
function begin() {
  const errors: unknown[] = []
  const all = stepLimits({
    clock, limits: { memoryBytes: 1000, pids: 50 }, onError: (cause) => errors.push(cause), proc: join(folder, 'proc'), groups: join(folder, 'groups'),
  }) // prettier-ignore
  mkdirSync(join(folder, 'proc'), { recursive: true })
  const built = all.around(() => new Promise<void>((resolve) => (end = resolve)))
  return { built, errors }
}

it.each([
  ['version 1', `8:pids:/docker/buildkit/${STEP}\n4:memory:/docker/buildkit/${STEP}\n0::/docker/buildkit/${STEP}\n`, [`memory/docker/buildkit/${STEP}/memory.limit_in_bytes`, `pids/docker/buildkit/${STEP}/pids.max`]],
  ['version 2', `0::/docker/buildkit/${STEP}\n`, [`docker/buildkit/${STEP}/memory.max`, `docker/buildkit/${STEP}/pids.max`]],
  ['version 2 by systemd', `0::/system.slice/docker-${STEP}.scope\n`, [`system.slice/docker-${STEP}.scope/memory.max`, `system.slice/docker-${STEP}.scope/pids.max`]],
])('bounds a step that begins, in control groups of %s', async (_version, cgroup, [memory, pids]) => {
  for (const file of [memory!, pids!]) put(`groups/${file}`, '0')
  const { built, errors } = begin()
  step(cgroup)
  await clock.advance(100)
  expect([got(memory!), got(pids!), errors]).toEqual(['1000', '50', []])
  end()
  await built
}) // prettier-ignore

it('leaves those alone that ran before, are of something else, or have no group of their own yet', async () => {
  for (const group of ['docker/buildkit', `docker/buildkit/${STEP}`, 'system.slice/docker.service'])
    put(`groups/${group}/memory.max`, 'max')
  step(`0::/docker/buildkit/${STEP}\n`)
  const { built, errors } = begin()
  const other = STEP.replace('p', 'q')
  step('0::/system.slice/docker.service\n', { pid: 200, id: other })
  step(`0::/docker/buildkit/${STEP}\n`, { pid: 300, comm: 'node' })
  await clock.advance(100)
  expect([got(`docker/buildkit/${STEP}/memory.max`), got('system.slice/docker.service/memory.max')]).toEqual(['max', 'max'])
  put(`groups/docker/buildkit/${other}/memory.max`, 'max')
  put(`groups/docker/buildkit/${other}/pids.max`, 'max')
  put('proc/201/cgroup', `0::/docker/buildkit/${other}\n`)
  await clock.advance(100)
  expect([got(`docker/buildkit/${other}/memory.max`), got('docker/buildkit/memory.max'), errors]).toEqual(['1000', 'max', []])
  end()
  await built
})

it('looks no more once the build is over', async () => {
  put(`groups/docker/buildkit/${STEP}/memory.max`, 'max')
  const { built } = begin()
  end()
  await built
  step(`0::/docker/buildkit/${STEP}\n`)
  await clock.advance(100)
  expect(got(`docker/buildkit/${STEP}/memory.max`)).toBe('max')
})
