export type Target = { dynoName?: string; processType?: string }

/** "web.1" → a dyno, "web" → a process type, nothing → all of them: the path below /apps/:app, and how to say it. */
export function targetOf(name: string | undefined, { dynoName, processType }: Target): { path: string[]; label: string } {
  const dyno = dynoName ?? (name?.includes('.') ? name : undefined)
  if (dyno) return { path: ['dynos', dyno], label: `dyno ${dyno}` }
  const type = processType ?? name
  return type ? { path: ['formations', type], label: `all ${type} dynos` } : { path: ['dynos'], label: 'all dynos' }
}
