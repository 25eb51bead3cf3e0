import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Clock } from '../clock.ts'

type Deps = {
  clock: Clock
  limits: { memoryBytes: number; pids: number }
  /** Told when the limits cannot be set here. */
  onError: (cause: unknown) => void
  /** Where the kernel shows processes and control groups. */
  proc?: string
  groups?: string
}

const LOOK_MS = 100
/** How BuildKit runs a step: `runc … run --bundle …/buildkit/executor/ID ID`. */
const STEP = /\0--bundle\0[^\0]*\/buildkit\/executor\/([a-z0-9]{20,40})\0\1\0$/

/**
 * Bounds each step of a Dockerfile in memory and processes, which the engine's API does not offer: while a build of ours is under way, the control
 * group of each step that begins gets limits. The engine does not tell whose a step is, so those that somebody else begins meanwhile get them too.
 */
export function stepLimits({ clock, limits, onError, proc = '/proc', groups = '/sys/fs/cgroup' }: Deps) {
  let builds = 0
  const known = new Set<string>()

  function stepOf(pid: string): string | undefined {
    if (readText(`${proc}/${pid}/comm`) !== 'runc\n') return undefined
    return STEP.exec(readText(`${proc}/${pid}/cmdline`))?.[1]
  }

  /** "memory" → "/docker/buildkit/ID"; "" is the one hierarchy of cgroup v2. Only those that are the step's own. */
  function groupsOf(pid: string, step: string): Map<string, string> {
    const own = new RegExp(`(?:^|[/:-])${step}(?:\\.scope)?$`)
    const lines = readText(`${proc}/${pid}/cgroup`).split('\n').map((line) => line.split(/:(.*?):(.*)/s)) // prettier-ignore
    const found = lines.flatMap(([, names = '', path = '']) =>
      own.test(path) ? names.split(',').map((name) => [name, path] as const) : [],
    )
    return new Map(found)
  }

  /** Whether the step has its control groups by now. */
  function bound(pid: string, step: string): boolean {
    const own = groupsOf(pid, step)
    const memory = own.get('memory')
    if (memory !== undefined) {
      set(`${groups}/memory${memory}`, 'memory.limit_in_bytes', limits.memoryBytes)
      set(`${groups}/pids${own.get('pids') ?? memory}`, 'pids.max', limits.pids)
      return true
    }
    const unified = own.get('')
    if (unified === undefined) return false
    set(groups + unified, 'memory.max', limits.memoryBytes)
    set(groups + unified, 'memory.swap.max', 0, { isOptional: true })
    set(groups + unified, 'pids.max', limits.pids)
    return true
  }

  function set(group: string, name: string, value: number, { isOptional = false } = {}) {
    try {
      writeFileSync(`${group}/${name}`, String(value), { flag: 'r+' })
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'EBUSY') return end(group) // it has more already
      if (code === 'ENODEV' || (code === 'ENOENT' && (isOptional || readText(`${group}/cgroup.procs`) === ''))) return // it is over
      onError(cause)
    }
  }

  /** Takes notice of steps; gives limits to those that are new, unless they are `spared`. */
  function look({ isSpared }: { isSpared: boolean }) {
    const living = new Set<string>()
    for (const pid of namesIn(proc)) {
      const step = /^\d+$/.test(pid) ? stepOf(pid) : undefined
      if (step === undefined) continue
      living.add(step)
      if (known.has(step)) continue
      if (isSpared || childrenOf(proc, pid).some((child) => bound(child, step))) known.add(step)
    }
    for (const step of known) if (!living.has(step)) known.delete(step)
  }

  async function watch() {
    while (builds > 0) {
      await clock.sleep(LOOK_MS)
      if (builds > 0) look({ isSpared: false })
    }
  }

  return {
    async around<T>(work: () => Promise<T>): Promise<T> {
      if (builds === 0) look({ isSpared: true }) // what runs by now is nobody's of ours
      builds++
      if (builds === 1) watch().catch(onError)
      try {
        return await work()
      } finally {
        builds--
      }
    },
  }
}

/** "" when it is gone. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function childrenOf(proc: string, pid: string): string[] {
  const tasks = `${proc}/${pid}/task`
  return namesIn(tasks).flatMap((task) => readText(`${tasks}/${task}/children`).split(' ').filter(Boolean))
}

/** None when it is gone, or where there is no /proc. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function end(group: string) {
  for (const pid of readText(`${group}/cgroup.procs`).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // it has ended
    }
  }
}
