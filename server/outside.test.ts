import { networkInterfaces } from 'node:os'
import { expect, it } from 'vitest'
import { isInside, outsideAddress } from './outside.ts'

const hex = (address: string) => {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

it.each(['127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.0.1', '100.100.100.200'])(
  '%s is inside, also written as an IPv6 address (ABUSE 70)',
  (address) => expect([isInside(address), isInside(`::ffff:${address}`), isInside(hex(address))]).toEqual([true, true, true]),
)

it('so is every address of this machine, in either way (ABUSE 70)', () => {
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []).filter(({ family }) => family === 'IPv4') // prettier-ignore
  expect(own.length).toBeGreaterThan(0)
  for (const { address } of own) expect([address, isInside(address), isInside(hex(address))]).toEqual([address, true, true])
})

it('an address of the world is not', async () => {
  expect([isInside('198.51.100.7'), isInside(hex('198.51.100.7')), isInside('2001:db8::1')]).toEqual([false, false, false])
  expect(await outsideAddress('198.51.100.7')).toBe('198.51.100.7')
})
