import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { writeFileAtomically } from '@inverseform/backbones/node'
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
        const { disagreement } = JSON.parse(await readFile(pathOf(checked), 'utf8'))
        const passed = typeof disagreement === 'number' && disagreement <= SELF_CHECK_TOLERANCE
        return passed ? disagreement : undefined
      } catch {
        return undefined
      }
    },
    async keep(checked, disagreement) {
      const text = `${JSON.stringify({ ...checked, disagreement }, null, 2)}\n`
      try {
        await mkdir(folder, { recursive: true })
        await writeFileAtomically(pathOf(checked), (sink) => sink.write(new TextEncoder().encode(text)))
      } catch {
        // It is checked again next time.
      }
    },
  }
}

/** The user's folder for what programs can make again, by the platform's custom. */
export function userCacheFolder(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
): string {
  if (platform === 'win32') return env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches')
  return env.XDG_CACHE_HOME || join(homedir(), '.cache')
}

export const userVerdicts = (): VerdictStore => {
  return verdictFolder(join(userCacheFolder(), 'inverseform', 'self-check'))
}

const identityOf = ({ device, precision, deviceId, onnxruntime, inverseform, driver }: CheckedDevice) =>
  JSON.stringify([device, precision, deviceId ?? null, onnxruntime, inverseform, driver])
