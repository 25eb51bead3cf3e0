// Memory and processor time of processes, as Linux counts them.
import { readdirSync, readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/** Controller, router with its workers, and supervisor of `home`: what they are, their memory, and processor time so far in seconds. */
export function processes(home) {
  const mine = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && environment(name).includes(`DOZEN_HOME=${home}\0`))
  return mine.flatMap((pid) => {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
    const program = /server\/main|router\/main\.js worker|router\/main|dozen\.mjs/.exec(argv)?.[0]
    const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
    return program ? [{ pid, program, seconds, ...memory(pid), bytes: memory(pid).pss }] : []
  })
}

function environment(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return ''
  }
}

/** In bytes. `pss` shares out what several processes map, `own` is what ends with the process, `shared` the rest of its resident memory. */
export function memory(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]) * 1024
  return { pss: of('Pss'), own: of('Private_Clean') + of('Private_Dirty'), shared: of('Shared_Clean') + of('Shared_Dirty') }
}

/** A process and its children, and theirs. */
export function familyOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return [pid, ...children.flatMap(familyOf)]
}
