/** The arrows of ARCHITECTURE.md: anything not drawn there fails the build. */
const only = (name, from, ...to) => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: '\\.test\\.ts$' },
  to: { path: '^(server|cli|router|db|buildpacks|test)/', pathNot: [from, ...to] },
})

const WIRE = '^server/api/wire\\.ts$'
/** A noun's room may use only itself and what every room shares; another noun's types go freely (type-only imports). */
const SHARED = [
  '^server/(errors|clock|config|ids|failpoint|outside)\\.ts$',
  '^server/engine/(port|labels)\\.ts$',
  '^db/open\\.ts$',
  '^server/manifest/',
]

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    only('db-knows-nobody', '^db/'),
    only('buildpacks-know-nobody', '^buildpacks/'),
    only('cli-sees-wire-types', '^cli/', WIRE),
    only('router-sees-wire-types', '^router/', WIRE),
    only('server-is-a-server', '^server/', '^db/', '^buildpacks/'),
    {
      name: 'wire-is-types-only',
      severity: 'error',
      from: { path: '^(cli|router)/' },
      to: { path: '^server/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nouns-meet-in-main',
      comment: "a use-case gets another noun's verbs handed in by main.ts; only types cross rooms",
      severity: 'error',
      from: {
        path: '^server/([^/]+)/',
        pathNot: ['\\.test\\.ts$', '/main\\.ts$', '^server/(api|git|engine)/'],
      },
      to: { path: '^server/', pathNot: ['^server/$1/', ...SHARED], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'one-file-knows-dockerode',
      severity: 'error',
      from: { path: '^(server|router|cli|db|buildpacks)/', pathNot: '^server/engine/docker[a-z-]*\\.ts$' },
      to: { path: 'node_modules/(dockerode|@types/dockerode)' },
    },
    {
      name: 'only-the-edges-know-express',
      severity: 'error',
      from: { path: '^(server|router|cli|db)/', pathNot: '^server/(api|git)/' },
      to: { path: 'node_modules/(@types/)?express' },
    },
    {
      name: 'the-core-is-pure',
      severity: 'error',
      from: { path: '^server/(formation/(plan|backoff)|routing/table|builds/procfile)\\.ts$' },
      to: { dependencyTypes: ['core', 'npm'] },
    },
    {
      name: 'no-tests-in-product',
      severity: 'error',
      from: { pathNot: '(\\.test\\.ts$|^test/)' },
      to: { path: '(\\.test\\.ts$|^test/)' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
}
