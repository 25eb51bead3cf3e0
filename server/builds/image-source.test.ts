import { expect, it } from 'vitest'
import { LABEL } from '../engine/labels.ts'
import { fakeEngine } from '../../test/support/fake-engine.ts'
import { imageSource, parseImage } from './image-source.ts'

it.each([
  ['nginx', 'nginx:latest'],
  ['host:5000/team/app', 'host:5000/team/app:latest'],
  ['host.example/a/b__c:V-1.0', 'host.example/a/b__c:V-1.0'],
  [`a/b@sha256:${'0'.repeat(64)}`, `a/b@sha256:${'0'.repeat(64)}`],
])('%s is %s', (text, ref) => expect(parseImage(text)).toBe(ref))

it.each([
  '', '--privileged', 'a b', 'a;id', 'A', '../x', 'a:', 'a@sha256:1', `sha256:${'0'.repeat(64)}`, '0'.repeat(64), 'a:b:c', 'http://x/y', `a${'/a'.repeat(200)}`, 'a\nb',
])('%j is refused (ABUSE 14)', (text) => expect(() => parseImage(text)).toThrow('is no image reference')) // prettier-ignore

const input = (appId: string) => ({ appId, appName: appId, buildId: 'b', source: { ref: 'x' }, commit: '', config: {} }) as const
const io = { signal: new AbortController().signal, log: () => {} }

it("keeps an image under the app's own labels, and takes none of another app (ABUSE 45)", async () => {
  const engine = fakeEngine()
  const adopt = imageSource({ engine, instance: 'i', inputsKey: Buffer.from('k') })
  const ref = 'team/app:v1'
  await engine.tag(await engine.build(undefined as never, { labels: {}, args: {}, onOutput: () => {} }), ref)
  const built = await adopt(input('mine'), ref, io)
  expect(built).toMatchObject({ imageKind: 'dockerfile', processTypes: { web: '' }, isReused: false })
  expect((await engine.image(built.image))?.labels).toMatchObject({
    [LABEL.app]: 'mine',
    [LABEL.instance]: 'i',
    [LABEL.role]: 'image',
  })
  await engine.tag(built.image, 'taken:v1')
  await expect(adopt(input('other'), 'taken:v1', io)).rejects.toThrow('belongs to another app')
})

it('says what to do when an image is neither here nor to be had', async () => {
  const adopt = imageSource({ engine: fakeEngine(), instance: 'i', inputsKey: Buffer.from('k') })
  await expect(adopt(input('mine'), 'nope:v1', io)).rejects.toThrow(/nope:v1 is not on this machine.*docker pull nope:v1/)
})
