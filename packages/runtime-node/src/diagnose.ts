import { startWorker } from './worker/client.js'
import type { Diagnosis } from './worker/tasks/diagnosis.js'

/**
 * Reports what networks can run on here: tries each device of the installation, including those that `auto` skips.
 * Verdicts of earlier self-checks are not used.
 * @throws InverseFormError `runtime-unavailable` if neither the native library nor WebAssembly can be loaded
 */
export async function diagnose(): Promise<Diagnosis> {
  const { client, loaded } = await startWorker('diagnosis', undefined)
  await client.dispose()
  return loaded
}
