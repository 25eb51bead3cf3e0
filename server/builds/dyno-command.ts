import type { ImageSource } from '../releases/release.ts'

/**
 * A process's command as argv. Buildpack images: our start script sources the app's profile scripts and then lets bash run the command. Dockerfile
 * images: the image's own shell; "" leaves the image's ENTRYPOINT and CMD as they are. User text is only ever one argument.
 */
export function dynoCommand(
  { imageKind }: Pick<ImageSource, 'imageKind'>,
  command: string,
): { cmd?: string[]; entrypoint?: string[] } {
  if (imageKind === 'buildpack') return { entrypoint: [], cmd: ['/opt/dozen/start', command] }
  return command === '' ? {} : { entrypoint: [], cmd: ['/bin/sh', '-c', command] }
}
