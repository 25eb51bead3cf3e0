import { expect, it } from 'vitest'
import { inHeader, ownNames } from './own-names.ts'

const address = (text: string, internal = false) => ({ address: text, internal }) as never
const machine = {
  hostname: 'Server.example.com',
  interfaces: {
    lo: [address('127.0.0.1', true)],
    eth0: [address('192.0.2.2'), address('fd00::2'), address('fe80::1')],
    docker0: [address('172.17.0.1')],
    'br-0123': [address('172.18.0.1')],
  },
}

it('the API goes by its own address alone, or, on all addresses, by those of the machine and its name (ABUSE 65)', () => {
  expect(ownNames('127.0.0.1', machine)).toEqual(['localhost', '127.0.0.1', '::1'])
  expect(ownNames('API.example.com', machine)).toEqual(['localhost', '127.0.0.1', '::1', 'api.example.com'])
  const all = ['localhost', '127.0.0.1', '::1', '192.0.2.2', 'fd00::2', 'server.example.com']
  expect([ownNames('0.0.0.0', machine), ownNames('::', machine)]).toEqual([all, all])
  expect(ownNames('0.0.0.0', { ...machine, hostname: 'a b' })).not.toContain('a b')
  expect(all.map(inHeader)).toContain('[fd00::2]')
})
