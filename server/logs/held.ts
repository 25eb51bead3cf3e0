import { LABEL } from '../engine/labels.ts'
import type { Engine } from '../engine/port.ts'

/** Lets those go on that an earlier life of the controller held for their log when it was killed (pace.ts). Before anything looks at them. */
export const letGo = (engine: Pick<Engine, 'list' | 'unpause'>, instance: string) => async (): Promise<void> => {
  const ours = await engine.list({ [LABEL.instance]: instance })
  await Promise.all(ours.filter(({ state }) => state === 'paused').map(({ id }) => engine.unpause(id)))
}
