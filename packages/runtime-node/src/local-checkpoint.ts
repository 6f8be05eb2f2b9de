import { localCheckpoint } from '@inverseform/backbones/node'
import type { LoadingOptions } from '@inverseform/runtime'
import type { Device } from './devices/devices.js'
import type { NetworkSettings } from './options.js'

/** Replaces the name or the URL of a checkpoint by the path of its file, which is downloaded if needed. */
export async function withLocalCheckpoint<S extends Pick<NetworkSettings, 'checkpoint'>>(
  settings: S,
  { signal, onProgress }: LoadingOptions<Device>,
): Promise<S> {
  const { checkpoint } = settings
  if (typeof checkpoint !== 'string') return settings
  const path = await localCheckpoint(checkpoint, {
    signal,
    onProgress: (loaded, total) => onProgress?.({ stage: 'download', loaded, total }),
  })
  return { ...settings, checkpoint: path }
}
