import { expect, it } from 'vitest'
import type { Release } from '../releases/release.ts'
import { deploys } from './deploys.ts'

const release = { appId: 'a1', version: 2, status: 'failed', reason: 'web.1 exited with status 1.', source: undefined } as Release
const app = { id: 'a1', name: 'shop' } as Parameters<ReturnType<typeof deploys>['deploy']>[0]
const user = { id: 'u1', email: 'me@example.com' }

it('an image whose release fails rejects, and leaves no rejection that nobody handles: one would end the controller', async () => {
  const unhandled: unknown[] = []
  const hear = (cause: unknown) => void unhandled.push(cause)
  process.on('unhandledRejection', hear)
  const { deploy } = deploys({
    logs: { publish: () => {} },
    builds: { clear: async () => {} },
    releases: {
      deploy: () => release,
      current: () => undefined,
      settled: async () => release,
      failure: () => undefined,
    },
    url: () => 'http://shop.localhost/',
  } as unknown as Parameters<typeof deploys>[0])
  const image = { image: 'sha256:1', buildId: null, commit: null } as never
  const made = deploy(
    app,
    user as never,
    { image, description: 'Promote' },
    { signal: new AbortController().signal, log: () => {} },
  )
  await expect(made).rejects.toThrow('v2 failed: web.1 exited with status 1.')
  await new Promise((resolve) => setTimeout(resolve)) // Node.js looks for them after the microtasks
  process.removeListener('unhandledRejection', hear)
  expect(unhandled).toEqual([])
})
