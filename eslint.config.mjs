import tseslint from 'typescript-eslint'

const SHELL = [
  'exec and execSync hand text to a shell; use spawn or execFile with an argument array (ARCHITECTURE.md law 6).',
].join('')

/** Law 6 (no shell) everywhere; the clock is a port under server/; only a process's main reads its environment. */
const noShell = {
  'no-restricted-imports': [
    'error',
    {
      paths: ['child_process', 'node:child_process'].map((name) => ({ name, importNames: ['exec', 'execSync'], message: SHELL })),
    },
  ],
}
const CHILD = '/^(node:)?child_process$/'
const noShellSyntax = [
  {
    selector: `ImportDeclaration[source.value=${CHILD}] > :matches(ImportNamespaceSpecifier, ImportDefaultSpecifier)`,
    message: `Import spawn or execFile by name: ${SHELL}`,
  },
  { selector: `CallExpression[callee.name='require'][arguments.0.value=${CHILD}]`, message: `Import it: ${SHELL}` },
  { selector: `ImportExpression[source.value=${CHILD}]`, message: `Import spawn or execFile by name: ${SHELL}` },
  {
    selector: 'CallExpression[callee.name=/^(spawn|spawnSync|execFile|execFileSync|fork)$/][arguments.0.value=/\\s/]',
    message: `A program and its arguments, no command line: ${SHELL}`,
  },
  {
    selector: "CallExpression[callee.name=/^(spawn|spawnSync|execFile|execFileSync)$/][arguments.0.type='TemplateLiteral']",
    message: `A program and its arguments, no command line: ${SHELL}`,
  },
  { selector: "Property[key.name='shell']:not([value.value=false])", message: SHELL },
  { selector: "CallExpression[callee.name='eval'], NewExpression[callee.name='Function']", message: 'No eval.' },
]
const clockIsAPort = [
  { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: 'Use the clock port.' },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Use the clock port.' },
  { selector: 'CallExpression[callee.name=/^set(Timeout|Interval)$/]', message: 'Use clock.sleep.' },
]
const mainOwnsTheProcess = [
  { selector: "MemberExpression[object.name='process'][property.name='env']", message: 'Only main.ts reads the environment.' },
  { selector: "CallExpression[callee.object.name='process'][callee.property.name='exit']", message: 'Only main.ts exits.' },
]

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'test/fixtures', 'examples', 'buildpacks/**/vendor', '.cache'] },
  ...tseslint.configs.recommended,
  {
    rules: {
      ...noShell,
      'no-restricted-syntax': ['error', ...noShellSyntax],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 3],
    },
  },
  {
    files: ['server/**/*.ts'],
    ignores: ['server/clock.ts', 'server/**/main.ts', 'server/supervisor.ts', '**/*.test.ts'],
    rules: { 'no-restricted-syntax': ['error', ...noShellSyntax, ...clockIsAPort, ...mainOwnsTheProcess] },
  },
  {
    files: ['scripts/**', 'test/**', 'bin/**', '**/*.test.ts', '**/main.ts', 'server/supervisor.ts'],
    rules: { 'no-console': 'off' },
  },
  { files: ['test/**', '**/*.test.ts'], rules: { 'max-lines': 'off' } },
)
