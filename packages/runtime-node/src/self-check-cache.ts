import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { makeFolder, writeFileAtomically } from '@inverseform/backbones/node'
import { type Candidate, SELF_CHECK_TOLERANCE } from '@inverseform/runtime'
import type { Device } from './devices.js'

/** All that a verdict of the self-check hangs on. */
export interface CheckedDevice extends Candidate<Device> {
  readonly deviceId?: number
  readonly onnxruntime: string
  readonly inverseform: string
  /** The driver, as `Machine.driverIdentity` tells it. */
  readonly driver: string
}

/** Where passed verdicts are kept. */
export interface VerdictStore {
  /** How far the device was off the CPU when it was checked; undefined where it was not, or did not pass. */
  find(checked: CheckedDevice): Promise<number | undefined>
  keep(checked: CheckedDevice, disagreement: number): Promise<void>
}

/** Bytes of a verdict's file: the driver's files are named in it, some of them with long paths. */
const MAX_BYTES = 2 ** 16

/**
 * A file for each verdict, so that threads and processes can write at once. It is a convenience: a folder that cannot be
 * written and a file that is damaged only mean that the check is made again.
 */
export function verdictFolder(folder: string): VerdictStore {
  const pathOf = (checked: CheckedDevice) => {
    return join(folder, `${createHash('sha256').update(identityOf(checked)).digest('hex')}.json`)
  }
  return {
    async find(checked) {
      try {
        const path = pathOf(checked)
        const info = await stat(path)
        // A pipe or a device might never end.
        if (!info.isFile() || info.size > MAX_BYTES) return undefined
        const { disagreement } = JSON.parse(await readFile(path, 'utf8'))
        const isShare = typeof disagreement === 'number' && disagreement >= 0
        const passed = isShare && disagreement <= SELF_CHECK_TOLERANCE
        return passed ? disagreement : undefined
      } catch {
        return undefined
      }
    },
    async keep(checked, disagreement) {
      const text = `${JSON.stringify({ ...checked, disagreement }, null, 2)}\n`
      try {
        await makeFolder(folder)
        await writeFileAtomically(pathOf(checked), (sink) => sink.write(new TextEncoder().encode(text)))
      } catch {
        // It is checked again next time.
      }
    },
  }
}

/** The user's folder for what programs can make again, by the platform's custom; undefined for a user without a home. */
export function userCacheFolder(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  home: () => string = homedir,
): string | undefined {
  const { LOCALAPPDATA, XDG_CACHE_HOME = '' } = env
  if (platform === 'win32' && LOCALAPPDATA) return LOCALAPPDATA
  // Relative ones are to be ignored (https://specifications.freedesktop.org/basedir-spec/latest/).
  if (platform !== 'win32' && platform !== 'darwin' && isAbsolute(XDG_CACHE_HOME)) return XDG_CACHE_HOME
  const custom = { win32: 'AppData/Local', darwin: 'Library/Caches' } as Record<string, string>
  try {
    return join(home(), custom[platform] ?? '.cache')
  } catch {
    // Of a user whom the system does not know, as containers may be started with.
    return undefined
  }
}

export function userVerdicts(): VerdictStore | undefined {
  const caches = userCacheFolder()
  return caches === undefined ? undefined : verdictFolder(join(caches, 'inverseform', 'self-check'))
}

const identityOf = ({ device, precision, deviceId, onnxruntime, inverseform, driver }: CheckedDevice) =>
  JSON.stringify([device, precision, deviceId ?? null, onnxruntime, inverseform, driver])
