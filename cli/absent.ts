/** What Heroku's client can do and dozen cannot (yet), by the beginning of the command, and what to do instead. */
const ABSENT: readonly (readonly [beginning: RegExp, sentence: string])[] = [
  [/^(pg|redis|data|psql)(:|$)/, 'dozen has no databases of its own yet: run one in a container or elsewhere, and set its address with `dozen config:set DATABASE_URL=…`.'],
  [/^(ci|ci:.*)$/, 'dozen has no CI: run the tests where the code is, and push when they pass.'],
  [/^(spaces|teams|orgs|members|enterprise)(:|$)/, 'dozen has no teams or spaces: `dozen access:add` lets someone work on an app, `dozen users:create` gives them an account.'],
  [/^container(:|$)/, 'dozen builds images by itself: `dozen stack:set container` and `git push dozen main` build your Dockerfile.'],
  [/^(ps:exec|ps:copy|ps:forward|ps:socks|run:inside|ssh|exec)$/, 'Nothing is run inside a dyno that is up: `dozen run bash` starts a one-off dyno of the same release.'],
  [/^ps:autoscale(:|$)/, 'dozen scales when you say so: `dozen ps:scale web=2`.'],
  [/^reviewapps(:|$)/, 'dozen makes no review apps: `dozen create` and `dozen pipelines:add --stage review` make an app for a branch.'],
  [/^pipelines:(connect|setup)$/, 'dozen is not connected to a code host: `git push dozen main` deploys, also from a CI job.'],
  [/^labs(:|$)/, '`dozen features` lists what can be switched on for an app, `dozen settings` what can be set.'],
  [/^status$/, '`dozen doctor` checks this client, its settings and the server.'],
  [/^local(:|$)/, 'To run the Procfile without dozen, use a tool such as honcho or foreman, with `dozen config --shell > .env`.'],
  [/^(telemetry)(:|$)/, '`dozen drains:add` sends the log stream elsewhere, `dozen metrics` shows what the router counts.'],
  [/^(clients|sessions)(:|$)/, 'Tokens are all there is: `dozen authorizations`.'],
  [/^addons:/, 'dozen has no add-on services yet: run the service in a container or elsewhere, and set its address with `dozen config:set`.'],
  [/^accounts(:|$)/, '`dozen login URL` saves a token for each server; DOZEN_TOKEN sets another for one command.'],
  [/^apps:errors$/, '`dozen logs --level error` shows errors, `dozen metrics` counts them.'],
  [/^apps:(favorites|join|lock|unlock)/, '`dozen apps` lists all that you may see; `dozen access` says who may work on one.'],
  [/^auth:2fa/, 'Tokens are all there is: `dozen authorizations`.'],
  [/^buildpacks:(info|search|versions)$/, "Ours are heroku/nodejs, heroku/python, heroku/go, heroku/ruby and heroku/static; any other is given by its git address: `dozen buildpacks:set URL`."],
  [/^certs:generate$/, '`dozen certs:auto:enable` gets certificates by itself; `openssl req -x509` makes one of your own.'],
  [/^(pipelines|dashboard|orgs):open$|^(dashboard|notifications|repl|mcp)(:|$)/, 'There is no such page here: `dozen help` lists what there is, `dozen open` opens an app.'],
  [/^usage(:|$)/, 'Nothing here costs money. `dozen disk` shows what takes room, `dozen limits` what processes may use.'],
  [/^webhooks:(deliveries|events):info$/, '`dozen webhooks:deliveries --json` has all of them.'],
  [/^version:info$/, '`dozen version` prints the version, `dozen doctor` what it works with.'],
  [/^(update|plugins)(:|$)/, 'This client comes with the server: update the checkout.'],
] // prettier-ignore

/** What to do in place of a command of Heroku's that dozen has not; undefined for any other word. */
export const insteadOf = (name: string): string | undefined => ABSENT.find(([beginning]) => beginning.test(name))?.[1]
