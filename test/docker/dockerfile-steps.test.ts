import { randomBytes } from 'node:crypto'
import { afterAll, expect, it } from 'vitest'
import { systemClock as clock } from '../../server/clock.ts'
import { stepLimits } from '../../server/fence/step-limits.ts'
import { building } from '../support/building.ts'
import { stackImage } from '../support/sweep.ts'

const MIB = 1024 ** 2
const { build, close } = building()
afterAll(close)

const dockerfile = async (...lines: string[]) => ({
  Dockerfile: [`FROM ${await stackImage()}`, 'USER root', ...lines, 'CMD true', ''].join('\n'),
})
const fresh = () => randomBytes(8).toString('hex') // no step is taken from BuildKit's cache

it('bounds a step of a Dockerfile in memory and processes, and names the setting (ABUSE 39)', async () => {
  const problems: unknown[] = []
  const { around: confined } = stepLimits({ clock, limits: { memoryBytes: 96 * MIB, pids: 40 }, onError: (cause) => problems.push(cause) }) // prettier-ignore
  const limits = { buildTimeoutMs: 120_000, sourceBytes: 64 * MIB, buildMemoryBytes: 96 * MIB }
  const spawning = `let n = 0; setInterval(() => ++n > 600 ? process.exit() : require("child_process").spawn("sleep", ["60"]).on("error", ({ code }) => (console.log(code), process.exit(7))), 50)` // prettier-ignore
  const many = await dockerfile(`RUN echo ${fresh()}; node -e '${spawning}'`)
  await expect(build(many, { limits, confined })).rejects.toThrow(/exit code: 7[^]*EAGAIN/)
  const greedy = await dockerfile(`RUN echo ${fresh()}; node -e 'const all = []; for (;;) all.push(Buffer.alloc(1e6, 1))'`) // prettier-ignore
  await expect(build(greedy, { limits, confined })).rejects.toThrow(/more than 96 MiB of memory.*DOZEN_BUILD_MEMORY/)
  expect(problems).toEqual([])
})

it('keeps what one app puts into a cache of its steps from all others, and for its own next build (ABUSE 43)', async () => {
  const inputsKey = randomBytes(32)
  const caching = async (appId: string) => {
    const step = `RUN --mount=type=cache,target=/cached echo "seen [$(ls /cached)]" && touch /cached/poison && echo ${fresh()}`
    const { output } = await build(await dockerfile(step), { appId, inputsKey })
    return /seen (\[.*?\])(?!.*ls)/.exec(output.replaceAll(/.*\$\(ls.*/g, ''))?.[1]
  }
  expect([await caching('one'), await caching('two'), await caching('one')]).toEqual(['[]', '[]', '[poison]'])
})
