import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Finished, ROOT, run } from './programs.ts'

/** Path → content; null removes the file. */
export type Files = Record<string, string | Buffer | null>
/** Files on top of what is there; or a folder (absolute, or below test/fixtures/apps or examples) in place of it; or a folder with files on top. */
export type Source = Files | string | readonly [folder: string, files: Files]

const IDENTITY = {
  GIT_AUTHOR_NAME: 'A User',
  GIT_AUTHOR_EMAIL: 'user@example.com',
  GIT_COMMITTER_NAME: 'A User',
  GIT_COMMITTER_EMAIL: 'user@example.com',
}

/** A user's git repository. */
export class Worktree {
  constructor(
    readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  async init(): Promise<void> {
    await this.must('init', '--quiet', '--initial-branch=main')
  }

  git(...args: string[]): Promise<Finished> {
    return run('git', args, { cwd: this.folder, env: { ...this.env, ...IDENTITY } })
  }

  /** Makes the tree what `source` says and commits it, even when nothing changed. Returns the commit's id. */
  async commit(source: Source, message = 'A change'): Promise<string> {
    if (typeof source === 'string') await this.replace(source)
    else if (isPair(source)) {
      await this.replace(source[0])
      await this.write(source[1])
    } else await this.write(source)
    await this.must('add', '--all')
    await this.must('commit', '--quiet', '--allow-empty', '--message', message)
    return (await this.must('rev-parse', 'HEAD')).stdout.trim()
  }

  async write(files: Files): Promise<void> {
    for (const [path, content] of Object.entries(files)) {
      const target = join(this.folder, path)
      if (content === null) await rm(target, { recursive: true, force: true })
      else {
        await mkdir(dirname(target), { recursive: true })
        await writeFile(target, content)
      }
    }
  }

  private async replace(source: string): Promise<void> {
    const from = [source, join(ROOT, 'test/fixtures/apps', source), join(ROOT, 'examples', source)].find((path) =>
      existsSync(path),
    )
    if (!from) throw new Error(`There is no folder ${source}, nor one of that name below test/fixtures/apps or examples.`)
    const old = (await readdir(this.folder)).filter((name) => name !== '.git')
    await Promise.all(old.map((name) => rm(join(this.folder, name), { recursive: true, force: true })))
    await cp(from, this.folder, { recursive: true, filter: (path) => !path.includes('/node_modules') || path === from })
  }

  private async must(...args: string[]): Promise<Finished> {
    const done = await this.git(...args)
    if (done.code !== 0) throw new Error(`git ${args.join(' ')} ended with status ${done.code}:\n${done.stderr}`)
    return done
  }
}

const isPair = (source: Source): source is readonly [string, Files] => Array.isArray(source)

const SERVER = (version: string) => `
const { createServer } = require('node:http')
const server = createServer((request, response) => {
  if (request.url === '/env') return response.end(JSON.stringify(process.env))
  if (request.url === '/crash') return process.exit(1)
  response.end(${JSON.stringify(version)})
})
server.listen(process.env.PORT, () => console.log('listening as ' + ${JSON.stringify(version)}))
process.on('SIGTERM', () => server.close(() => process.exit(0)))
`

/**
 * A Node.js app without dependencies that answers every path with `version`, `/env` with its environment as JSON, and crashes at `/crash`.
 * `procfile` adds process types.
 */
export const nodeApp = (version: string, { procfile = '' }: { procfile?: string } = {}): Files => ({
  'package.json': `${JSON.stringify({ name: 'fixture', version: '1.0.0', private: true })}\n`,
  'package-lock.json': `${JSON.stringify({
    name: 'fixture',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: { '': { name: 'fixture', version: '1.0.0' } },
  })}\n`,
  Procfile: `web: node server.js\n${procfile}`,
  'server.js': SERVER(version),
})
