import { expect, it } from 'vitest'
import { masked } from './masked.ts'

const mask = masked({
  API_KEY: 'sk-live-0123456789',
  LONGER: 'sk-live-0123456789-and-more',
  NODE_ENV: 'production',
  PORTS: '5000',
  PEM: '-----BEGIN KEY-----\nMIIabcdef0123\n-----END KEY-----',
  PIP_INDEX_URL: 'http://127.0.0.1:8000/simple',
  NPM_CONFIG_REGISTRY: 'https://me:s3cret-word@example.com/npm',
})

it.each([
  ['API_KEY=sk-live-0123456789!', 'API_KEY=[redacted]!'],
  ['twice sk-live-0123456789-and-more sk-live-0123456789', 'twice [redacted] [redacted]'],
  ['NODE_ENV=production on 5000', 'NODE_ENV=production on 5000'],
  ['MIIabcdef0123', '[redacted]'],
  ['Looking in indexes: http://127.0.0.1:8000/simple', 'Looking in indexes: http://127.0.0.1:8000/simple'],
  ['GET https://me:s3cret-word@example.com/npm/x', 'GET [redacted]/x'],
])('%s is shown as %s', (line, shown) => expect(mask(line)).toBe(shown))
