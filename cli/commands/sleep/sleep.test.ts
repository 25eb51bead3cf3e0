import { expect, it } from 'vitest'
import { transcript } from '../../support/fixed-server.ts'

const asleep = { enabled: true, after: 1800, asleep_since: '2026-01-01T11:58:30Z' }
const words = [['sleep'], ['sleep:on', '--after', '90s'], ['sleep:on', '--after', 'long'], ['sleep:off'], ['sleep', '--json']]

it('shows sleep, and turns it on and off', async () => {
  const routes = {
    'GET /apps/shop/sleep': asleep,
    'PUT /apps/shop/sleep': { ...asleep, after: 90 },
    'DELETE /apps/shop/sleep': {},
  }
  const { text, changes } = await transcript(routes, words, { env: { DOZEN_APP: 'shop' } })
  expect(text).toMatchInlineSnapshot(`
    "$ dozen sleep
    on, after 30m without a visit; asleep since 2026/01/01 11:58:30 +0000 (~ 1m ago)

    $ dozen sleep:on --after 90s
    ! Letting shop sleep... done, after 90s without a visit

    $ dozen sleep:on --after long
    ! Error: "long" is no time; they look like 90s, 30m or 2h.
    [status 2]

    $ dozen sleep:off
    ! Keeping shop awake... done

    $ dozen sleep --json
    {
      "enabled": true,
      "after": 1800,
      "asleep_since": "2026-01-01T11:58:30Z"
    }
    "
  `)
  expect(changes).toEqual([['PUT /apps/shop/sleep', { after: 90 }], ['DELETE /apps/shop/sleep', undefined]]) // prettier-ignore
})

it('says when it is off', async () => {
  const routes = { 'GET /apps/shop/sleep': { enabled: false, after: 1800, asleep_since: null } }
  expect((await transcript(routes, [['sleep']], { env: { DOZEN_APP: 'shop' } })).text).toBe('$ dozen sleep\noff\n')
})
