import { expect, it } from 'vitest'
import { transcript } from '../../support/fixed-server.ts'

const all = [
  { name: 'timeout', value: '90s', default: '30s', own: true, about: 'to the first byte' },
  { name: 'max-body', value: 'none', default: 'none', own: false, about: 'largest body' },
]
const ROUTES = { 'GET /apps/shop/settings': all, 'PATCH /apps/shop/settings': all }

it('shows, sets and unsets settings', async () => {
  const { text, changes } = await transcript(
    ROUTES,
    [
      ['settings'],
      ['settings:set', 'timeout=90s', 'max-body=10m'],
      ['settings:unset', 'timeout'],
      ['settings:set', 'timeout'],
      ['settings', '--json'],
    ],
    { env: { DOZEN_APP: 'shop' } },
  )
  expect(text).toMatchInlineSnapshot(`
    "$ dozen settings
    === shop Settings
    setting   value           what
    timeout   90s             to the first byte
    max-body  none   default  largest body

    $ dozen settings:set timeout=90s max-body=10m
    ! Setting timeout, max-body of shop... done

    $ dozen settings:unset timeout
    ! Unsetting timeout of shop... done

    $ dozen settings:set timeout
    ! Error: "timeout" is not KEY=value.
    [status 2]

    $ dozen settings --json
    [
      {
        "name": "timeout",
        "value": "90s",
        "default": "30s",
        "own": true,
        "about": "to the first byte"
      },
      {
        "name": "max-body",
        "value": "none",
        "default": "none",
        "own": false,
        "about": "largest body"
      }
    ]
    "
  `)
  expect(changes).toMatchInlineSnapshot(`
    [
      [
        "PATCH /apps/shop/settings",
        {
          "max-body": "10m",
          "timeout": "90s",
        },
      ],
      [
        "PATCH /apps/shop/settings",
        {
          "timeout": null,
        },
      ],
    ]
  `)
})
