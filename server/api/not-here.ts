import { AppError } from '../errors.ts'

/** What Heroku has and dozen has not: a path's beginning, the resource's name, and what to do instead. The first that fits counts. */
const ABSENT: readonly [path: RegExp, resource: string, sentence: string][] = [
  [/^\/(teams|organizations|enterprise-accounts)(\/|$)/, 'team', 'There are no teams here: apps belong to people, and `dozen access:add` lets others work on one.'],
  [/^\/spaces(\/|$)/, 'space', 'There are no spaces here: every app runs on this machine, apart from the others.'],
  [/^\/oauth\/(clients|tokens)(\/|$)/, 'oauth client', 'There are no OAuth clients here: `dozen authorizations:create` makes a token for a program.'],
  [/telemetry-drains(\/|$)/, 'telemetry drain', 'There are no telemetry drains here: `dozen drains:add` sends the log stream elsewhere.'],
  [/^\/(test-runs|pipelines\/[^/]+\/test-runs)(\/|$)/, 'test run', 'There is no CI here: run the tests where the code is, and push when they pass.'],
  [/^\/pipelines\/[^/]+\/stage\//, 'pipeline config var', 'Pipelines have no config vars here: set them on each app, `dozen config:set`.'],
  [/^\/app-setups(\/|$)/, 'app setup', 'There are no app setups here: `dozen create` and `git push` read app.json too.'],
  [/^\/(account\/(credits|invoices|invoice-address|delinquency|payment)|users\/[^/]+\/(usage|sms-number))/, 'invoice', 'Nothing here costs money: there is no billing.'],
  [/^\/apps\/[^/]+\/(usage|monitors|formation\/[^/]+\/(monitors|metrics))/, 'usage', 'dozen keeps no such figures yet: `dozen ps` and `dozen limits` say what runs and what it may use.'],
  [/^\/(addons\/[^/]+\/(webhooks|webhook-events|webhook-deliveries|actions))/, 'add_on', 'There are no add-ons here: run the service elsewhere and set its address with `dozen config:set`.'],
  [/^\/apps\/[^/]+\/oci-images(\/|$)/, 'oci image', 'Images are made by pushes here: `git push dozen main` builds a Dockerfile too.'],
  [/^\/password-resets(\/|$)/, 'password', 'There are no passwords here: `$DOZEN_HOME/admin-token` lets the administrator in, who makes the others a token.'],
  [/^\/apps\/[^/]+\/dynos\/[^/]+$/, 'dyno', 'Nothing runs inside a dyno that is up already: `dozen run` starts a one-off dyno of the same release.'],
] // prettier-ignore

/** The 404 of a route that does not exist: a sentence that says what to do, whoever asks for what. */
export function notHere(method: string, path: string): AppError {
  const found = ABSENT.find(([pattern]) => pattern.test(path))
  if (found) return new AppError('not_found', found[2], { resource: found[1] })
  return new AppError('not_found', `There is no ${method} ${path} here. docs/api.md lists what there is.`)
}
