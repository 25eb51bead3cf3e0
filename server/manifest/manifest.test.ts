import { describe, expect, it } from 'vitest'
import { parseManifest } from './manifest.ts'
import { nextDue } from './schedule.ts'

describe('app.json', () => {
  it('says which jobs run when, and how web processes are asked', () => {
    const text = JSON.stringify({
      name: 'shop',
      cron: [
        { schedule: ' 0  3 * * * ', command: 'node clean.js ' },
        { schedule: '@daily', command: 'x', concurrency_policy: 'allow' },
      ],
      healthchecks: {
        web: [
          { type: 'startup', name: 'uptime', uptime: 3 },
          { path: '/health', attempts: 2, timeout: 1 },
        ],
      },
    })
    expect(parseManifest(text)).toEqual({
      cron: [
        { schedule: '0 3 * * *', command: 'node clean.js', overlap: false },
        { schedule: '@daily', command: 'x', overlap: true },
      ],
      checks: { web: { path: '/health', intervalMs: 15_000, timeoutMs: 1000, failures: 2 } },
    })
    expect(parseManifest(undefined)).toEqual({})
    expect(parseManifest('\ufeff{"name": "x"}')).toEqual({})
  })

  it.each([
    ['{', 'app.json is not valid JSON'],
    ['{"cron": {}}', '"cron" in app.json should be a list'],
    ['{"cron": [{"schedule": "* * * * *"}]}', '"cron" in app.json: A job needs a command'],
    ['{"cron": [null]}', 'A job needs a command'],
    ['{"cron": [{"schedule": "1 2 3", "command": "x"}]}', '"1 2 3" is no schedule. It should be five fields in UTC'],
    ['{"cron": [{"schedule": "0 0 0 * * *", "command": "x"}]}', 'is no schedule'],
    ['{"cron": [{"schedule": "99 * * * *", "command": "x"}]}', 'is no schedule'],
    ['{"cron": [{"schedule": 5, "command": "x"}]}', 'is no schedule'],
    ['{"cron": [{"schedule": "0 0 30 2 *", "command": "x"}]}', 'never comes'],
    ['{"healthchecks": {"web": [{"path": "health"}]}}', '"healthchecks" in app.json: path should be a path'],
    ['{"healthchecks": 1}', 'should be like'],
  ])('%s is refused', (text, message) => expect(() => parseManifest(text)).toThrow(message))
})

it('schedules are in UTC, five fields', () => {
  const after = new Date('2026-03-29T00:30:00Z') // daylight saving begins in Europe
  expect(nextDue('30 2 * * *', after)).toEqual(new Date('2026-03-29T02:30:00Z'))
  expect(nextDue('*/15 9-17 * * 1-5', after)).toEqual(new Date('2026-03-30T09:00:00Z'))
  expect(nextDue('@monthly', after)).toEqual(new Date('2026-04-01T00:00:00Z'))
})
