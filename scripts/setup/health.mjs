// The container's health check: GET /health of the platform that runs in DOZEN_HOME.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const { api } = JSON.parse(readFileSync(join(process.env.DOZEN_HOME || join(homedir(), '.dozen'), 'endpoints.json'), 'utf8'))
const { status } = await fetch(new URL('/health', api), { signal: AbortSignal.timeout(4000) })
process.exitCode = status === 200 ? 0 : 1
