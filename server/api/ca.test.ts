import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { apiCertificate } from './ca.ts'

const DAY_MS = 86_400_000
const now = new Date('2026-01-01T00:00:00Z')
const later = (days: number) => new Date(now.getTime() + days * DAY_MS)

it("the API's certificate stays what it is until it lacks a name or is to end within a month", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-ca-'))
  const first = await apiCertificate(folder, ['localhost', '127.0.0.1', '::1'], now)
  expect(await apiCertificate(folder, ['::1', 'localhost'], later(366))).toEqual(first)
  const renewed = await apiCertificate(folder, ['localhost'], later(368))
  expect(renewed).not.toEqual(first)
  const more = await apiCertificate(folder, ['localhost', 'dozen.example'], later(368))
  expect(more).not.toEqual(renewed)
  expect(await apiCertificate(folder, ['dozen.example'], later(368))).toEqual(more)
})
