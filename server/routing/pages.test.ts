import { expect, it } from 'vitest'
import { checkPage, pages } from './pages.ts'

it('are the config vars of the current release, read once per release', () => {
  const reads: number[] = []
  const configs: Record<number, Record<string, string>> = {
    1: {},
    2: { MAINTENANCE_PAGE_URL: '//a.test/soon', ERROR_PAGE_URL: 'https://a.test/error?a=1&b=2' },
    3: { ERROR_PAGE_URL: 'javascript:alert(1)' },
  }
  let version: number | undefined
  const { of } = pages({
    current: () => (version === undefined ? undefined : { version }),
    config: (_app, asked) => (reads.push(asked), configs[asked]!),
  })
  expect(of('a1')).toBeUndefined()
  version = 1
  expect(of('a1')).toBeUndefined()
  version = 2
  expect([of('a1'), of('a1')]).toEqual(Array(2).fill({ maintenance: '//a.test/soon', error: 'https://a.test/error?a=1&b=2' }))
  version = 3
  expect(of('a1')).toBeUndefined()
  expect(reads).toEqual([1, 2, 3])
})

it.each(['https://a.test/', 'http://a.test:8080/x?y=1#z', '//a.test/x', ''])('take %j', (url) =>
  expect(() => checkPage('ERROR_PAGE_URL', url)).not.toThrow(),
)
it.each(['a.test', '/x', 'javascript:alert(1)', 'data:text/html,x', 'ftp://a.test', 'https://', 'https://a.test/"x', "https://a.test/'x", 'https://a.test/<x', 'https://a.test/\r\nX: y', 'https://a b', `https://a.test/${'x'.repeat(2000)}`])('refuse %j', (url) =>
  expect(() => checkPage('MAINTENANCE_PAGE_URL', url)).toThrow('MAINTENANCE_PAGE_URL should be the address of a page'),
) // prettier-ignore
it('say nothing about other config vars', () => expect(() => checkPage('OTHER_URL', 'x')).not.toThrow())
