import { invalid, notFound } from '../../errors.ts'
import { appOf, GET, listed, ok, PATCH, type Call, type Deps, type Route } from '../route.ts'

const EPOCH = '2026-01-01T00:00:00Z'

/** What Heroku makes a switch and dozen always does: `heroku features` shows it on, and it stays on. */
const PREBOOT = {
  id: '00000000-0000-4000-8000-000000000031',
  name: 'preboot',
  display_name: 'Preboot',
  description: 'New processes are proven and routed before the old ones stop',
  doc_url: 'https://devcenter.heroku.com/articles/preboot',
  feedback_email: '',
  state: 'general',
  enabled: true,
  created_at: EPOCH,
  updated_at: EPOCH,
}

/** Switches of Heroku's; dozen's own settings have routes of their own. */
export function featureRoutes(deps: Deps): Route[] {
  const found = (call: Call) => {
    appOf(deps, call)
    if (![PREBOOT.name, PREBOOT.id].includes(call.params['feature']!)) throw notFound('app feature')
    return ok(PREBOOT)
  }
  const change = (call: Call) => {
    const answer = found(call)
    if (typeof call.body['enabled'] !== 'boolean') throw invalid('enabled should be true or false.')
    if (!call.body['enabled']) throw invalid('preboot is always on: dozen starts the new processes before it stops the old ones.')
    return answer
  }
  const none = () => {
    throw notFound('account feature')
  }
  return [
    GET('/apps/:app/features', 'read', (call) => (appOf(deps, call), listed([PREBOOT], { id: (one) => one.id }, (one) => one))), // dozen features
    GET('/apps/:app/features/:feature', 'read', found), // dozen features:info
    PATCH('/apps/:app/features/:feature', 'write', change), // dozen features:enable, features:disable
    GET('/account/features', 'identity', () => ok([])), // heroku labs
    GET('/account/features/:feature', 'identity', none), // heroku labs:info
    PATCH('/account/features/:feature', 'global', none), // heroku labs:enable
  ]
}
