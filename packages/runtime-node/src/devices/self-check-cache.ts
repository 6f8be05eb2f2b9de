import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Candidate, SELF_CHECK_TOLERANCE, type VerdictStore } from '@inverseform/runtime'
import { inverseFormCache, makeFolder, writeWholeFile } from '@inverseform/shared/node'
import type { Device } from './devices.js'

/** Everything that the verdict of a self-check depends on. */
export interface CheckedDevice extends Candidate<Device> {
  readonly deviceId?: number
  readonly onnxruntime: string
  readonly inverseform: string
  /** The driver, from `Machine.driverIdentity`. */
  readonly driver: string
}

/** Returns the key of a verdict. */
export function verdictKey(checked: CheckedDevice): string {
  const { device, precision, deviceId, onnxruntime, inverseform, driver } = checked
  return JSON.stringify([device, precision, deviceId ?? null, onnxruntime, inverseform, driver])
}

/** The most bytes of a verdict's file, which names the driver's files, some with long paths. */
const MAX_BYTES = 2 ** 16

/**
 * Keeps each verdict in a separate file, so that threads and processes can write at once. If the folder cannot be
 * written or a file is damaged, the check runs again.
 */
export function verdictFolder(folder: string): VerdictStore {
  const pathOf = (key: string) => join(folder, `${createHash('sha256').update(key).digest('hex')}.json`)
  return {
    async find(key) {
      try {
        const path = pathOf(key)
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
    async keep(key, disagreement) {
      const text = `${JSON.stringify({ key, disagreement }, null, 2)}\n`
      try {
        await makeFolder(folder)
        await writeWholeFile(pathOf(key), new TextEncoder().encode(text))
      } catch {
        // The check runs again next time.
      }
    },
  }
}

/** Returns the verdicts in the cache folder; undefined for a user without one. */
export function userVerdicts(): VerdictStore | undefined {
  const cache = inverseFormCache()
  return cache === undefined ? undefined : verdictFolder(join(cache, 'self-check'))
}
