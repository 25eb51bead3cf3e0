import { expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { attempts } from './attempts.ts'

it('who guesses tokens is told to wait, by address, until the minute is over (ABUSE 28)', async () => {
  const clock = fakeClock()
  const guard = attempts({ clock, perMinute: 3 })
  for (let n = 0; n < 3; n++) guard.wrong('192.0.2.1')
  expect(() => guard.wrong('192.0.2.1')).toThrow(
    /More than 3 wrong tokens came from 192\.0\.2\.1 in a minute \(DOZEN_LOGIN_RATE\)/,
  )
  expect(() => guard.wrong('192.0.2.2')).not.toThrow()
  await clock.advance(61_000)
  expect(() => guard.wrong('192.0.2.1')).not.toThrow()
})
